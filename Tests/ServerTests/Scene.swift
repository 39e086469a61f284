// One whole server for one test: in this process, on a thread of its own, as `jobwire serve` runs
// it, with a real redis-server behind it. Only the log and the signals have another way: lines are
// kept for the test to read, and a signal goes to the server's thread instead of the process.

import CLinux
import Dispatch
import Loop
import Server
import Settings
import Support
import Synchronization
import Telemetry
import Testing

/// Unchecked: the threads of a test only connect, and what they read for that never changes.
final class Scene: @unchecked Sendable {
    let redis: RedisServer
    let server: RunningServer
    let publisher: Publisher

    var port: Int { server.port }
    var log: LogBook { server.log }

    /// Returns when workers are heard.
    init(
        loops: Int = 1, redis: RedisServer? = nil, _ change: (inout Settings) -> Void = { _ in }
    ) throws {
        let redis = try redis ?? RedisServer()
        self.redis = redis
        let settings = Self.settings(redis, loops: loops, change)
        server = try RunningServer(settings)
        publisher = try Publisher(port: redis.port)
        try server.log.wait(for: "updates_flow")
        try server.log.wait(for: "revocations_known")
    }

    static func settings(
        _ redis: RedisServer, loops: Int = 1, _ change: (inout Settings) -> Void = { _ in }
    ) -> Settings {
        var settings = Settings()
        settings.listen = "127.0.0.1:0"
        settings.loops = loops
        settings.redisURL = Secret(redis.url)
        settings.tokenSecret = Secret(Token.secret)
        settings.drainGrace = .zero
        // A client of a test answers and reads when the test comes to it, and that may take a while.
        let long = Duration.seconds(3_600)
        (settings.handshakeTimeout, settings.keepAliveTimeout) = (long, long)
        (settings.pingInterval, settings.writeTimeout) = (long, long)
        // What both histories do is tested with each; the rest with the one that shows less of Redis.
        settings.history = .memory
        change(&settings)
        return settings
    }

    func publish(_ job: String, _ payloads: String...) throws {
        try publisher.publish(payloads, to: job)
    }

    /// Returns when the server has heard what Redis was given.
    func settle(_ job: String, at seq: Int) throws { _ = try follow(job).hear(throughSeq: seq) }

    func connect(receiveBufferBytes: Int32? = nil) throws -> Connection {
        try Connection(port: port, receiveBufferBytes: receiveBufferBytes)
    }

    /// A one-job socket; the token is of this job where none is given.
    func follow(
        _ job: String, _ query: String = "", token: String? = nil, deflate: Bool = false,
        over connection: Connection? = nil
    ) throws -> WebSocketClient {
        try WebSocketClient(
            over: try connection ?? connect(),
            "/api/v1/ws/jobs/\(job)/updates" + (query.isEmpty ? "" : "?\(query)"), deflate: deflate,
            headers: [Token.header(try token ?? Token.of(jobs: job))])
    }

    /// A many-socket.
    func open(
        token: String? = nil, deflate: Bool = false, over connection: Connection? = nil
    ) throws -> WebSocketClient {
        let client = try WebSocketClient(
            over: try connection ?? connect(), "/api/v1/ws", deflate: deflate,
            headers: [Token.header(try token ?? Token.of(jobs: "*"))])
        try #require(try client.hear().type == "connected")
        return client
    }

    /// The value of one line of `/metrics`.
    func metric(_ line: String) throws -> Int {
        var page: HTTPAnswer
        // A client that was refused, or was too slow, asks again: a place is free a moment after a client has gone.
        repeat {
            page = try connect().request("/metrics", headers: ["Connection: close"])
        } while [408, 429].contains(page.status)
        let found = page.text.split(separator: "\n").first { $0.hasPrefix(line + " ") }
        let value = try #require(found?.dropFirst(line.count + 1), "no \(line)")
        return try #require(Int(value))
    }

    /// The other side of a socket is closed a moment after ours.
    func waitForMetric(_ line: String, _ value: Int) throws {
        try eventually(line, counts: value) { try metric(line) }
    }

    func waitUntilReady() throws {
        try eventually("ready") {
            try connect().request("/readyz", headers: ["Connection: close"]).status == 200
        }
    }
}

final class RunningServer {
    let port: Int
    let log = LogBook()
    private let state = State()
    private let thread: LoopThread
    private var isJoined = false

    struct Failure: Error { let text: String }

    init(_ settings: Settings) throws {
        let (state, log) = (state, log)
        thread = try LoopThread.start(name: "server") {
            state.begin(pthread_self())
            do {
                try Server(settings, log: log.log).run { state.listens(on: $0) }
            } catch {
                state.fail("\(error)")
            }
            state.end()
        }
        port = try state.port()
    }

    deinit { stop() }

    func signal(_ number: Int32) { state.signal(number) }

    /// As a second SIGTERM would: nobody is waited for.
    func stop() {
        guard !isJoined else { return }
        signal(SIGTERM)
        try? log.wait(for: "draining")
        signal(SIGTERM)
        join()
    }

    /// Returns when `run` has.
    func join() {
        guard !isJoined else { return }
        isJoined = true
        thread.join()
    }

    private final class State: Sendable {
        private struct Facts {
            var thread: pthread_t?
            var port: Int?
            var fault = "it did not begin"
        }
        private let facts = Mutex(Facts())
        private let isKnown = DispatchSemaphore(value: 0)

        func begin(_ thread: pthread_t) { facts.withLock { $0.thread = thread } }

        func listens(on port: Int) {
            facts.withLock { $0.port = port }
            isKnown.signal()
        }

        func fail(_ fault: String) {
            facts.withLock { $0.fault = fault }
            isKnown.signal()
        }

        func end() { facts.withLock { $0.thread = nil } }

        func port() throws -> Int {
            _ = isKnown.wait(timeout: Patience.end)
            let facts = facts.withLock { $0 }
            guard let port = facts.port else { throw Failure(text: facts.fault) }
            return port
        }

        func signal(_ number: Int32) {
            facts.withLock { if let thread = $0.thread { pthread_kill(thread, number) } }
        }
    }
}

/// The lines of the server's log.
final class LogBook: Sendable {
    private let book = Mutex<[String]>([])
    private let added = DispatchSemaphore(value: 0)

    struct Missing: Error { let event: String }

    var lines: [String] { book.withLock { $0 } }

    var log: Log {
        Log(level: .trace, format: .text, clock: wallClock) { [self] line in
            book.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
            added.signal()
        }
    }

    func count(_ event: String) -> Int {
        lines.count { $0.split(whereSeparator: \.isWhitespace).dropFirst(2).first == event[...] }
    }

    func wait(for event: String, count: Int = 1) throws {
        try wait(for: event) { self.count(event) >= count }
    }

    /// Looks again whenever there is another line.
    func wait(for what: String, _ isThere: () -> Bool) throws {
        let deadline = Patience.end
        while !isThere() {
            guard added.wait(timeout: deadline) == .success else { throw Missing(event: what) }
        }
    }
}
