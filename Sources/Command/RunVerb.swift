// `jobwire run`: all of Jobwire with nothing configured. What the user did configure is used; what is
// missing is brought along: a Redis, a token secret, jobs to look at.
//
// Invariant: with a secret that we made ourselves we listen on loopback only.

import CLinux
import Loop
import Settings
import Synchronization

extension Verb {
    static let run = Verb(
        "run", "Try it: the server with its own Redis and demo jobs",
        forms: ["[--no-demo] [--data-dir=PATH] [SETTING]…"],
        examples: [
            "jobwire run                     # then open the address it prints",
            "jobwire run --no-demo --listen=127.0.0.1:9000",
            "JOBWIRE_REDIS_URL=redis://127.0.0.1 jobwire run    # your own Redis",
        ],
        details: [
            "Where no Redis is configured, run starts a redis-server of its own, on a Unix socket"
                + " and a free loopback port without a password. It ends with run, however that ends;"
                + " its data stays in the data folder. Ctrl-C ends both, and so do SIGTERM and the"
                + " closing of the terminal, unless nohup says otherwise.",
            "Where no token secret is configured, run makes one, keeps it in the data folder"
                + " (mode 0600), and listens on loopback only. Where no address is configured, it takes"
                + " the first free port from 8080 to 8099.",
            "jobwire tail, exec, publish and token find a run of the same user by themselves. A second"
                + " run at the same time gets a folder, a Redis and a port of its own.",
        ],
        options: [
            CommandOption("no-demo", "Without the demo jobs"), .dataDir,
        ]
    ) { call throws(Failure) in
        var run = try Run(call)
        return try run.run()
    }
}

private struct Run {
    private let call: Call
    private let root: String
    private let madeSecret: Bool
    private let ownsRedis: Bool
    private var settings: Settings

    init(_ call: Call) throws(Failure) {
        self.call = call
        settings = call.settings
        root = try RunFolder.root(try call.value("data-dir"), call.place.environment)
        ownsRedis = call.invocation.origins["redis-url"] == nil
        madeSecret = settings.tokenSecret.isEmpty
        if madeSecret {
            guard try ListenChoice.isLoopback(settings.listen) else {
                throw Failure(
                    .usage,
                    """
                    listen: \(settings.listen) can be reached by others, and without a configured \
                    secret run listens on loopback only.
                    Set JOBWIRE_TOKEN_SECRET_FILE, or leave --listen out.
                    """)
            }
            settings.tokenSecret = try RunFolder.makeSecret(in: root)
        }
        try settings.check()
        settings.listen = try ListenChoice.choose(
            settings.listen, isConfigured: call.invocation.origins["listen"] != nil,
            isFree: System.isPortFree)
    }

    mutating func run() throws(Failure) -> ExitCode {
        // Before any thread starts, so that none of them gets a signal that is meant for the loop.
        Signals.block([SIGTERM, SIGINT, SIGHUP])
        let folder = try RunFolder.claim(in: root)
        guard ownsRedis else {
            try serve(in: folder, redis: nil)
            return .done
        }
        let redis = try PrivateRedis.start(in: folder.path, call.place.environment)
        settings.redisURL = Secret(redis.url)
        let watch = try RedisWatch.start(redis, complain: call.place.complain)
        defer { watch.end() }
        try serve(in: folder, redis: redis)
        return watch.hasFailed ? .failed : .done
    }

    private func serve(in folder: RunFolder, redis: PrivateRedis?) throws(Failure) {
        let demo = Demonstration()
        defer {
            demo.publisher?.stop()
            folder.withdraw()
        }
        let (settings, call) = (settings, call)
        let notice = RunNotice(
            settings: settings, root: root, shell: try ShellLine(call), redis: redis,
            madeSecret: madeSecret, hasDemo: !call.has("no-demo"))
        try call.serve(settings, endsOnHangUp: !System.ignoresHangUp) { port in
            do throws(Failure) {
                let text = try notice.text(port: port)
                try folder.announce(
                    RunFolder.Address(url: notice.url(port: port), redis: settings.redisURL.text))
                _ = call.place.write(text)
                if notice.hasDemo { demo.publisher = try .start(settings, seed: 1) }
            } catch { call.place.complain("jobwire run: \(error.reason)") }
        }
    }
}

extension ShellLine {
    init(_ call: Call) throws(Failure) {
        self.init(
            program: call.place.program, dataDir: try call.value(CommandOption.dataDir.name),
            flags: call.invocation.flags)
    }
}

/// Begun when the server listens, ended when it has ended.
private final class Demonstration {
    var publisher: DemoPublisher?
}

/// Notices when our Redis ends before us. The server could not go on then, so it is asked to drain.
private final class RedisWatch: Sendable {
    private let redis: PrivateRedis
    private let isEnding = Atomic<Bool>(false)
    private let failed = Atomic<Bool>(false)

    var hasFailed: Bool { failed.load(ordering: .relaxed) }

    static func start(
        _ redis: PrivateRedis, complain: @escaping (String) -> Void
    ) throws(Failure) -> Ending {
        let watch = RedisWatch(redis)
        do throws(SystemError) {
            return Ending(watch: watch, thread: try .start(name: "jobwire-redis") { watch.watch() })
        } catch {
            redis.stop()
            throw Failure(.failed, "\(error)")
        }
    }

    private init(_ redis: PrivateRedis) { self.redis = redis }

    private func watch() {
        _ = redis.child.hasEnded(within: nil)
        guard !isEnding.load(ordering: .acquiring) else { return }
        failed.store(true, ordering: .relaxed)
        let line = "jobwire run: redis-server has ended; \(redis.log) may say why\n"
        _ = System.write(Array(line.utf8), to: System.errors)
        kill(getpid(), SIGTERM)
    }

    struct Ending {
        fileprivate let watch: RedisWatch
        fileprivate let thread: LoopThread

        var hasFailed: Bool { watch.hasFailed }

        func end() {
            watch.isEnding.store(true, ordering: .releasing)
            watch.redis.stop()
            thread.join()
        }
    }
}
