// Publishes the demo as a worker would, with PUBLISH over Redis, on a thread of its own until it is told
// to stop. While Redis is away the story waits.

import Loop
import Redis
import Settings

struct DemoPublisher {
    private let thread: LoopThread
    private let stopping: Mailbox<Void>

    static func start(_ settings: Settings, seed: UInt64) throws(Failure) -> DemoPublisher {
        do throws(SystemError) {
            let stopping = try Mailbox<Void>()
            let thread = try LoopThread.start(name: "jobwire-demo") {
                do throws(Failure) {
                    try DemoWorker(settings, seed: seed, stopping).run()
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

private final class DemoWorker: TimerTarget {
    private let errand: RedisErrand
    private let settings: Settings
    private var demo: Demo
    private var beat: Demo.Beat
    private var commands: RedisCommands?
    private var timer: TimerID?

    init(_ settings: Settings, seed: UInt64, _ stopping: Mailbox<Void>) throws(Failure) {
        self.settings = settings
        demo = Demo(seed: seed)
        beat = demo.next()
        errand = try RedisErrand(settings, patience: .asLong { _ in true })
        do throws(SystemError) {
            try errand.loop.attach(stopping) { [errand] in errand.finish() }
        } catch { throw Failure(.failed, "\(error)") }
    }

    func run() throws(Failure) {
        try errand.run { [unowned self] commands in
            self.commands = commands
            if timer == nil { timer = errand.loop.arm(self, after: beat.after) }
        }
    }

    func timerFired(_ id: TimerID) {
        timer = nil
        guard let commands, commands.state == .ready else { return }
        commands.send([
            Array("PUBLISH".utf8), Array(settings.channel(of: beat.job).utf8),
            Array(beat.event.utf8),
        ]) { _ in }
        beat = demo.next()
        timer = errand.loop.arm(self, after: beat.after)
    }
}
