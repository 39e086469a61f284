// Standard input, line by line, into a job's log. A thread reads, because a read may wait for ever; it
// reads on only when what it read before was published, so that memory stays bounded and a slow
// Redis slows the writer down instead.

import CLinux
import Loop
import Redis
import Settings

final class LinePublisher {
    private static let readBytesMax = 65_536

    private let channel: [UInt8]
    private let errand: RedisErrand
    private let pieces: Mailbox<[UInt8]>
    private let credit: Int32
    private var commands: RedisCommands?
    private var batches = LineBatches()
    /// Read while Redis was away; published when it is back.
    private var held: [UInt8]?
    private var inFlight = 0
    private var owesCredit = false
    private var hasEnded = false
    private var published = 0
    private var lost = 0
    private var heard: Int64 = 0

    init(_ settings: Settings, channel: String) throws(Failure) {
        self.channel = Array(channel.utf8)
        credit = linux_eventfd()
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
        let (pieces, credit) = (pieces, credit)
        _ = try LoopThread.start(name: "jobwire-stdin") {
            while true {
                let bytes = System.read(System.input, atMost: Self.readBytesMax) ?? []
                pieces.post(bytes)
                guard !bytes.isEmpty else { return }
                _ = System.read(credit, atMost: 8)
            }
        }
    }

    private func resume() {
        guard let bytes = held else { return giveCredit() }
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
        guard let commands else { return }
        inFlight += 1
        commands.send([Array("PUBLISH".utf8), channel, LineBatches.event(lines)]) {
            [unowned self] in
            inFlight -= 1
            if case .success(.integer(let count)) = $0 {
                published += lines.count
                heard = count
            } else {
                lost += lines.count
            }
            goOn()
        }
    }

    private func goOn() {
        guard inFlight == 0 else { return }
        if hasEnded { return errand.finish() }
        if commands?.state == .ready { giveCredit() }
    }

    private func giveCredit() {
        guard owesCredit, inFlight == 0 else { return }
        owesCredit = false
        _ = System.write([1, 0, 0, 0, 0, 0, 0, 0], to: credit)
    }
}
