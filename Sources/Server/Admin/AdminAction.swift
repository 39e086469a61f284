// What an operator may do, with a token of the scope `admin`, and the line that the log has of each attempt.
//
// Invariants: nothing of a request's target is looked at before its token has the scope. Every attempt of who has
// it leaves one line, refused or not, at level info and never held back. Anybody may try without it as often as he
// can send: of these so many lines a second are written and the rest counted, so that nobody buries the others.
// A line has no token and no text of a broadcast.

import Loop
import Telemetry
import Tokens
import Wire

/// The word is the log's, and behind `may_not_` that of the refusal.
enum AdminAction: String, CaseIterable {
    case broadcast
    case listConnections = "list_connections"
    case disconnect
    case readStats = "read_stats"
    case revoke
    case listRevocations = "list_revocations"

    /// nil where anybody may ask who has some right or other.
    init?(_ route: Route, _ method: HTTPMethod) {
        switch route {
        case .broadcast: self = .broadcast
        case .connections: self = .listConnections
        case .connection: self = .disconnect
        case .stats: self = .readStats
        case .revocations: self = method == .post ? .revoke : .listRevocations
        default: return nil
        }
    }

    /// While the server is leaving, not all loops are there to answer.
    var asksLoops: Bool {
        switch self {
        case .broadcast, .listConnections, .disconnect: true
        case .readStats, .revoke, .listRevocations: false
        }
    }

    var phrase: String {
        switch self {
        case .broadcast: "to broadcast"
        case .listConnections: "to list connections"
        case .disconnect: "to disconnect somebody"
        case .readStats: "to read the statistics"
        case .revoke: "to revoke tokens"
        case .listRevocations: "to list revocations"
        }
    }
}

/// Who tries what, and from where.
struct Audit {
    private let action: AdminAction
    private let grant: Grant?
    private let address: PeerAddress
    private let log: Log
    /// What it is about, once that may be looked at.
    var target = ""

    static let done = "done"
    /// Longer ones are cut, so that neither keeps the other from the line, whatever it takes to escape them.
    private static let scalarsMax = 150

    /// `grant` is nil where it was not found out who asks.
    init(_ action: AdminAction, by grant: Grant?, from address: PeerAddress, _ log: Log) {
        (self.action, self.grant, self.address, self.log) = (action, grant, address, log)
    }

    func tell(_ outcome: String) { log.info("audit", fields(outcome)) }

    /// Of who has not the scope.
    func tell(_ outcome: String, by throttle: LogThrottle, at now: Instant) {
        throttle.line(.info, "audit", at: now.milliseconds, fields(outcome))
    }

    private func fields(_ outcome: String) -> Log.Fields {
        [
            "action": .text(action.rawValue), "outcome": .text(outcome),
            "peer": .word(address), "sub": .text(Self.short(grant?.subject ?? "")),
            "target": .text(Self.short(target)),
            "iss": .text(Self.short(grant?.issuer ?? "")),
            "jti": .text(Self.short(grant?.id ?? "")),
        ]
    }

    private static func short(_ name: String) -> String {
        String(String.UnicodeScalarView(name.unicodeScalars.prefix(scalarsMax)))
    }
}
