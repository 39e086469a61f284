// How a subscription wants to be served (protocol.md, section 4): the same four words in a query and in
// a `subscribe` message.

import Jobs

public struct FollowOptions: Equatable, Sendable {
    public enum History: Equatable, Sendable { case all, none, latest(Int) }

    /// Only what came later. Beats `history`.
    public var after: Cursor?
    /// Nil: all that is kept.
    public var history: History?
    /// Nil: every type.
    public var types: Set<String>?
    public var progressPerSecondMax: Double?

    public static let typesMax = 32
    public static let typeBytesMax = 64

    public init() {}

    public init(_ query: Query) throws(FollowFault) {
        if let text = query.first("after") { after = try Self.cursor(text) }
        if let text = query.first("history") { history = try Self.history(text) }
        if let text = query.first("types") { types = try Self.types(text) }
        if let text = query.first("progress_hz") {
            guard let hertz = Double(text) else { throw .rateMalformed }
            progressPerSecondMax = try Self.rate(hertz)
        }
    }

    static func cursor(_ text: String) throws(FollowFault) -> Cursor {
        do { return try Cursor(checking: text) } catch { throw .cursor(error) }
    }

    static func history(_ text: String) throws(FollowFault) -> History {
        switch text {
        case "all": return .all
        case "none": return .none
        default:
            guard text.utf8.allSatisfy(ASCII.isDigit), let count = Int(text) else {
                throw .historyMalformed
            }
            return .latest(count)
        }
    }

    static func types(_ text: String) throws(FollowFault) -> Set<String> {
        try types(text.split(separator: ",").map(String.init))
    }

    static func types(_ names: [String]) throws(FollowFault) -> Set<String> {
        guard 1...typesMax ~= names.count, names.allSatisfy({ 1...typeBytesMax ~= $0.utf8.count })
        else { throw .typesMalformed }
        return Set(names)
    }

    static func rate(_ hertz: Double) throws(FollowFault) -> Double {
        guard hertz > 0, hertz.isFinite else { throw .rateMalformed }
        return hertz
    }
}

public enum FollowFault: Error, Equatable, Sendable {
    case cursor(CursorFault)
    case historyMalformed, typesMalformed, rateMalformed

    /// The word for `rejected`, the log and the metric.
    public var code: String {
        switch self {
        case .cursor: "bad_cursor"
        case .historyMalformed: "bad_history"
        case .typesMalformed: "bad_types"
        case .rateMalformed: "bad_progress_hz"
        }
    }

    public var message: String {
        switch self {
        case .cursor(let fault): "after: \(fault.message)"
        case .historyMalformed: "history is all, none or a number of events"
        case .typesMalformed:
            "types is a list of 1 to \(FollowOptions.typesMax) names of up to "
                + "\(FollowOptions.typeBytesMax) bytes"
        case .rateMalformed: "progress_hz is a number above zero"
        }
    }
}
