// Publishes a demo as workers would, with PUBLISH over Redis: `jobwire run` on a thread of its own, until
// it is told to stop; `jobwire simulate` until its time is over. While Redis is away the story waits. Jobs that
// Redis remembers go on with their next attempt.

import Jobs
import Loop
import Redis
import Settings

struct DemoPublisher {
    private let thread: LoopThread
    private let stopping: Mailbox<Void>

    static func start(_ settings: Settings, seed: UInt64) throws(Failure) -> DemoPublisher {
        let channels = try settings.jobChannels()
        do throws(SystemError) {
            let stopping = try Mailbox<Void>()
            let thread = try LoopThread.start(name: "jobwire-demo") {
                do {
                    let errand = try RedisErrand(settings, patience: .asLong { _ in true })
                    try errand.loop.attach(stopping) { errand.finish() }
                    try DemoWorker(Demo(seed: seed), channels, errand).run()
                } catch { return }  // No loop could be made: the demo stays silent.
            }
            return DemoPublisher(thread: thread, stopping: stopping)
        } catch { throw Failure(.failed, "the demo could not be started: \(error)") }
    }

    func stop() {
        stopping.post(())
        thread.join()
    }
}

final class DemoWorker: TimerTarget {
    /// So many events may wait for Redis to take them; then the story waits, too.
    static let inFlightMax = 1_000
    /// A story that is later than this goes on from where it is, without hurrying after.
    private static let latenessMax = Duration.seconds(1)
    private static let pause = Duration.milliseconds(10)

    private let errand: RedisErrand
    private let channels: ChannelPattern
    private var demo: Demo
    private let jobs: [String]
    /// Nil until it is known where the jobs stand.
    private var beat: Demo.Beat?
    private var due = Instant.now()
    private var end: Instant?
    private var commands: RedisCommands?
    private var timer: TimerID?
    private(set) var published = 0
    private(set) var lost = 0
    /// Who listened to the last event.
    private(set) var heard: Int64 = 0

    init(_ demo: Demo, _ channels: ChannelPattern, _ errand: RedisErrand) {
        (self.demo, self.channels, self.errand) = (demo, channels, errand)
        jobs = demo.jobs
    }

    /// Until the errand is finished; with a `limit`, by us.
    func run(for limit: Duration? = nil) throws(Failure) {
        try errand.run { [unowned self] commands in
            self.commands = commands
            if end == nil { end = limit.map { .now() + $0 } }
            guard beat == nil else { return goOn(from: .now()) }
            KeptJob.ask(jobs[...], as: errand.names, commands) { [unowned self] kept in
                demo.goOn(after: kept.mapValues(\.attempt))
                beat = demo.next()
                goOn(from: .now())
            }
        }
    }

    private func goOn(from now: Instant) {
        due = now + (beat?.after ?? .zero)
        goOn()
    }

    func timerFired(_ id: TimerID) {
        timer = nil
        goOn()
    }

    private func goOn() {
        let now = Instant.now()
        if let end, now >= end { return finish() }
        guard let commands, commands.state == .ready else { return wait(Self.pause) }
        if now - due > Self.latenessMax { due = now }
        while let beat, due <= now, commands.commandsInFlight < Self.inFlightMax {
            publish(beat, commands)
            let next = demo.next()
            self.beat = next
            due = due + next.after
        }
        var pause = max(due - now, Self.pause)
        if let end { pause = min(pause, end - now) }
        wait(pause)
    }

    private func wait(_ pause: Duration) {
        if timer == nil { timer = errand.loop.arm(self, after: pause) }
    }

    private func publish(_ beat: Demo.Beat, _ commands: RedisCommands) {
        commands.send([
            Array("PUBLISH".utf8), Array(channels.channel(with: beat.job).utf8),
            Array(beat.event.utf8),
        ]) { [self] answer in
            if case .success(.integer(let count)) = answer {
                published += 1
                heard = count
            } else {
                lost += 1
            }
            if let end, Instant.now() >= end { finish() }
        }
    }

    /// When all that was sent is answered.
    private func finish() {
        if commands?.commandsInFlight ?? 0 == 0 { errand.finish() }
    }
}
