// Every metric of Jobwire. A loop counts into its own block; `prometheus()` adds the blocks up.
// A metric is a field of the block and one row of the table in Families.swift.

import Synchronization

public final class Metrics: Sendable {
    let blocks: [MetricsBlock]
    let version: String
    public let startedAt: Double

    /// `startedAt` in seconds since 1970.
    public init(loops: Int, version: String, startedAt: Double) {
        blocks = (0..<max(loops, 1)).map { _ in MetricsBlock() }
        (self.version, self.startedAt) = (version, startedAt)
    }

    /// What the loop of that number writes to, and no other.
    public func block(_ loop: Int) -> MetricsBlock { blocks[loop] }

    /// The text that `GET /metrics` answers with, `text/plain; version=0.0.4`.
    public func prometheus(process: ProcessReadings? = .read()) -> String {
        var text = ""
        for family in Self.families { family.write(blocks, &text) }
        writeBuild(&text)
        process?.write(startedAt: startedAt, &text)
        return text
    }

    /// What is not zero of the same, by the same names.
    public func values() -> [(name: String, value: MetricValue)] {
        Self.families.compactMap { family in
            let value = family.value(blocks)
            return value.isZero ? nil : (family.name, value)
        }
    }

    /// One number over all loops.
    public func sum(_ read: (MetricsBlock) -> Int) -> Int { blocks.reduce(0) { $0 &+ read($1) } }

    private func writeBuild(_ text: inout String) {
        writeHead("jobwire_build_info", "gauge", "Always 1; the labels say what runs", &text)
        let shown = version.filter { $0.isASCII && $0 != "\"" && $0 != "\\" && !$0.isNewline }
        text += "jobwire_build_info{version=\"\(shown)\"} 1\n"
    }
}

/// What one loop counts. Padded at both ends, so that two loops never write to one cache line.
public final class MetricsBlock: Sendable {
    private let paddingBefore = InlineArray<16, UInt64>(repeating: 0)

    public let connections = Gauge()
    public let connectionsTotal = Counter()
    public let webSockets = Gauge()
    public let eventStreams = Gauge()
    public let longPolls = Gauge()
    public let subscriptions = Gauge()
    public let messagesIn = Counter()
    public let messagesOut = Counter()
    public let bytesIn = Counter()
    public let bytesOut = Counter()
    public let drops = LabelledCounter<DropReason>()
    public let closes = LabelledCounter<CloseCode>()
    public let handshakeRefusals = LabelledCounter<HandshakeRefusal>()
    public let authRefusals = LabelledCounter<AuthRefusal>()
    public let messageRefusals = LabelledCounter<MessageRefusal>()
    public let jwksRefreshes = LabelledCounter<KeyReading>()
    public let jwksAge = Gauge()
    public let revocations = Gauge()
    public let rightsAwaited = Gauge()
    public let hookAsks = LabelledCounter<HookAsk>()
    public let hookCacheHits = Counter()
    public let hookDuration = Histogram()
    public let rateLimited = Counter()
    public let forwardedUnreadable = Counter()
    public let jobsStalled = Counter()
    public let responses = LabelledCounter<StatusClass>()

    public let eventsHeard = Counter()
    public let eventBytesHeard = Counter()
    public let oddities = LabelledCounter<Oddity>()
    public let publishToWrite = Histogram()
    public let replays = Counter()
    public let replayedEvents = Counter()
    public let gaps = LabelledCounter<GapLabel>()
    public let jobs = Gauge()
    public let historyBytes = Gauge()

    public let redisSubscriber = Gauge()
    public let redisCommands = Gauge()
    public let redisReconnects = Counter()
    public let isFlowing = Gauge()

    public let loopLag = Histogram()
    public let logLinesLost = Counter()

    private let paddingAfter = InlineArray<16, UInt64>(repeating: 0)

    public func set(redisSubscriber state: RedisState) { redisSubscriber.set(state.rawValue) }
    public func set(redisCommands state: RedisState) { redisCommands.set(state.rawValue) }
}
