// What a follower asks for when it subscribes.

import Jobs

public struct Wish: Equatable, Sendable {
    /// How much of the past is wanted by somebody without a cursor.
    public enum Past: Equatable, Sendable { case all, none, latest(Int) }

    public var after: Cursor?
    public var past: Past
    /// Only events of these types; nil for all. Skipped events leave no gap: they were not wanted.
    public var types: Set<EventType>?
    /// Nanoseconds between two progress events, of which the latest counts; nil for all at once.
    public var progressInterval: Int64?

    public init(
        after: Cursor? = nil, past: Past = .all, types: Set<EventType>? = nil,
        progressInterval: Int64? = nil
    ) {
        self.after = after
        self.past = past
        self.types = types
        self.progressInterval = progressInterval
    }

    /// Wants every event, as it comes.
    var isWhole: Bool { types == nil && progressInterval == nil }

    func wants(_ entry: Entry) -> Bool {
        guard let types, case .event = entry.update.kind else { return true }
        return types.contains(entry.update.type)
    }
}

/// The first answer to a follower: where the job stands, and what will be replayed.
public struct Welcome {
    public let follower: FollowerID
    public let job: JobID
    public let snapshot: Snapshot
    public let epoch: Epoch?
    /// The last number at this moment; the snapshot is that of this number.
    public let seq: UInt64
    public let replay: Replay
}
