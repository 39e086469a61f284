// The times and limits of a Redis connection, each with its default, and how TLS is trusted.

public struct RedisOptions: Sendable {
    /// From the start of a connection until TCP and TLS stand.
    public var connectTimeout: Duration = .seconds(5)
    /// What of it one try of TCP may take. Where packets vanish, TCP repeats itself ever later: a new try
    /// notices sooner that they arrive again.
    public var dialTimeout: Duration { max(connectTimeout / 5, .seconds(1)) }
    /// How long Redis may send nothing at all while it owes us a reply.
    public var replyTimeout: Duration = .seconds(5)
    /// How long a connection may be silent before a PING asks whether it still lives.
    public var pingInterval: Duration = .seconds(5)
    /// How long a silent subscription may still begin to speak when its successor stands: the least, and
    /// the most where the successor had to wait as well. See `Succession`.
    public var successionGrace: ClosedRange<Duration> = .milliseconds(500)...(.seconds(15))
    /// The wait before the n-th try is random, from nothing to base · 2ⁿ and never over the cap: a short
    /// one where Redis is not there, so that it is found soon when it is back, and a long one where it
    /// turns us away, so that somebody has to change something.
    public var backoffBase: Duration = .milliseconds(100)
    public var backoffCap: Duration = .milliseconds(250)
    public var refusedBackoffCap: Duration = .seconds(5)
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
