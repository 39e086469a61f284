// What a fleet tells its bridge. News of revocations keep their order; whoever has heard them all knows what
// `Fleet` knows.

import Redis

public enum FleetNews: Sendable, Equatable {
    /// By another bridge, or by ourselves.
    case told(FleetMessage, from: NodeName)
    /// To be answered with `Fleet.answer`.
    case asked(FleetMessage, FleetCall)
    case revoked([Revocation])
    /// The list has been read once: whatever it holds was told before. Or it can't be, for lack of rights.
    case revocationsKnown
    case status(FleetStatus)
}

/// For whoever runs the bridge.
public enum FleetStatus: Sendable, Equatable {
    /// The connection for commands, and the one that hears the others.
    case ready, hearing
    case lost(RedisFault), deaf(RedisFault)
    /// The Redis user lacks these rights; said once for each connection.
    case mayNot(rules: String)
    /// Redis can't tell what is revoked; the text is its own.
    case listUnreadable(String)
    /// More is revoked in Redis than this bridge may keep.
    case overfull
    /// Entries that Redis had lost were put back.
    case restored(Int)
    /// A message that no bridge wrote.
    case strange
}

/// A bridge that is there, and what it says of itself.
public struct FleetNode: Sendable, Equatable {
    public let name: NodeName
    /// JSON.
    public let state: [UInt8]
}
