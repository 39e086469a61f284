// A command as a job: joins the child, the readers of its two streams, and the sender.
//
// The command never waits for a Redis that is away. What Ctrl-C sends, the terminal sends to the command as well;
// what somebody sent to us alone is handed on. Once the command has ended, a signal ends us.

import CLinux
import Jobs
import Loop
import Settings

final class Execution {
    private enum Said: Sendable {
        case bytes(LogStream, [UInt8])
        case ended(ChildEnding)
    }

    private enum Phase {
        case running
        /// Its streams may hold more than was read, or be held open by a child of its own.
        case emptying(quietBeats: Int)
        /// All is said; what is left waits for Redis.
        case delivering(since: Instant)
    }

    /// After the command has ended, however well Redis answers.
    static let deliveryMax = Duration.seconds(10)
    private static let beat = Duration.milliseconds(100)
    /// So long a stream must be empty to be taken for one that somebody else keeps open.
    private static let quietBeatsMax = 5

    private let place: Place
    private let errand: RedisErrand
    private let sender: JobSender
    private let said: Mailbox<Said>
    private var child: ChildProcess?
    private var begun = Instant.now()
    /// Until their end.
    private var readers: [LogStream: PieceReader] = [:]
    private var batches: [LogStream: LineBatches] = [:]
    /// Those that have handed on a piece and wait.
    private var owed: [LogStream] = []
    private var phase = Phase.running
    private var ending: ChildEnding?

    init(
        _ settings: Settings, job: String, channel: String, _ place: Place
    ) throws(Failure) {
        self.place = place
        let worry = Worry(place)
        errand = try RedisErrand(
            settings,
            patience: .asLong {
                worry.tell("Redis is away: \($0)")
                return true
            })
        sender = JobSender(of: job, on: channel, errand.names, worry)
        do throws(SystemError) { said = try Mailbox() } catch { throw Failure(.failed, "\(error)") }
        sender.progressed = { [unowned self] in goOn() }
    }

    func run(_ command: [String]) throws(Failure) -> ExitCode {
        do throws(SystemError) {
            try errand.loop.attach(said) { [unowned self] in hear($0) }
            try errand.loop.onSignals([SIGINT, SIGTERM, SIGHUP, SIGQUIT]) { [unowned self] in
                hear($0, from: $1)
            }
        } catch { throw Failure(.failed, "\(error)") }
        try start(command)
        _ = errand.loop.arm(self, after: Self.beat)
        try errand.run { [unowned self] in sender.connected($0) }
        guard let ending else { fatalError("over before the command has ended") }
        if sender.linesLeft > 0 || !sender.isDone {
            let end = sender.isDone ? "" : " and the job's end"
            place.complain("jobwire exec: \(sender.linesLeft) lines\(end) were not published")
        }
        return .command(ending.exitCode)
    }

    private func start(_ command: [String]) throws(Failure) {
        let started: (child: ChildProcess, output: Int32, errors: Int32)
        do throws(FileFault) { started = try TiedChild.start(command) } catch {
            throw Failure(.failed, "\(command[0]) could not be started: \(error)")
        }
        (child, begun) = (started.child, .now())
        let said = said
        do throws(SystemError) {
            for (stream, source, copy) in [
                (LogStream.output, started.output, System.output),
                (.errors, started.errors, System.errors),
            ] {
                batches[stream] = LineBatches()
                readers[stream] = try .start(
                    "jobwire-\(stream.rawValue)", from: source, copyTo: copy
                ) {
                    said.post(.bytes(stream, $0))
                }
            }
            _ = try LoopThread.start(name: "jobwire-child") {
                said.post(.ended(started.child.ending()))
            }
        } catch { throw Failure(.failed, "\(error)") }
    }

    private func hear(_ said: Said) {
        switch said {
        case .bytes(let stream, []):
            readers[stream] = nil
            if let last = batches[stream]?.finish() { sender.put(last, of: stream) }
        case .bytes(let stream, let bytes):
            for lines in batches[stream]?.take(bytes) ?? [] { sender.put(lines, of: stream) }
            owed.append(stream)
        case .ended(let ending):
            self.ending = ending
            phase = .emptying(quietBeats: 0)
        }
        goOn()
    }

    private func hear(_ signal: Int32, from origin: Signals.Sender) {
        guard case .running = phase else { return errand.finish() }
        if origin == .process { child?.signal(signal) }
    }

    /// Whatever can go on now.
    private func goOn() {
        if sender.keepsUp {
            for stream in owed { readers[stream]?.goOn() }
            owed = []
        }
        if case .emptying(let quietBeats) = phase,
            readers.isEmpty || quietBeats >= Self.quietBeatsMax
        {
            finishLines()
        }
        guard case .delivering(let since) = phase else { return }
        let now = Instant.now()
        if sender.isDone || now - max(since, sender.lastAnswer) > JobSender.patience
            || now - since > Self.deliveryMax
        {
            errand.finish()
        }
    }

    private func finishLines() {
        guard let ending else { fatalError("the command goes on") }
        for stream in LogStream.allCases {
            if let last = batches[stream]?.finish() { sender.put(last, of: stream) }
        }
        phase = .delivering(since: .now())
        let span = Instant.now() - begun
        sender.end(JobEvents.end(ending, milliseconds: span.nanoseconds / 1_000_000, at: .now))
    }
}

extension Execution: TimerTarget {
    func timerFired(_ id: TimerID) {
        _ = errand.loop.arm(self, after: Self.beat)
        if case .emptying(let quietBeats) = phase {
            let isQuiet = readers.values.allSatisfy(\.isIdle)
            phase = .emptying(quietBeats: isQuiet ? quietBeats + 1 : 0)
        }
        goOn()
    }
}
