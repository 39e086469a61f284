// Why a connection ended, could not be made, or a command got no answer.
//
// `name` is the log word and the metric label; `description` also says what to do. Text that comes
// from the other side is kept printable and short, and an answer to AUTH is never repeated: some
// versions of Redis echo the arguments, and those are the password.

public enum RedisFault: Error, Sendable, Equatable {
    case connectFailed(String)
    case tlsFailed(String)
    /// We spoke plainly to a port that speaks TLS.
    case tlsExpected
    case notRedis(String)
    case authRequired
    case wrongPassword
    case authNotConfigured
    /// The ACL rules that are missing, as ACL SETUSER takes them.
    case noPermission(needs: String)
    case loading
    case masterDown
    /// A script runs and does not end.
    case busy
    case noSuchDatabase(Int)
    /// Redis answered one of our own commands with another error.
    case refused(String)
    case timedOut(Wait)
    case protocolBroken(String)
    case oversized(limit: Int)
    case connectionLost(String)
    /// Refused at our own door: too many commands, or bytes of them, are unanswered.
    case overflow
    case notConnected
    case stopped

    public enum Wait: String, Sendable { case connect, reply }

    public var name: String {
        switch self {
        case .connectFailed: "connectFailed"
        case .tlsFailed: "tlsFailed"
        case .tlsExpected: "tlsExpected"
        case .notRedis: "notRedis"
        case .authRequired: "authRequired"
        case .wrongPassword: "wrongPassword"
        case .authNotConfigured: "authNotConfigured"
        case .noPermission: "noPermission"
        case .loading: "loading"
        case .masterDown: "masterDown"
        case .busy: "busy"
        case .noSuchDatabase: "noSuchDatabase"
        case .refused: "refused"
        case .timedOut: "timedOut"
        case .protocolBroken: "protocolBroken"
        case .oversized: "oversized"
        case .connectionLost: "connectionLost"
        case .overflow: "overflow"
        case .notConnected: "notConnected"
        case .stopped: "stopped"
        }
    }
}

extension RedisFault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .connectFailed(let why): "can't reach Redis (\(why)): is it running, is the URL right?"
        case .tlsFailed(let why):
            "TLS with Redis failed (\(why)): is it a TLS port, do CA, server name and certificate fit?"
        case .tlsExpected: "this Redis port speaks TLS: use rediss:// in the URL"
        case .notRedis(let what): "what answers there is no Redis (\(what)): check host and port"
        case .authRequired: "Redis wants a password: put it into the URL, redis://:password@host"
        case .wrongPassword: "Redis refused the user or the password of the URL"
        case .authNotConfigured:
            "Redis has no password for its default user: leave it out of the URL, or set requirepass"
        case .noPermission(let rules):
            "the Redis user lacks rights: ACL SETUSER <user> \(rules)"
        case .loading: "Redis is still loading its data from disk: trying again"
        case .masterDown:
            "this Redis is a replica that lost its primary and serves no stale data: trying again"
        case .busy: "Redis runs a script that does not end: trying again (SCRIPT KILL would end it)"
        case .noSuchDatabase(let number):
            "Redis has no database \(number): see its setting 'databases'"
        case .refused(let text): "Redis refused: \(text)"
        case .timedOut(.connect):
            "no connection to Redis in time: is a firewall in between, or TLS asked of a plain port?"
        case .timedOut(.reply): "Redis was silent for too long while it owed an answer"
        case .protocolBroken(let what): "Redis sent what it should not have: \(what)"
        case .oversized(let limit): "Redis sent more than the limit of \(limit) bytes in one piece"
        case .connectionLost(let why): "the connection to Redis broke (\(why))"
        case .overflow: "too many Redis commands wait for their answers"
        case .notConnected: "no connection to Redis at the moment"
        case .stopped: "the connection to Redis was stopped"
        }
    }

    /// Reads the error `text` Redis answered with. `rules` are the ACL rules that what we asked needs.
    init(answer text: String, needing rules: String) {
        switch text.prefix(while: { $0 != " " }) {
        case "NOAUTH": self = .authRequired
        case "WRONGPASS": self = .wrongPassword
        case "NOPERM": self = .noPermission(needs: rules)
        case "LOADING": self = .loading
        case "MASTERDOWN": self = .masterDown
        case "BUSY": self = .busy
        default: self = .refused(Self.printable(text.utf8))
        }
    }

    /// It goes by when Redis, or the way to it, is back; of the others somebody has to change something.
    var passes: Bool {
        switch self {
        case .connectFailed, .loading, .masterDown, .busy, .timedOut, .connectionLost,
            .notConnected,
            .stopped:
            true
        case .tlsFailed, .tlsExpected, .notRedis, .authRequired, .wrongPassword, .authNotConfigured,
            .noPermission, .noSuchDatabase, .refused, .protocolBroken, .oversized, .overflow:
            false
        }
    }

    /// Bytes of the other side, made fit for a log line.
    static func printable(_ bytes: some Sequence<UInt8>) -> String {
        String(
            decoding: bytes.prefix(printedBytesMax).map { (0x20...0x7E).contains($0) ? $0 : 0x2E },
            as: UTF8.self)
    }

    private static let printedBytesMax = 160
}
