// PreparedEvent is what a worker published, read once: the bytes that live followers and the history
// both get, and what they do to the snapshot.

public struct PreparedEvent: Sendable {
    public let type: EventType
    /// The event's text after `{"seq":N,"job_id":"…",` up to and with the closing brace.
    public let rest: [UInt8]
    public let change: SnapshotChange
    public let oddities: EventOddities
}

/// What was unusual about a payload. None of it is an error; each is counted.
public enum EventOddity: String, Sendable, CaseIterable {
    /// JSON, but no object.
    case notObject
    /// Text that is no JSON.
    case notJSON
    case notUTF8, oversized, nestedTooDeep
    /// `NaN` or an infinity became null.
    case nanReplaced
    /// A name stands twice at the top level.
    case duplicateKey
    /// A byte order mark was dropped.
    case bom
    /// The worker's own `seq` or `job_id` was renamed.
    case renamedMember

    fileprivate var bit: UInt16 { 1 << UInt16(Self.allCases.firstIndex(of: self) ?? 0) }
}

public struct EventOddities: Sendable, Equatable {
    private var bits: UInt16 = 0

    public init(_ oddities: [EventOddity] = []) { for oddity in oddities { insert(oddity) } }

    public var isEmpty: Bool { bits == 0 }
    public var all: [EventOddity] { isEmpty ? [] : EventOddity.allCases.filter(contains) }
    public func contains(_ oddity: EventOddity) -> Bool { bits & oddity.bit != 0 }
    mutating func insert(_ oddity: EventOddity) { bits |= oddity.bit }
}
