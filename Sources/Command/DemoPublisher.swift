// Publishes a demo as workers would, with PUBLISH over Redis: `jobwire run` on a thread of its own, until
// it is told to stop; `jobwire simulate` until its time is over. While Redis is away the story waits. Jobs that
// Redis remembers go on with their next attempt; `run` begins when its bridge takes in what is told.

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
                    let audience: DemoWorker.Audience =
                        settings.history == .redis ? .recording : .hearing
                    try DemoWorker(Demo(seed: seed), channels, errand, for: audience).run()
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
    /// For whom the story waits; until they are there its first event is told again and again.
    enum Audience {
        case anybody, hearing, recording
    }

    private enum Phase {
        case asking
        case knocking(Demo.Beat, before: KeptJob?)
        case telling(Demo.Beat)
    }

    /// So many events may wait for Redis to take them; then the story waits, too.
    static let inFlightMax = 1_000
    /// A story that is later than this goes on from where it is, without hurrying after.
    private static let latenessMax = Duration.seconds(1)
    private static let pause = Duration.milliseconds(10)
    private static let knockPause = Duration.milliseconds(100)

    private let errand: RedisErrand
    private let channels: ChannelPattern
    private let audience: Audience
    private var demo: Demo
    private let jobs: [String]
    private var phase = Phase.asking
    private var due = Instant.now()
    private var end: Instant?
    private var commands: RedisCommands?
    private var timer: TimerID?
    private(set) var published = 0
    private(set) var lost = 0
    /// Who listened to the last event.
    private(set) var heard: Int64 = 0

    init(
        _ demo: Demo, _ channels: ChannelPattern, _ errand: RedisErrand,
        for audience: Audience = .anybody
    ) {
        (self.demo, self.channels, self.errand) = (demo, channels, errand)
        self.audience = audience
        jobs = demo.jobs
    }

    /// Until the errand is finished; with a `limit`, by us.
    func run(for limit: Duration? = nil) throws(Failure) {
        try errand.run { [unowned self] commands in
            self.commands = commands
            if end == nil { end = limit.map { .now() + $0 } }
            switch phase {
            case .asking:
                KeptJob.ask(jobs[...], as: errand.names, commands) { [unowned self] in begin($0) }
            case .knocking: wait(Self.knockPause)
            case .telling(let beat): tell(beat)
            }
        }
    }

    private func begin(_ kept: [String: KeptJob]) {
        demo.goOn(after: kept.mapValues(\.attempt))
        let beat = demo.next()
        guard audience != .anybody else { return tell(beat) }
        knock(beat, before: kept[beat.job])
    }

    private func tell(_ beat: Demo.Beat) {
        phase = .telling(beat)
        due = .now() + beat.after
        goOn()
    }

    private func knock(_ beat: Demo.Beat, before: KeptJob?) {
        heard = 0
        if let commands { publish(beat, commands) }
        phase = .knocking(beat, before: before)
        wait(Self.knockPause)
    }

    /// Whether the knock was answered.
    private func listen(_ beat: Demo.Beat, before: KeptJob?) {
        guard heard > 0 else { return knock(beat, before: before) }
        guard audience == .recording, let commands else { return tell(demo.next()) }
        KeptJob.ask([beat.job], as: errand.names, commands) { [unowned self] kept in
            if kept[beat.job] == before { knock(beat, before: before) } else { tell(demo.next()) }
        }
    }

    func timerFired(_ id: TimerID) {
        timer = nil
        switch phase {
        case .asking: break
        case .knocking(let beat, let before): listen(beat, before: before)
        case .telling: goOn()
        }
    }

    private func goOn() {
        let now = Instant.now()
        if let end, now >= end { return finish() }
        guard let commands, commands.state == .ready else { return wait(Self.pause) }
        if now - due > Self.latenessMax { due = now }
        while case .telling(let beat) = phase, due <= now,
            commands.commandsInFlight < Self.inFlightMax
        {
            publish(beat, commands)
            let next = demo.next()
            phase = .telling(next)
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
