// What loops tell each other. Every value is Sendable; a mailbox keeps the order, so an opening comes
// before the updates that follow it.

import Bytes
import Jobs
import Tokens
import Wire

enum WorkerMail: Sendable {
    // to the loop that owns the feed
    case follow(JobID, loop: Int, isBrief: Bool)
    case unfollow(JobID, loop: Int)
    /// Whether it wants to hear of all jobs that have events.
    case followAll(Bool, loop: Int)
    case ask(FeedQuestion, loop: Int, ticket: UInt64)

    // from it
    case updates([(Update, SnapshotChange?)], bytes: Int)
    case announced([Announcement], bytes: Int)
    /// Of these jobs some updates were let go; see Courier.
    case missed([JobID])
    /// And how many of this loop's asks had come by then.
    case opened(Opening, afterAsks: Int)
    case answered(FeedAnswer, ticket: UInt64)

    // each way
    case fleet(FleetMail)

    // to all
    case redis(RedisCondition)
    case keys(KeyNews)
    /// To the loop that asked the rights hook.
    case ruled(HookAnswer)
    case errand(ErrandMail)
    case drain
    case stop
}

/// What clients are told of Redis.
enum RedisCondition: Sendable {
    case lost, back

    var notice: SharedBytes {
        switch self {
        case .lost:
            ServerMessage.notice(
                .warning, code: .redisLost, message: "updates have stopped; they will come back")
        case .back:
            ServerMessage.notice(
                .info, code: .redisBack,
                message: "updates have come back; some may have been missed")
        }
    }
}
