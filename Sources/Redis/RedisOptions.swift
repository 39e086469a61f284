// The times and limits of a Redis connection, each with its default, and how TLS is trusted.

public struct RedisOptions: Sendable {
    /// From the start of a connection until TCP and TLS stand.
    public var connectTimeout: Duration = .seconds(5)
    /// How long Redis may send nothing at all while it owes us a reply.
    public var replyTimeout: Duration = .seconds(5)
    /// How long a connection may be silent before a PING asks whether it still lives.
    public var pingInterval: Duration = .seconds(5)
    /// The wait before the n-th try is random, from nothing to base · 2ⁿ and never over the cap.
    public var backoffBase: Duration = .milliseconds(100)
    public var backoffCap: Duration = .seconds(5)
    /// The longest message or string Redis may send us. Workers do publish 10 MB.
    public var bulkBytesMax = 64 << 20
    /// The largest whole reply to a command, counted as the memory its parts take.
    public var replyBytesMax = 256 << 20
    /// Commands, and their bytes, that may be sent and not yet answered.
    public var commandsMax = 65_536
    public var commandBytesMax = 64 << 20
    public var tls = RedisTLSFiles()

    public init() {}
}

/// PEM files for `rediss://`. Read anew for each connection, so renewed ones need no restart.
public struct RedisTLSFiles: Sendable, Hashable {
    /// Whom to trust; nil: the system's authorities.
    public var caFile: String?
    /// The name the server's certificate must carry; nil: the host of the URL.
    public var serverName: String?
    /// Our own certificate, for a Redis that asks for one.
    public var certificateFile: String?
    public var keyFile: String?

    public init() {}
}
