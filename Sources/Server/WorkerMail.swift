// What loops tell each other. Every value is Sendable; a mailbox keeps the order, so an opening comes
// before the updates that follow it.

import Feed
import Jobs

enum WorkerMail: Sendable {
    // to the loop that owns the feed
    case follow(JobID, loop: Int)
    case unfollow(JobID, loop: Int)
    case peek(JobID, loop: Int, ticket: UInt64)

    // from it
    case updates([Update])
    case opened(Opening)
    case peeked(Opening, ticket: UInt64)
    case redis(RedisCondition)

    // from the server
    case drain
    case reloadCertificate
    case stop
}

/// What clients are told of Redis.
enum RedisCondition: Sendable {
    case lost, back
}
