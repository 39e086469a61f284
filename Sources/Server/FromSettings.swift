// What the settings mean to each room. No room below the server knows of settings.

import Feed
import Fleet
import Hub
import Jobs
import Loop
import Redis
import Settings
import Tokens
import Wire

extension Settings {
    /// What is kept of one job; nothing where history is off.
    var ringLimits: RingLimits {
        history == .off
            ? RingLimits(eventsMax: 0, bytesMax: 0)
            : RingLimits(eventsMax: historyEventsMax, bytesMax: historyBytesMax)
    }
}

extension Settings {
    func heardSources() throws(StartFault) -> [Source] {
        do throws(SettingsFault) { return try sources() } catch {
            throw .setting("patterns", "\(error)")
        }
    }

    func entrances() throws(StartFault) -> Entrances {
        do throws(SettingsFault) { return Entrances(try aliasTable()) } catch {
            throw .setting("aliases", "\(error)")
        }
    }
}

extension Settings {
    func proxies() throws(StartFault) -> TrustedProxies {
        do throws(TrustedProxiesFault) { return try TrustedProxies(trustedProxies) } catch {
            throw .setting("trusted-proxies", "\(error)")
        }
    }
}

extension HandshakeLimits.Limits {
    init(_ settings: Settings) {
        self.init(
            perSecond: settings.handshakesPerSecondMax, burst: settings.handshakesBurstMax,
            perAddressPerSecond: settings.handshakesPerAddressPerSecondMax,
            perAddressBurst: settings.handshakesPerAddressBurstMax,
            explainedPerSecond: settings.explainedRefusalsPerSecondMax)
    }
}

extension HubLimits {
    init(_ settings: Settings) {
        self.init(
            ring: settings.ringLimits,
            replay: RingLimits(
                eventsMax: settings.replayEventsMax, bytesMax: settings.historyBytesMax),
            // The other half is the outbox itself.
            queueBytesMax: settings.outboxBytesMax / 2, viewJobsMax: settings.viewJobsMax)
    }
}

extension FeedLimits {
    init(_ settings: Settings) {
        self.init(
            memory: MemoryLimits(
                perJob: settings.ringLimits, jobsMax: settings.memoryHistoryJobsMax,
                bytesMax: settings.memoryHistoryBytesMax),
            eventBytesMax: settings.eventBytesMax, probeInterval: settings.redisPingInterval,
            channelPrefix: settings.keyPrefix, publishTimeout: settings.redisReplyTimeout,
            stalledAfter: settings.stalledAfter)
    }
}

extension RecordedFeedOptions {
    init(_ settings: Settings) {
        self.init()
        keyPrefix = settings.keyPrefix
        queueBytesMax = settings.recordQueueBytesMax
        recording = RecordingLimits(
            perJob: settings.ringLimits, stateLife: settings.historyStateExpiry,
            streamLife: settings.historyExpiry, endedLife: settings.historyEndedExpiry)
    }
}

extension FleetLimits {
    init(_ settings: Settings) {
        self.init()
        revocationsMax = settings.revocationsMax
    }
}

extension HeadLimits {
    /// `Authorization: Bearer`, generously, and what stands beside the token in a head.
    private static let (bearerBytes, otherHeadersBytes) = (64, 4_096)

    init(_ settings: Settings) {
        self.init()
        requestLineBytesMax = settings.httpLineBytesMax
        // The longest token that counts has room.
        let token = settings.tokenBytesMax + Self.bearerBytes
        headerBytesMax = max(settings.httpLineBytesMax, token)
        headBytesMax = min(
            max(settings.httpHeadBytesMax, token + Self.otherHeadersBytes), Int(UInt16.max))
        headersMax = settings.httpHeadersMax
    }
}

extension BodyLimits {
    init(_ settings: Settings) {
        self.init()
        bodyBytesMax = settings.httpBodyBytesMax
    }
}

extension RedisOptions {
    init(_ settings: Settings) {
        self.init()
        connectTimeout = settings.redisConnectTimeout
        replyTimeout = settings.redisReplyTimeout
        pingInterval = settings.redisPingInterval
        tls.caFile = settings.redisCA.orNil
        tls.serverName = settings.redisServerName.orNil
        tls.certificateFile = settings.redisCertificate.orNil
        tls.keyFile = settings.redisKey.orNil
    }
}

extension TLSServer {
    /// nil where no certificate is configured.
    static func make(_ settings: Settings) throws(StartFault) -> TLSServer? {
        guard !settings.tlsCertificate.isEmpty else { return nil }
        do throws(TLSFault) {
            return try TLSServer(
                certificateFile: settings.tlsCertificate, keyFile: settings.tlsKey)
        } catch {
            throw .certificate(error)
        }
    }
}

extension Wish {
    init(_ options: FollowOptions, after: Cursor? = nil) {
        let past: Past =
            switch options.history {
            case nil, .all: .all
            case .some(.none): .none
            case .latest(let count): .latest(count)
            }
        self.init(
            after: after ?? options.after, past: past,
            types: options.types.map { Set($0.map { EventType($0) }) },
            progressInterval: options.progressPerSecondMax.flatMap(Self.interval))
    }

    /// Of more events a second than this nobody is spared any.
    static let progressPerSecondMax = 1_000.0

    private static func interval(ofPerSecond rate: Double) -> Int64? {
        // At least one a day, so that the number is one.
        rate > progressPerSecondMax ? nil : Int64(min(1e9 / rate, 86_400e9))
    }
}

extension Subscribed {
    init(_ welcome: Welcome, watchers: Int) {
        self.init(
            job: welcome.job, snapshot: welcome.snapshot, watchers: watchers,
            epoch: welcome.epoch, seq: welcome.seq, replay: welcome.replay)
    }
}

extension String {
    fileprivate var orNil: String? { isEmpty ? nil : self }
}
