// The limits and times of a fleet, each with its default, and what it may be refused for.

import Redis

public struct FleetLimits: Sendable {
    /// One message between bridges. A longer one is not sent, and not read.
    public var messageBytesMax = 65_536
    /// Questions to other bridges that wait for their answers.
    public var questionsMax = 1_024
    public var answerTimeout: Duration = .seconds(2)
    /// What is kept for one use, as a ticket.
    public var valueBytesMax = 131_072
    public var revocationsMax = 100_000
    /// How often it is asked whether the list of revocations is still as we know it: what was announced
    /// to nobody is heard of so late.
    public var checkInterval: Duration = .milliseconds(500)
    /// So often what has ended is forgotten, in Redis after two of these, since clocks differ.
    public var sweepInterval: Duration = .seconds(60)
    public var presenceInterval: Duration = .seconds(2)
    /// A bridge that says nothing for so long is no more.
    public var presenceLife: Duration = .seconds(10)
    public var nodesMax = 256
    public var stateBytesMax = 8_192

    public init() {}
}

/// Why the other bridges could not be reached, or not be told.
public enum FleetFault: Error, Sendable, Equatable {
    /// Also where the answer was lost: then it may have been done.
    case redisUnavailable
    /// The Redis user lacks rights; see FleetKeys.rules.
    case notAllowed
    case refused(String)
    /// There are as many revocations as there may be.
    case full
    case tooLarge
    case tooManyQuestions
    /// No bridge of that name hears us.
    case noSuchNode
    case noAnswer

    public var name: String {
        switch self {
        case .redisUnavailable: "redis_unavailable"
        case .notAllowed: "redis_not_allowed"
        case .refused: "redis_refused"
        case .full: "revocations_full"
        case .tooLarge: "too_large"
        case .tooManyQuestions: "too_many_questions"
        case .noSuchNode: "no_such_node"
        case .noAnswer: "no_answer"
        }
    }

    public var message: String {
        switch self {
        case .redisUnavailable: "Redis is away; the other bridges are told when it is back"
        case .notAllowed:
            "the Redis user lacks the rights (jobwire doctor says which), so no other bridge knows"
        case .refused: "Redis refused, so no other bridge knows"
        case .full: "as many revocations count as may (revocations-max)"
        case .tooLarge: "it is too large to be told to other bridges"
        case .tooManyQuestions: "too many questions to other bridges wait for their answers"
        case .noSuchNode: "no such bridge is there"
        case .noAnswer: "that bridge did not answer in time"
        }
    }

    /// What Redis' own error means.
    init(answer text: String) {
        let isForbidden =
            text.hasPrefix("NOPERM") || text.contains("user executing the script can't")
        self = isForbidden ? .notAllowed : .refused(String(text.prefix(160)))
    }
}
