// Feed turns what Redis says into numbered updates, and knows which loops follow which job.
//
// It lives on loop 0 and owns the subscriber connection. What it finds out it tells as `FeedNews`,
// in order: an `opened` comes before every update of that job that is not in it. History is behind
// `follow` and `peek`: callers see openings and updates, whoever kept them.

import Bytes
import Jobs
import Loop
import Redis

public struct FeedLimits: Sendable {
    public var memory: MemoryLimits
    public var eventBytesMax: Int
    public var probeInterval: Duration
    /// Of our own channels.
    public var channelPrefix: String
    /// How long a published event may take to come back.
    public var publishTimeout: Duration
    /// How long a running job may be silent before it counts as stalled; zero for ever.
    public var stalledAfter: Duration

    public init(
        memory: MemoryLimits = MemoryLimits(), eventBytesMax: Int = 1_048_576,
        probeInterval: Duration = .seconds(5), channelPrefix: String = "jobwire",
        publishTimeout: Duration = .seconds(5), stalledAfter: Duration = .zero
    ) {
        self.memory = memory
        self.eventBytesMax = eventBytesMax
        self.probeInterval = probeInterval
        self.channelPrefix = channelPrefix
        self.publishTimeout = publishTimeout
        self.stalledAfter = stalledAfter
    }
}

public final class Feed {
    /// Since somebody last looked.
    private var eventsHeard = 0
    private var bytesHeard = 0
    public private(set) var isProven = false
    private var flow = Flow.beginning

    private let loop: Loop
    private let limits: FeedLimits
    let sources: [Source]
    private let tell: (FeedNews) -> Void
    private var reader: EventReader
    private var finder = EventFinder()
    var history: MemoryHistory
    var subscriber: RedisSubscriber?
    var commands: RedisCommands?
    private var probe: Probe
    let publishing: Publishing
    private let silence: Silence
    private var continuity = Continuity.broken
    /// Loops that are told of every job that comes alive.
    private var watching = LoopSet()

    /// Whether messages may have gone unheard since the last entry.
    private enum Continuity {
        case whole, broken
        /// Heard again, though perhaps not by each pattern yet.
        case resuming
    }

    public init(
        loop: Loop, address: RedisAddress, options: RedisOptions, sources: [Source],
        limits: FeedLimits, tell: @escaping (FeedNews) -> Void
    ) {
        self.loop = loop
        self.limits = limits
        self.sources = sources
        self.tell = tell
        reader = EventReader(eventBytesMax: limits.eventBytesMax)
        silence = Silence(loop: loop, silentMax: limits.stalledAfter)
        publishing = Publishing(loop: loop, timeout: limits.publishTimeout)
        var random = SystemRandomNumberGenerator()
        history = MemoryHistory(limits: limits.memory, random: random)
        probe = Probe(
            prefix: limits.channelPrefix, database: address.database, token: random.next())
        subscriber = RedisSubscriber(
            loop: loop, address: address, options: options, patterns: sources.map(\.pattern.text),
            wishes: [probe.channel], owner: self)
        commands = RedisCommands(loop: loop, address: address, options: options, owner: self)
    }

    public func start() {
        subscriber?.start()
        commands?.start()
        _ = loop.arm(self, after: limits.probeInterval)
        silence.start { [unowned self] in tellSilent() }
    }

    public func stop() {
        subscriber?.stop()
        commands?.stop()
    }

    public func takeHeard() -> (events: Int, bytes: Int) {
        defer { (eventsHeard, bytesHeard) = (0, 0) }
        return (eventsHeard, bytesHeard)
    }

    public var jobCount: Int { history.jobCount }
    public var historyBytes: Int { history.bytes }
    public var isAwaitingEvents: Bool { false }

    /// From the opening that is told now, the loop hears every update of the job.
    public func follow(_ job: JobID, from loop: Int, isBrief: Bool = false) {
        let opening = history.follow(
            job, from: loop, isBrief: isBrief, heardAt: self.loop.now.nanoseconds)
        tell(.opened(opening, loop: loop))
    }

    public func unfollow(_ job: JobID, from loop: Int) { history.unfollow(job, from: loop) }
    public func followAll(from loop: Int) { watching.insert(loop) }
    public func unfollowAll(from loop: Int) { watching.remove(loop) }

    public func peek(_ job: JobID) -> Opening { history.peek(job) }

    private func beginEra() {
        for missed in history.beginEra(heardAt: loop.now.nanoseconds) {
            switch missed {
            case .update(let gap, let loops): tell(.update(gap, nil, loops))
            case .opening(let opening, let loops):
                for loop in loops.members { tell(.opened(opening, loop: loop)) }
            }
        }
    }

    private func hear(_ payload: Span<UInt8>, of job: JobID) {
        // Patterns are heard from before the subscription is ready, and gaps come first.
        if continuity == .broken {
            beginEra()
            continuity = .resuming
        }
        let event = reader.read(
            payload, heardAt: WallTime(milliseconds: WallClock.milliseconds()), of: job.kind)
        eventsHeard += 1
        bytesHeard += payload.count
        if !event.oddities.isEmpty { tell(.odd(event.oddities, job)) }
        let update = take(event, of: job)
        publishing.heard(payload, as: update)
    }

    private func take(_ event: PreparedEvent, of job: JobID) -> Update {
        let entry = history.append(event, to: job, heardAt: loop.now.nanoseconds)
        if !entry.loops.isEmpty {
            if let gap = entry.gap { tell(.update(gap, nil, entry.loops)) }
            tell(.update(entry.update, event.change, entry.loops))
        }
        if !watching.isEmpty { announce(entry.gap ?? entry.update, notTo: entry.loops) }
        return entry.update
    }

    private func announce(_ first: Update, notTo loops: LoopSet) {
        let others = watching.subtracting(loops)
        guard !others.isEmpty, first.job.kind == .job else { return }
        let announcement = Announcement(
            job: first.job, belonging: history.belonging(of: first.job), after: first.cursorBefore)
        tell(.active(announcement, others))
    }

    private func tellSilent() {
        defer { silence.sweepLater(hasMore: false) }
        guard let since = silence.silentSince else { return }
        let jobs = history.silent(before: since.nanoseconds)
        guard !jobs.isEmpty else { return }
        let event = silence.event(at: WallTime(milliseconds: WallClock.milliseconds()))
        for job in jobs { _ = take(event, of: job) }
        tell(.stalled(jobs.count))
        tell(.caughtUp)
    }

    private func tellFlow() {
        let now: Flow =
            subscriber?.state != .ready ? .noSubscription : isProven ? .flows : .noAnswer
        guard now != flow else { return }
        flow = now
        tell(.flow(now))
    }

    private func prove(_ isProven: Bool) {
        guard isProven != self.isProven else { return }
        self.isProven = isProven
        tellFlow()
    }
}

extension Feed: RedisSubscriberOwner {
    public func subscriberReady(_ subscriber: RedisSubscriber) {
        switch continuity {
        case .broken: beginEra()
        // The patterns that came later may have missed what the first did not.
        case .resuming where sources.count > 1: beginEra()
        case .resuming, .whole: break
        }
        continuity = .whole
        silence.hears(true)
        probe.begin()
        tell(.redisReady)
        // While it only begins there is nothing to tell.
        if flow != .beginning { tellFlow() }
        let mayHear = subscriber.refusedWish == nil
        if probe.mayHear, !mayHear { tell(.mayNotProbe) }
        probe.mayHear = mayHear
        if probe.canProve { sendProbe() } else { prove(true) }
        commands?.retryNow()
    }

    public func subscriber(_ subscriber: RedisSubscriber, isSilent: Bool) {
        silence.hears(!isSilent)
        guard !isSilent else {
            prove(false)
            return tell(.redisLost(.timedOut(.reply)))
        }
        tell(.redisReady)
        if probe.canProve { sendProbe() } else { prove(true) }
    }

    public func subscriber(
        _ subscriber: RedisSubscriber, heard channel: Span<UInt8>, pattern: Int?,
        payload: Span<UInt8>
    ) {
        guard let pattern else {
            if probe.isOurs(payload) { prove(true) }
            return
        }
        guard !sources[pattern].namesInMessage else {
            return finder.read(payload, of: sources[pattern]) { job, event in
                switch job {
                case .success(let job): hear(event, of: job)
                case .failure(let fault): tell(.nameless(fault))
                }
            }
        }
        do throws(JobIDFault) {
            hear(payload, of: try sources[pattern].job(in: channel))
        } catch {
            tell(.refusedChannel(error))
        }
    }

    public func subscriberReadDone(_ subscriber: RedisSubscriber) { tell(.caughtUp) }

    public func subscriberLost(_ subscriber: RedisSubscriber, _ fault: RedisFault) {
        continuity = .broken
        silence.hears(false)
        prove(false)
        tell(.redisLost(fault))
        tellFlow()
    }

    public func subscriberRetrying(after pause: Duration) { tell(.redisRetrying(after: pause)) }
}

extension Feed: RedisCommandsOwner {
    public func commandsReady(_ commands: RedisCommands) {
        tell(.commandsReady)
        sendProbe()
        subscriber?.retryNow()
    }

    public func commandsLost(_ commands: RedisCommands, _ fault: RedisFault) {
        tell(.commandsLost(fault))
    }
    public func commandsRetrying(after delay: Duration) {}
}

extension Feed: TimerTarget {
    public func timerFired(_ id: TimerID) {
        _ = loop.arm(self, after: limits.probeInterval)
        guard subscriber?.state == .ready else { return }
        if probe.canProve {
            if !probe.intervalPassed() {
                prove(false)
                tellFlow()
            }
            if probe.isDeaf { subscriber?.distrust() } else { sendProbe() }
        } else {
            // The subscriber's own PING has been answered, or it is silent.
            prove(subscriber?.isSilent == false)
        }
    }

    private func sendProbe() {
        guard probe.canProve, let commands, commands.state == .ready, subscriber?.state == .ready
        else { return }
        let (number, command) = probe.next()
        commands.send(command) { [weak self] answer in
            guard let self else { return }
            if case .success(.integer) = answer { probe.published(number) }
            guard case .success(.error(let text)) = answer, text.hasPrefix("NOPERM") else { return }
            if probe.mayPublish { tell(.mayNotProbe) }
            probe.mayPublish = false
            prove(true)
        }
    }
}
