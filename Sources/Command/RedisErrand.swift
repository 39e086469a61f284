// One errand to Redis: connects, does what it was sent for, and returns. The loop runs on the calling
// thread until the errand is finished.

import CLinux
import Feed
import Jobs
import Loop
import Redis
import Settings

final class RedisErrand {
    enum Patience {
        /// The first failure is the last.
        case none
        /// Tries again, as long as this says so.
        case asLong((RedisFault) -> Bool)
        /// Whoever never reached Redis gives up; whoever did waits for it.
        case onceConnected
    }

    let loop: Loop
    /// Of what bridges record there.
    let names: RecordedNames
    private let address: RedisAddress
    private let options: RedisOptions
    private let patience: Patience
    private var work: (RedisCommands) -> Void = { _ in }
    /// Nil until it is finished.
    private var outcome: Result<Void, Failure>?
    /// How often there was one, that of now included.
    private(set) var connections = 0

    init(_ settings: Settings, patience: Patience = .none) throws(Failure) {
        self.patience = patience
        options = RedisOptions(settings)
        do throws(RedisURLFault) {
            address = try RedisAddress(parsing: settings.redisURL.text)
        } catch { throw Failure(.usage, "redis-url: \(error)") }
        names = RecordedNames(prefix: settings.keyPrefix, database: address.database)
        do throws(SystemError) { loop = try Loop() } catch { throw Failure(.failed, "\(error)") }
    }

    /// Calls `work` whenever there is a connection; it ends the errand with `finish`.
    func run(_ work: @escaping (RedisCommands) -> Void) throws(Failure) {
        self.work = work
        let commands = RedisCommands(loop: loop, address: address, options: options, owner: self)
        commands.start()
        withExtendedLifetime(commands) { loop.run() }
        self.work = { _ in }
        try outcome?.get()
    }

    /// What is said first stands: the connection that is closed afterwards is no loss.
    func finish(_ failure: Failure? = nil) {
        outcome = outcome ?? failure.map { .failure($0) } ?? .success(())
        loop.stop()
    }

    /// For a caller who must tidy up before the process ends.
    func endsOnSignals() throws(Failure) {
        let signals = [SIGINT, SIGTERM] + (System.ignoresHangUp ? [] : [SIGHUP])
        do throws(SystemError) {
            try loop.onSignals(signals) { [unowned self] _, _ in
                finish(Failure(.interrupted, "stopped"))
            }
        } catch { throw Failure(.failed, "\(error)") }
    }

    func failure(_ fault: RedisFault) -> Failure { Failure(fault, at: address) }
}

extension RedisErrand: RedisCommandsOwner {
    func commandsReady(_ commands: RedisCommands) {
        connections += 1
        work(commands)
    }

    func commandsLost(_ commands: RedisCommands, _ fault: RedisFault) {
        guard outcome == nil else { return }
        switch patience {
        case .asLong(let isWorthwhile) where isWorthwhile(fault): return
        case .onceConnected where connections > 0: return
        default: finish(failure(fault))
        }
    }

    func commandsRetrying(after delay: Duration) {}
}

extension Failure {
    /// The fault with the address it happened at, whose password does not show.
    init(_ fault: RedisFault, at address: RedisAddress) {
        var lacks: String?
        if case .noPermission(let rules) = fault { lacks = rules }
        self.init(fault.exitCode, "\(address): \(fault)", lacks: lacks)
    }
}

extension RedisFault {
    fileprivate var exitCode: ExitCode {
        switch self {
        case .authRequired, .wrongPassword, .authNotConfigured, .noPermission: .refused
        case .connectFailed, .tlsFailed, .tlsExpected, .notRedis, .loading, .masterDown, .busy,
            .timedOut, .connectionLost, .notConnected:
            .unreachable
        case .noSuchDatabase, .refused, .protocolBroken, .oversized, .overflow, .stopped: .failed
        }
    }
}

extension RedisOptions {
    init(_ settings: Settings) {
        self.init()
        connectTimeout = settings.redisConnectTimeout
        replyTimeout = settings.redisReplyTimeout
        pingInterval = settings.redisPingInterval
        func file(_ path: String) -> String? { path.isEmpty ? nil : path }
        tls.caFile = file(settings.redisCA)
        tls.certificateFile = file(settings.redisCertificate)
        tls.keyFile = file(settings.redisKey)
        tls.serverName = file(settings.redisServerName)
    }
}

extension Settings {
    func checkedSources() throws(Failure) -> [Source] {
        do throws(SettingsFault) { return try sources() } catch {
            throw Failure(.usage, "\(error)")
        }
    }

    /// The channels on which workers publish, with a * for the job.
    func jobChannels() throws(Failure) -> ChannelPattern {
        guard let source = try checkedSources().first(where: \.namesJobsByChannel) else {
            throw Failure(
                .usage,
                "patterns: none has a * where the job's id stands, so there is no channel"
                    + " for it; publish as its workers do")
        }
        return source.pattern
    }
}
