// EventType is an event's name, as spelled, with what its kind means to the bridge.

public struct EventType: Hashable, Sendable, CustomStringConvertible {
    /// What an event says about its job; `other` says nothing about the job's state.
    public enum Kind: UInt8, Sendable, CaseIterable {
        case status, progress, log, step, complete, error, other
    }

    public let name: String
    /// Taken from the name and the content: a progress message that ends the job is `complete`, so
    /// that nobody throws it away as one progress among many.
    public let kind: Kind

    public init(_ name: String, kind: Kind = .other) {
        self.name = name
        self.kind = kind
    }

    public var isProgress: Bool { kind == .progress }
    public var isLog: Bool { kind == .log }

    public var description: String { name }

    // Short names lie in the String itself, so comparing two is comparing two words.
    public static func == (left: EventType, right: EventType) -> Bool { left.name == right.name }
    public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}
