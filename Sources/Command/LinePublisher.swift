// Standard input, line by line, into a job's log, and at its end how the job has ended, where that was said. It is
// read on only when what was read before was published: a slow Redis slows the writer down.

import Loop
import Redis
import Settings

final class LinePublisher {
    private let channel: [UInt8]
    private let errand: RedisErrand
    private let pieces: Mailbox<[UInt8]>
    private var reader: PieceReader?
    private var commands: RedisCommands?
    private var batches = LineBatches()
    /// Read while Redis was away; published when it is back.
    private var held: [UInt8]?
    private var inFlight = 0
    private var owesCredit = false
    private var hasEnded = false
    /// Not published yet, or not known to be. To say it twice does no harm.
    private var end: JobEnd?
    private var published = 0
    private var lost = 0
    private var heard: Int64 = 0

    init(_ settings: Settings, channel: String, then end: JobEnd?) throws(Failure) {
        (self.channel, self.end) = (Array(channel.utf8), end)
        do throws(SystemError) { pieces = try Mailbox() } catch {
            throw Failure(.failed, "\(error)")
        }
        errand = try RedisErrand(settings, patience: .onceConnected)
    }

    func run(_ place: Place) throws(Failure) -> ExitCode {
        do throws(SystemError) {
            try errand.loop.attach(pieces) { [unowned self] in take($0) }
        } catch { throw Failure(.failed, "\(error)") }
        try errand.run { [unowned self] commands in
            self.commands = commands
            guard errand.connections == 1 else { return resume() }
            do throws(SystemError) { try startReading() } catch {
                errand.finish(Failure(.failed, "\(error)"))
            }
        }
        place.say("\(published) lines, " + Verb.subscribers(heard))
        guard lost == 0 else {
            throw Failure(.failed, "\(lost) lines were lost while Redis was away")
        }
        return .done
    }

    private func startReading() throws(SystemError) {
        let pieces = pieces
        reader = try PieceReader.start("jobwire-stdin", from: System.input) { pieces.post($0) }
    }

    private func resume() {
        guard let bytes = held else { return goOn() }
        held = nil
        take(bytes)
    }

    private func take(_ bytes: [UInt8]) {
        guard commands?.state == .ready else {
            held = bytes
            return
        }
        if bytes.isEmpty {
            hasEnded = true
            if let last = batches.finish() { publish(last) }
        } else {
            for lines in batches.take(bytes) { publish(lines) }
            owesCredit = true
        }
        goOn()
    }

    private func publish(_ lines: [String]) {
        publish(JobEvents.log(lines)) { [unowned self] answer in
            if case .success(.integer(let count)) = answer {
                published += lines.count
                heard = count
            } else {
                lost += lines.count
            }
        }
    }

    private func publish(_ end: JobEnd) {
        publish(JobEvents.end(end)) { [unowned self] answer in
            switch answer {
            case .success(.integer(let count)): (self.end, heard) = (nil, count)
            case .success(let other): errand.finish(Failure(.failed, "Redis answered \(other)"))
            case .failure: break
            }
        }
    }

    private func publish(_ event: [UInt8], _ told: @escaping (RedisCommands.Answer) -> Void) {
        guard let commands else { return }
        inFlight += 1
        commands.send([Array("PUBLISH".utf8), channel, event]) { [unowned self] in
            inFlight -= 1
            told($0)
            goOn()
        }
    }

    private func goOn() {
        guard inFlight == 0 else { return }
        guard hasEnded else { return giveCredit() }
        guard let end else { return errand.finish() }
        if commands?.state == .ready { publish(end) }
    }

    private func giveCredit() {
        guard owesCredit, commands?.state == .ready else { return }
        owesCredit = false
        reader?.goOn()
    }
}
