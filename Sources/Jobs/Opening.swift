// Opening is what the feed tells a loop that begins to follow a job: everything of one instant.

/// An epoch that was left, and the last number up to which its history still holds in the next one.
public struct Fork: Hashable, Sendable {
    public let epoch: Epoch
    public let seq: UInt64

    public init(epoch: Epoch, seq: UInt64) {
        self.epoch = epoch
        self.seq = seq
    }
}

public struct Opening: Sendable {
    public let job: JobID
    /// nil until the job's first event.
    public let epoch: Epoch?
    public let seq: UInt64
    /// The epochs this one grew out of, oldest first.
    public let forks: [Fork]
    public let snapshot: Snapshot
    /// The kept history up to `seq`, contiguous, oldest first.
    public let updates: [Update]
    /// Only the latest of what is kept were asked for.
    public let isBrief: Bool
    /// What a loop holds up to this number still holds: here is only what comes behind it.
    public let behind: UInt64?
    /// Those that wait for the first event may have missed what came before this.
    public var isTornOff = false

    /// All that is kept is in it.
    public var isWhole: Bool { !isBrief && behind == nil }

    /// As it is told to clients that stand at `told`. Those that wait for the first event are told no epoch. So they
    /// would not see that Redis has lost that they wait, and that the first event that it has may not be the first
    /// there was: unless a gap says so already.
    public func shown(to told: Cursor? = nil) -> Opening {
        guard let old = told?.epoch, told?.seq == 0, let epoch, old != epoch,
            !forks.contains(where: { $0.epoch == old }),
            updates.first.map({ $0.seq > 1 || $0.kind == .event }) ?? true
        else { return seq > 0 ? self : Opening(job: job) }
        var torn = self
        torn.isTornOff = true
        return torn
    }

    /// So many entries a brief opening has.
    public static let briefEntriesMax = 64

    public init(
        job: JobID, epoch: Epoch? = nil, seq: UInt64 = 0, forks: [Fork] = [],
        snapshot: Snapshot = Snapshot(), updates: [Update] = [], isBrief: Bool = false,
        behind: UInt64? = nil
    ) {
        self.job = job
        self.epoch = epoch
        self.seq = seq
        self.forks = forks
        self.snapshot = snapshot
        self.updates = updates
        self.isBrief = isBrief
        self.behind = behind
    }
}

/// A job that the loop does not follow has had an event: told to loops that follow queues.
public struct Announcement: Sendable {
    public let job: JobID
    /// After the event, as far as is known.
    public let belonging: Belonging
    /// Where the history stood before the event.
    public let after: Cursor

    public init(job: JobID, belonging: Belonging, after: Cursor) {
        (self.job, self.belonging, self.after) = (job, belonging, after)
    }
}

/// What a subscription is about to be sent of the past.
public struct Replay: Equatable, Sendable {
    public let from: UInt64?
    public let to: UInt64?
    public let count: Int
    /// False where a gap stands before or in it.
    public let isComplete: Bool

    public init(from: UInt64?, to: UInt64?, count: Int, isComplete: Bool) {
        self.from = from
        self.to = to
        self.count = count
        self.isComplete = isComplete
    }
}
