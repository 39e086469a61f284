// The Redis that `jobwire run` brings along: a redis-server child of its own, reached through a Unix
// socket by us and through a loopback port by the user's workers.
//
// It writes each change to its append-only file, so that even the SIGKILL with which the kernel ends it
// when we are killed loses nothing.

import CLinux
import Loop
import Settings

struct PrivateRedis {
    let port: UInt16
    let socket: String
    let log: String
    let child: ChildProcess

    static let startMax = Duration.seconds(60)
    static let stopMax = Duration.seconds(5)
    private static let portTriesMax = 5

    var url: String { "unix://" + Self.escaped(socket) }

    /// Returns when it answers. On the main thread; see TiedChild.
    static func start(
        in folder: String, _ environment: [String: String]
    ) throws(Failure) -> PrivateRedis {
        let program = try find("redis-server", environment["PATH"])
        let socket = folder + "/redis.sock"
        guard socket.utf8.count <= 107 else {
            throw Failure(
                .usage, "\(socket): too long for a Unix socket; choose a shorter --data-dir")
        }
        // Between our choice and its bind another process may take the port: rare, and then we choose again.
        for _ in 0..<portTriesMax {
            guard let port = System.freePort() else { break }
            let log = folder + "/redis.log"
            let child: ChildProcess
            do throws(FileFault) {
                child = try TiedChild.start(
                    program, arguments(folder: folder, socket: socket, port: port), log: log)
            } catch { throw Failure(.failed, "\(program) could not be started: \(error)") }
            let redis = PrivateRedis(port: port, socket: socket, log: log, child: child)
            if try redis.answers() { return redis }
            guard !System.isPortFree("127.0.0.1", port) else {
                throw Failure(.failed, "redis-server ended at once; \(log) says why")
            }
        }
        throw Failure(.failed, "no free loopback port for redis-server")
    }

    private static func arguments(folder: String, socket: String, port: UInt16) -> [String] {
        [
            "--port", "\(port)", "--bind", "127.0.0.1", "--protected-mode", "yes",
            "--unixsocket", socket, "--unixsocketperm", "700", "--dir", folder,
            "--appendonly", "yes", "--save", "", "--daemonize", "no", "--logfile", "",
        ]
    }

    private static func find(_ name: String, _ path: String?) throws(Failure) -> String {
        for folder in (path ?? "/usr/bin:/bin").split(separator: ":") {
            let program = "\(folder)/\(name)"
            if System.isExecutable(program) { return program }
        }
        throw Failure(
            .failed,
            """
            \(name) was not found, and run needs it when no Redis is configured.
            Install it (Debian, Ubuntu: apt-get install redis-server), or name a Redis with \
            JOBWIRE_REDIS_URL.
            """)
    }

    /// False when it ended instead.
    private func answers() throws(Failure) -> Bool {
        var settings = Settings()
        settings.redisURL = Secret(url)
        let end = Instant.now() + Self.startMax
        let errand = try RedisErrand(
            settings, patience: .asLong { _ in !child.hasEnded() && .now() < end })
        do throws(Failure) {
            try errand.endsOnSignals()
            try errand.run { _ in errand.finish() }
            return true
        } catch {
            guard !child.hasEnded() else { return false }
            stop()
            throw error
        }
    }

    /// As one asks a Redis to end; not asked twice.
    func stop() {
        child.signal(SIGTERM)
        if !child.hasEnded(within: Self.stopMax) { child.signal(SIGKILL) }
        _ = child.hasEnded(within: nil)
        System.remove(socket)
    }

    /// As a URL's path.
    private static func escaped(_ path: String) -> String {
        path.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "-")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "~"):
                String(UnicodeScalar(byte))
            default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }.joined()
    }
}
