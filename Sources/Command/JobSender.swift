// Publishes what a command says, as far as Redis takes it: its backlog goes out in order, a few events at a time.
// An event that was under way when Redis was lost may have arrived; see Backlog.lose.

import Feed
import Jobs
import Loop
import Redis

final class JobSender {
    /// How long Redis may answer nothing before nobody waits for it any more.
    static let patience = Duration.seconds(2)
    private static let inFlightMax = 8
    /// With more than this the command waits, while Redis answers.
    private static let readAheadBytesMax = 1 << 20

    private let job: String
    private let channel: [UInt8]
    private let names: RecordedNames
    private let worry: Worry
    /// Called when something was answered, or can't be any more.
    var progressed: () -> Void = {}
    private var commands: RedisCommands?
    /// Known once it is known what Redis remembers of the job.
    private var opening: Opening?
    private var backlog = Backlog()
    private let begun = WallTime.now
    private var ending: [UInt8] = []
    private var inFlight = 0
    private(set) var lastAnswer = Instant.now()
    /// Refused by Redis.
    private var linesRefused = 0

    private struct Opening {
        /// Nil where the job goes on with the one it is at.
        let attempt: Int?
        let time: WallTime
    }

    init(of job: String, on channel: String, _ names: RecordedNames, _ worry: Worry) {
        (self.job, self.channel) = (job, Array(channel.utf8))
        (self.names, self.worry) = (names, worry)
    }

    var isDone: Bool { inFlight == 0 && backlog.isEmpty }
    /// That nobody has heard.
    var linesLeft: Int { backlog.linesLeft + linesRefused }
    private var isStalled: Bool { Instant.now() - lastAnswer > Self.patience }

    /// Whether the command may go on at once. Not while Redis is a little behind; but it waits for no Redis that
    /// is away.
    var keepsUp: Bool {
        backlog.bytes < Self.readAheadBytesMax || commands?.state != .ready || isStalled
    }

    func connected(_ commands: RedisCommands) {
        self.commands = commands
        lastAnswer = .now()
        guard opening == nil else { return send() }
        KeptJob.ask([job], as: names, commands) { [unowned self] kept in
            let before = kept[job].flatMap { $0.hasEnded ? $0.attempt + 1 : nil }
            opening = Opening(attempt: before, time: begun)
            send()
        }
    }

    func put(_ lines: [String], of stream: LogStream) {
        backlog.put(lines, of: stream, at: .now)
        send()
    }

    /// The last that is said.
    func end(_ event: [UInt8]) {
        ending = event
        backlog.end()
        send()
    }

    private func send() {
        guard let commands, let opening, commands.state == .ready else { return }
        // Where nothing was asked no answer is owed.
        if inFlight == 0 { lastAnswer = .now() }
        while inFlight < Self.inFlightMax, let entry = backlog.next() {
            inFlight += 1
            let words = [Array("PUBLISH".utf8), channel, event(entry, opening)]
            commands.send(words) { [unowned self] in hear($0, of: entry) }
        }
    }

    private func hear(_ answer: RedisCommands.Answer, of entry: Backlog.Entry) {
        inFlight -= 1
        switch answer {
        case .success(.integer):
            lastAnswer = .now()
            send()
        case .success(let refusal):
            lastAnswer = .now()
            if case .lines(let lines) = entry { linesRefused += lines.lines.count }
            worry.tell("Redis does not take it: \(refusal.words)")
            send()
        case .failure: backlog.lose(entry)
        }
        progressed()
    }

    private func event(_ entry: Backlog.Entry, _ opening: Opening) -> [UInt8] {
        switch entry {
        case .start: JobEvents.start(attempt: opening.attempt, at: opening.time)
        case .missing(let lines): JobEvents.missing(lines, at: .now)
        case .lines(let lines): JobEvents.log(lines.lines, stream: lines.stream, at: lines.time)
        case .end: ending
        }
    }
}

extension RedisReply {
    fileprivate var words: String {
        if case .error(let text) = self { PrintableText.plain(text) } else { "it answered \(self)" }
    }
}

extension WallTime {
    static var now: WallTime { WallTime(milliseconds: WallClock.milliseconds()) }
}

/// Says the first thing that is wrong, and no other.
final class Worry {
    private let place: Place
    private var wasTold = false

    init(_ place: Place) { self.place = place }

    func tell(_ what: String) {
        guard !wasTold else { return }
        wasTold = true
        place.complain("jobwire exec: \(what); the command goes on")
    }
}
