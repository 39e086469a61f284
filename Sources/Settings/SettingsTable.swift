// The one table. From it come the flags, the JOBWIRE_* variables, the names in the file,
// `jobwire --help` and docs/settings.md.

extension Settings {
    public static let table: [Setting] = groups.flatMap(\.settings)

    public static let groups: [SettingGroup] = [
        SettingGroup("Listening", listening), SettingGroup("Redis", redis),
        SettingGroup("Tokens", tokens), SettingGroup("Rights", rights),
        SettingGroup("Connections", connections),
        SettingGroup("Sizes", sizes), SettingGroup("History", historySettings),
        SettingGroup("Log", log),
    ]

    private static let listening: [Setting] = [
        .text(
            "listen", \.listen, as: "ADDRESS:PORT",
            "Where to listen; port 0 lets the kernel choose, [::]:8080 is every address, or unix:/path"
        ),
        .integer("loops", \.loops, 0...64, "Event loops to run; 0 means one for each core"),
        .text(
            "tls-certificate", \.tlsCertificate, as: "FILE",
            "PEM certificate chain to serve TLS with"),
        .text("tls-key", \.tlsKey, as: "FILE", "PEM private key of tls-certificate"),
        .list(
            "allowed-origins", \.allowedOrigins, as: "ORIGINS",
            "Origins that browsers may come from besides our own page, * for any; empty: not checked"
        ),
        .list(
            "aliases", \.aliases, as: "ALIASES",
            "Other paths for WebSockets, as PATH=feed:NAME, PATH=queue:NAME or PATH=jobs (by message); "
                + "with @SCOPE at the end only for tokens of that scope"),
        .duration(
            "hsts-max-age", \.hstsMaxAge, .zero...(.seconds(63_072_000)),
            "With tls-certificate: how long browsers shall come by https alone; 0s: not told"),
    ]

    private static let redis: [Setting] = [
        .secret(
            "redis-url", \.redisURL, as: "URL", shown: URLWithoutPassword.describe,
            "redis://[user:password@]host:port[/db], rediss://… for TLS, unix://path"),
        .text(
            "redis-ca", \.redisCA, as: "FILE",
            "PEM authorities trusted for rediss://; empty: the system's"),
        .text(
            "redis-certificate", \.redisCertificate, as: "FILE",
            "PEM client certificate for rediss://"),
        .text("redis-key", \.redisKey, as: "FILE", "PEM private key of redis-certificate"),
        .text(
            "redis-server-name", \.redisServerName, as: "NAME",
            "Name the certificate of Redis must carry; empty: the host of redis-url"),
        .duration(
            "redis-connect-timeout", \.redisConnectTimeout, .milliseconds(10)...(.seconds(300)),
            "Longest wait for a connection to Redis"),
        .duration(
            "redis-reply-timeout", \.redisReplyTimeout, .milliseconds(10)...(.seconds(300)),
            "Longest wait for a reply before the connection counts as dead"),
        .duration(
            "redis-ping-interval", \.redisPingInterval, .milliseconds(10)...(.seconds(300)),
            "How often a silent connection to Redis is proven alive"),
        .list(
            "patterns", \.patterns, as: "PATTERNS",
            "Channels that workers publish on: with one * where the job id stands, or CHANNEL#MEMBER"
                + " where the message has it (progress#jobId)"),
        .list(
            "feeds", \.feeds, as: "FEEDS",
            "Channels of what is no job: with one * where the feed's name stands, or name=channel"),
        .flag(
            "celery-results", \.celeryResults,
            "Follow Celery tasks by what their Redis result backend publishes, on celery-task-meta-*"
        ),
        .flag(
            "celery-events", \.celeryEvents,
            "Follow Celery tasks by the events of workers started with -E, over a Redis broker"),
        .text(
            "key-prefix", \.keyPrefix, as: "WORD",
            "First part of every key and channel of Jobwire's own"),
    ]

    private static let tokens: [Setting] = [
        .secret(
            "token-secret", \.tokenSecret, as: "SECRET",
            "Secret of client tokens, 32 bytes at least (48 for HS384, 64 for HS512)"),
        .list(
            "token-keys", \.tokenKeys, as: "FILES",
            "PEM files with public keys of client tokens, or certificates, of which only the key counts"
        ),
        .text(
            "jwks", \.jwks, as: "FILE|URL", "JSON Web Key Set that client tokens are signed with"),
        .text(
            "token-issuer", \.tokenIssuer, as: "NAME",
            "What iss of a token must be; empty: anything"),
        .list(
            "token-audience", \.tokenAudience, as: "NAMES",
            "Of which aud of a token must hold one; empty: not checked"),
        .list(
            "token-algorithms", \.tokenAlgorithms, as: "NAMES",
            "Algorithms a token may be signed with, where a key is for them; also HS384, HS512"),
        .text("subject-claim", \.subjectClaim, as: "PATH", "Claim that names whom a token is for"),
        .text(
            "jobs-claim", \.jobsClaim, as: "PATH",
            "Claim with the jobs it covers; realm.jobs is jobs inside realm, here and below"),
        .text("queues-claim", \.queuesClaim, as: "PATH", "Claim with the queues it covers"),
        .text("feeds-claim", \.feedsClaim, as: "PATH", "Claim with the feeds it covers"),
        .text(
            "scope-claim", \.scopeClaim, as: "PATH",
            "Claim with words such as jobs:read, a text or an array"),
        .duration(
            "jwks-refresh", \.jwksRefresh, .milliseconds(100)...(.seconds(86_400)),
            "How often key sets are read again; Cache-Control may stretch or shorten it tenfold"),
        .duration(
            "jwks-timeout", \.jwksTimeout, .milliseconds(10)...(.seconds(300)),
            "Longest wait for the answer of a jwks URL"),
        .text(
            "jwks-ca", \.jwksCA, as: "FILE",
            "PEM authorities trusted for jwks URLs; empty: the system's"),
        .flag("jwks-http", \.jwksHTTP, "Fetch key sets by plain http from other machines too"),
        .duration(
            "token-leeway", \.tokenLeeway, .zero...(.seconds(600)),
            "How far the clocks of token issuer and bridge may differ"),
        .bytes("token-bytes-max", \.tokenBytesMax, 256...65_536, "Longest token that is looked at"),
        .integer(
            "token-cache-max", \.tokenCacheMax, 0...1_000_000,
            "Tokens that each loop remembers as rightly signed"),
        .flag("require-exp", \.requireExp, "Refuse tokens that never expire"),
        .text(
            "token-cookie", \.tokenCookie, as: "NAME",
            "Cookie that a token may stand in, from our own page or a named origin; empty: in none"),
        .integer(
            "tickets-max", \.ticketsMax, 0...10_000_000,
            "One-use tickets that each loop gives in 30 seconds; each keeps its token in Redis for a minute"
        ),
        .integer(
            "tickets-per-subject-max", \.ticketsPerSubjectMax, 1...10_000_000,
            "Of those, to tokens of one subject"),
        .integer(
            "revocations-max", \.revocationsMax, 0...10_000_000,
            "Revocations that count at a time; one more is refused with 507"),
        .duration(
            "revocation-expiry", \.revocationExpiry, .seconds(1)...(.seconds(315_360_000)),
            "How long a revocation counts that says no end; longer than any token lasts"),
        .duration(
            "auth-timeout", \.authTimeout, .milliseconds(10)...(.seconds(300)),
            "How long a socket without a token may take to send one"),
    ]

    private static let connections: [Setting] = [
        .integer("connections-max", \.connectionsMax, 1...10_000_000, "Connections open at a time"),
        .integer(
            "connections-per-address-max", \.connectionsPerAddressMax, 1...10_000_000,
            "Connections open at a time from one IPv4 address, or one /64 of IPv6"),
        .integer(
            "connections-per-subject-max", \.connectionsPerSubjectMax, 1...10_000_000,
            "WebSockets, event streams and long-polls open at a time of one token subject"),
        .integer(
            "handshakes-per-second-max", \.handshakesPerSecondMax, 1...10_000_000,
            "WebSocket handshakes a second, and requests whose token is refused, on average"),
        .integer(
            "handshakes-burst-max", \.handshakesBurstMax, 1...10_000_000,
            "Handshakes that may come at once after a quiet time"),
        .integer(
            "handshakes-per-address-per-second-max", \.handshakesPerAddressPerSecondMax,
            1...10_000_000, "The same from one IPv4 address, or one /64 of IPv6"),
        .integer(
            "handshakes-per-address-burst-max", \.handshakesPerAddressBurstMax, 1...10_000_000,
            "Handshakes that may come at once from one address"),
        .integer(
            "explained-refusals-per-second-max", \.explainedRefusalsPerSecondMax, 0...10_000_000,
            "Refused handshakes completed to tell a browser why; more are refused by HTTP alone"),
        .list(
            "trusted-proxies", \.trustedProxies, as: "ADDRESSES",
            "Addresses and ranges (10.0.0.0/8, fd00::/8, or unix) whose word for a client's address counts"
        ),
        .flag(
            "proxy-protocol", \.proxyProtocol,
            "Connections of trusted-proxies begin with a PROXY header, version 1 or 2, before TLS"),
        .integer(
            "subscriptions-per-connection-max", \.subscriptionsPerConnectionMax, 1...1_000_000,
            "Jobs, queues and feeds one socket may follow"),
        .integer(
            "messages-per-second-max", \.messagesPerSecondMax, 1...1_000_000,
            "Messages a client may send each second, on average"),
        .integer(
            "messages-burst-max", \.messagesBurstMax, 1...1_000_000,
            "Messages a client may send at once after a quiet time"),
        .duration(
            "handshake-timeout", \.handshakeTimeout, .milliseconds(10)...(.seconds(300)),
            "How long a new connection may take to finish TLS and its first request head"),
        .duration(
            "keep-alive-timeout", \.keepAliveTimeout, .milliseconds(10)...(.seconds(3_600)),
            "How long an HTTP connection may stay idle between requests"),
        .duration(
            "ping-interval", \.pingInterval, .milliseconds(10)...(.seconds(3_600)),
            "How often a WebSocket is pinged; silent for two of them, it is dropped"),
        .duration(
            "write-timeout", \.writeTimeout, .milliseconds(10)...(.seconds(300)),
            "How long a client may take no bytes while we owe it some"),
        .duration(
            "drain-grace", \.drainGrace, .zero...(.seconds(3_600)),
            "Time over which connections are closed after SIGTERM"),
    ]

    private static let sizes: [Setting] = [
        .bytes(
            "event-bytes-max", \.eventBytesMax, 1_024...67_108_864,
            "Largest event taken from a worker"),
        .bytes(
            "message-bytes-max", \.messageBytesMax, 1_024...16_777_216,
            "Largest message taken from a client"),
        .bytes(
            "outbox-bytes-max", \.outboxBytesMax, 4_096...1_073_741_824,
            "Bytes that wait for a slow client; beyond half, less is sent (docs/decisions/009)"),
        .bytes("http-line-bytes-max", \.httpLineBytesMax, 256...65_536, "Longest request line"),
        .bytes(
            "http-head-bytes-max", \.httpHeadBytesMax, 1_024...61_440, "Largest request head"),
        .integer("http-headers-max", \.httpHeadersMax, 8...10_000, "Headers in one request"),
        .bytes("http-body-bytes-max", \.httpBodyBytesMax, 0...67_108_864, "Largest request body"),
    ]

    private static let historySettings: [Setting] = [
        .choice(
            "history", \.history,
            "Where events are kept for late and returning clients; off still numbers them"),
        .integer("history-events-max", \.historyEventsMax, 0...1_000_000, "Events kept of one job"),
        .bytes(
            "history-bytes-max", \.historyBytesMax, 0...1_073_741_824,
            "Bytes of events kept of one job"),
        .integer(
            "replay-events-max", \.replayEventsMax, 0...1_000_000,
            "Events replayed to one subscription"),
        .integer(
            "view-jobs-max", \.viewJobsMax, 1...10_000_000,
            "Jobs one loop follows for queues alone; beyond it the quietest are let go"),
        .duration(
            "history-state-expiry", \.historyStateExpiry, .seconds(1)...(.seconds(31_536_000)),
            "How long Redis keeps a job's numbers and snapshot after its last event"),
        .duration(
            "history-expiry", \.historyExpiry, .seconds(1)...(.seconds(31_536_000)),
            "How long Redis keeps a job's events after the last one"),
        .duration(
            "history-ended-expiry", \.historyEndedExpiry, .seconds(1)...(.seconds(31_536_000)),
            "The same for a job in a final state"),
        .duration(
            "stalled-after", \.stalledAfter, .zero...(.seconds(31_536_000)),
            "How long a running job may be silent before it is told to be `stalled`; 0s: for ever"),
        .bytes(
            "record-queue-bytes-max", \.recordQueueBytesMax, 1_048_576...1_099_511_627_776,
            "Bytes of events that may wait for Redis to record them; beyond it they are a gap"),
        .integer(
            "memory-history-jobs-max", \.memoryHistoryJobsMax, 1...100_000_000,
            "Jobs kept in memory; the one longest without followers and events goes first"),
        .bytes(
            "memory-history-bytes-max", \.memoryHistoryBytesMax, 1_048_576...1_099_511_627_776,
            "Bytes of events kept in memory, all jobs together"),
    ]

    private static let log: [Setting] = [
        .choice("log-level", \.logLevel, "How much is logged"),
        .choice("log-format", \.logFormat, "How a line of the log is written"),
        .integer(
            "log-repeats-per-second-max", \.logRepeatsPerSecondMax, 1...1_000_000,
            "Lines of the same event logged each second by one loop; the rest is counted"),
    ]
}
