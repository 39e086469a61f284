// What the hub hands out: entries of a history, and what must be said between them.

import Bytes
import Jobs

/// A client of this loop, by its place in the loop's list of sessions.
public struct FollowerID: Hashable, Sendable, CustomStringConvertible {
    public let index: Int32
    public init(index: Int32) { self.index = index }
    public var description: String { String(index) }
}

/// An update as one loop keeps it: the shared frame, and its other forms once somebody asked for them.
public final class Entry: Numbered {
    public enum Compressed { case notTried, notWorthIt, frame(SharedBytes) }

    /// The update in another language than JSON.
    public final class Translation {
        public let frame: SharedBytes
        public var compressed = Compressed.notTried

        public init(_ frame: SharedBytes) { self.frame = frame }
    }

    public let update: Update
    /// Filled by whoever owns a deflater, so that an event is compressed once however many follow it.
    public var compressed = Compressed.notTried
    /// Filled by whoever knows MessagePack. It has at most 9 bytes for 4 of the update's.
    public var messagePack: Translation?

    public init(_ update: Update) { self.update = update }

    public var seq: UInt64 { update.seq }
    public var byteCount: Int { update.frame.count }
}

/// Events a follower will not get, and why. `nil` bounds are unknown.
public struct Gap: Equatable, Sendable {
    public let from: UInt64?
    public let to: UInt64?
    public let reason: GapReason
    public let epoch: Epoch?

    public init(from: UInt64?, to: UInt64?, reason: GapReason, epoch: Epoch?) {
        self.from = from
        self.to = to
        self.reason = reason
        self.epoch = epoch
    }
}

/// One thing to send to a follower that reads a history.
public enum Item {
    case entry(Entry)
    case gap(Gap)
    /// The replay is over, or a new epoch begins: what follows is live.
    case live(Epoch?, UInt64)
}

/// What the shell must do after the hub has taken something in.
public enum HubRequest: Equatable { case nothing, askFeed, askFeedBriefly }

/// What one job brings to its live followers at the end of a tick.
public struct Delivery {
    public let job: JobID
    public let entries: [Entry]
    /// Set where the first of the entries begins an epoch: clients hear `live` before it.
    public let beginsEpoch: Epoch?
    public let live: [FollowerID]
    public let filtered: [Selection]
    /// These came in an earlier tick, and were held for the pace of those who get them now.
    public var wasHeld = false

    public struct Selection {
        public let follower: FollowerID
        public let entries: [Entry]
        /// Set when so much was skipped that the client must be told where it stands.
        public let standsAt: UInt64?
    }
}
