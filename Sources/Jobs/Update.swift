// Update is one numbered entry of a job's history as it travels from feed to hub to socket: made once,
// encoded once, then only shared. What it does to the job's snapshot travels beside it, because nobody
// needs that any more once it is folded.

import Bytes

public final class Update: Sendable {
    public enum Kind: Sendable, Equatable { case event, gap(GapReason) }

    public let job: JobID
    public let epoch: Epoch
    public let seq: UInt64
    public let kind: Kind
    public let type: EventType
    /// The whole WebSocket text frame, head included.
    public let frame: SharedBytes
    /// Monotonic nanoseconds at which Redis' bytes were read, for the latency histogram.
    public let heardAt: Int64

    public init(
        job: JobID, epoch: Epoch, seq: UInt64, kind: Kind = .event, type: EventType,
        frame: SharedBytes, heardAt: Int64
    ) {
        self.job = job
        self.epoch = epoch
        self.seq = seq
        self.kind = kind
        self.type = type
        self.frame = frame
        self.heardAt = heardAt
    }

    public var cursorBefore: Cursor { Cursor(epoch: epoch, seq: seq - 1) }
}

/// Why events are missing; the raw value is the word on the wire.
public enum GapReason: String, Sendable, CaseIterable {
    case trimmed
    case replayLimit = "replay_limit"
    case epochChanged = "epoch_changed"
    case slowConsumer = "slow_consumer"
    case conflated, unrecorded
}
