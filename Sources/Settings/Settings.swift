// Every setting of Jobwire as a value with its default, so that code and tests start from
// `Settings()`. SettingsTable.swift gives each field its name and words; what is not in that table
// is not a setting.

public struct Settings: Equatable, Sendable {
    // Listening
    public var listen = "127.0.0.1:8080"
    public var loops = 0
    public var tlsCertificate = ""
    public var tlsKey = ""
    public var allowedOrigins: [String] = []
    public var aliases: [String] = []
    public var hstsMaxAge = Duration.seconds(30 * 86_400)

    // Redis
    public var redisURL = Secret("redis://127.0.0.1:6379")
    public var redisCA = ""
    public var redisCertificate = ""
    public var redisKey = ""
    public var redisServerName = ""
    public var redisConnectTimeout = Duration.seconds(5)
    public var redisReplyTimeout = Duration.seconds(5)
    public var redisPingInterval = Duration.seconds(5)
    public var patterns = ["job:*:updates"]
    public var feeds = ["feed:*:updates"]
    public var celeryResults = false
    public var celeryEvents = false
    public var keyPrefix = "jobwire"

    // Tokens
    public var tokenSecret = Secret("")
    public var tokenKeys: [String] = []
    public var jwks = ""
    public var tokenIssuer = ""
    public var tokenAudience: [String] = []
    public var tokenAlgorithms = [
        "HS256", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA",
    ]
    public var subjectClaim = "sub"
    public var jobsClaim = "jobs"
    public var queuesClaim = "queues"
    public var feedsClaim = "feeds"
    public var scopeClaim = "scope"
    public var jwksRefresh = Duration.seconds(900)
    public var jwksTimeout = Duration.seconds(10)
    public var jwksCA = ""
    public var jwksHTTP = false
    public var tokenLeeway = Duration.seconds(30)
    public var tokenBytesMax = 8_192
    public var tokenCacheMax = 10_000
    public var requireExp = true
    public var tokenCookie = ""
    public var ticketsMax = 10_000
    public var ticketsPerSubjectMax = 1_000
    public var revocationsMax = 100_000
    public var revocationExpiry = Duration.seconds(30 * 86_400)
    public var authTimeout = Duration.seconds(5)

    // Rights
    public var ownerWait = Duration.seconds(30)
    public var rightsHook = ""
    public var rightsHookTimeout = Duration.seconds(2)
    public var rightsHookCache = Duration.seconds(30)
    public var rightsHookCacheMax = 10_000
    public var rightsHookAtOnceMax = 64
    public var rightsHookCA = ""
    public var rightsHookHTTP = false

    // Connections
    public var connectionsMax = 100_000
    public var connectionsPerAddressMax = 10_000
    public var connectionsPerSubjectMax = 100_000
    public var handshakesPerSecondMax = 10_000
    public var handshakesBurstMax = 100_000
    public var handshakesPerAddressPerSecondMax = 1_000
    public var handshakesPerAddressBurstMax = 20_000
    public var explainedRefusalsPerSecondMax = 1_000
    public var trustedProxies: [String] = []
    public var proxyProtocol = false
    public var subscriptionsPerConnectionMax = 1_000
    public var messagesPerSecondMax = 100
    public var messagesBurstMax = 1_000
    public var handshakeTimeout = Duration.seconds(10)
    public var keepAliveTimeout = Duration.seconds(60)
    public var pingInterval = Duration.seconds(25)
    public var writeTimeout = Duration.seconds(10)
    public var drainGrace = Duration.seconds(10)

    // Sizes
    public var eventBytesMax = 1_048_576
    public var messageBytesMax = 65_536
    public var outboxBytesMax = 1_048_576
    public var httpLineBytesMax = 8_192
    public var httpHeadBytesMax = 16_384
    public var httpHeadersMax = 100
    public var httpBodyBytesMax = 1_048_576

    // History
    public var history = History.redis
    public var historyEventsMax = 1_000
    public var historyBytesMax = 1_048_576
    public var replayEventsMax = 1_000
    public var viewJobsMax = 10_000
    public var historyStateExpiry = Duration.seconds(30 * 86_400)
    public var historyExpiry = Duration.seconds(86_400)
    public var historyEndedExpiry = Duration.seconds(86_400)
    public var stalledAfter = Duration.zero
    public var recordQueueBytesMax = 67_108_864
    public var memoryHistoryJobsMax = 100_000
    public var memoryHistoryBytesMax = 268_435_456

    // Log
    public var logLevel = LogLevel.info
    public var logFormat = LogFormat.text
    public var logRepeatsPerSecondMax = 10

    /// The sections `[issuer NAME]` of the file; see Issuers.swift.
    public internal(set) var issuers: [Issuer] = []

    public init() {}

    public enum History: String, CaseIterable, Sendable { case redis, memory, off }
    public enum LogLevel: String, CaseIterable, Sendable { case error, warning, info, debug, trace }
    public enum LogFormat: String, CaseIterable, Sendable { case text, json }
}

/// Bytes that no log line, error or dump may show. Who needs them asks by name.
public struct Secret: Equatable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    public let bytes: [UInt8]

    public init(bytes: [UInt8]) { self.bytes = bytes }
    public init(_ text: String) { bytes = Array(text.utf8) }

    public var isEmpty: Bool { bytes.isEmpty }
    /// For secrets that are words, as a URL is; bytes that are not UTF-8 come out repaired.
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    public var description: String { "(hidden)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
