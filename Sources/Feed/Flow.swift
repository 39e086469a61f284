// Flow is whether what is published reaches followers, and where it does not why: for readiness, the log, and a
// word to every client.

public enum Flow: UInt8, Sendable {
    case flows
    /// Nothing is known yet.
    case beginning
    case noSubscription
    /// What is published on our own channel does not come back.
    case noAnswer
    /// It is not known yet which message has which number.
    case notAligned
    /// Bridges that count other messages record here.
    case otherPatterns
    /// What was heard is not recorded in time.
    case unrecorded

    public var word: String {
        switch self {
        case .flows: "flow"
        case .beginning: "beginning"
        case .noSubscription: "no_subscription"
        case .noAnswer: "no_answer"
        case .notAligned: "not_aligned"
        case .otherPatterns: "other_patterns"
        case .unrecorded: "unrecorded"
        }
    }
}
