// Route says what a path means. The table of protocol.md section 6, as far as it is built.

import Jobs
import Wire

enum Route: Equatable {
    case jobSocket(String)
    case feedSocket(String)
    case queueSocket(String)
    case socket
    case jobs
    case job(String)
    case jobEvents(String)
    case jobLog(String)
    case feedEvents(String)
    case queueEvents(String)
    case session
    case tickets
    case revocations
    case broadcast
    case connections
    case connection(String)
    case stats
    case health
    case readiness
    case metrics
    case asset(Int)
    case unknown

    /// `path` is raw: its segments are decoded one by one, so that `%2F` is no separator.
    init(path: String) {
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        switch segments.first {
        case "api" where segments.dropFirst().first == "v1":
            self.init(api: Array(segments.dropFirst(2)))
        case "healthz" where segments.count == 1, "health" where segments.count == 1: self = .health
        case "readyz" where segments.count == 1: self = .readiness
        case "metrics" where segments.count == 1: self = .metrics
        default:
            let asset = PageAssets.files.firstIndex { $0.path == path }
            self = asset.map { .asset($0) } ?? .unknown
        }
    }

    private init(api segments: [Substring]) {
        switch segments.first {
        case "ws" where segments.count == 1: self = .socket
        case "ws" where segments.count == 4 && segments[1] == "jobs" && segments[3] == "updates":
            self = .jobSocket(String(segments[2]))
        case "ws" where segments.count == 3 && segments[1] == "feeds":
            self = .feedSocket(String(segments[2]))
        case "ws" where segments.count == 3 && segments[1] == "queues":
            self = .queueSocket(String(segments[2]))
        case "jobs" where segments.count == 1: self = .jobs
        case "jobs" where segments.count == 2: self = .job(String(segments[1]))
        case "jobs" where segments.count == 3 && segments[2] == "events":
            self = .jobEvents(String(segments[1]))
        case "jobs" where segments.count == 3 && segments[2] == "log":
            self = .jobLog(String(segments[1]))
        case "feeds" where segments.count == 3 && segments[2] == "events":
            self = .feedEvents(String(segments[1]))
        case "queues" where segments.count == 3 && segments[2] == "events":
            self = .queueEvents(String(segments[1]))
        case "session" where segments.count == 1: self = .session
        case "tickets" where segments.count == 1: self = .tickets
        case "revocations" where segments.count == 1: self = .revocations
        case "broadcast" where segments.count == 1: self = .broadcast
        case "connections" where segments.count == 1: self = .connections
        case "connections" where segments.count == 2: self = .connection(String(segments[1]))
        case "stats" where segments.count == 1: self = .stats
        default: self = .unknown
        }
    }

    var isSocket: Bool {
        switch self {
        case .jobSocket, .feedSocket, .queueSocket, .socket: true
        default: false
        }
    }

    /// What pages of other origins may ask for, with a token.
    var isAPI: Bool {
        switch self {
        case .jobs, .job, .jobEvents, .jobLog, .feedEvents, .queueEvents, .session, .tickets,
            .revocations, .broadcast, .connections, .connection, .stats:
            true
        default: false
        }
    }

    func answers(_ method: HTTPMethod) -> Bool {
        switch (method, self) {
        case (.head, .queueEvents): false
        case (.get, .session), (.head, .session), (.get, .tickets), (.head, .tickets): false
        case (.post, .session), (.delete, .session), (.post, .tickets): true
        case (.get, .broadcast), (.head, .broadcast), (.get, .connection), (.head, .connection):
            false
        case (.post, .broadcast), (.delete, .connection): true
        case (.get, _), (.head, _), (.post, .jobEvents), (.post, .revocations): true
        case (.options, _): isAPI
        default: false
        }
    }

    /// The methods that `answers` knows, for the header.
    var allow: String {
        switch self {
        case .jobEvents, .revocations: "GET, HEAD, POST, OPTIONS"
        case .queueEvents: "GET, OPTIONS"
        case .session: "POST, DELETE, OPTIONS"
        case .tickets: "POST, OPTIONS"
        case .broadcast: "POST, OPTIONS"
        case .connection: "DELETE, OPTIONS"
        case _ where isAPI: "GET, HEAD, OPTIONS"
        default: "GET, HEAD"
        }
    }
}
