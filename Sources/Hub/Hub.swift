// Hub decides, for one loop, who gets what. It does no I/O and knows no clock.
//
// An update comes in by `hear`, waits in its topic until the tick ends, and leaves by `drain`, once
// for all that follow the job. A follower that joins is first read the ring at its own pace
// (`read`), and turns live when it has caught up: it is never buffered for, so a slow reader costs
// no memory. Who has no room for a delivery becomes a reader again, and may be spared some
// (Reader.swift): it falls behind alone.
// The snapshot is folded at once, so whoever joins while something waits is welcomed after it.
//
// The feed is asked for a job in order, and each answer comes with how many asks had reached the feed
// when it was given. So a client that knows more than this loop does (it comes from another) is judged
// by an answer to a question that was asked after it came, never by one that was on its way.
//
// Invariant: to each follower the numbers of an epoch rise by one, or the missing ones lie in a gap.

import Jobs

public struct HubLimits: Equatable, Sendable {
    public var ring: RingLimits
    public var replay: RingLimits
    /// What a reader may have yet to see before log events in it are passed over.
    public var queueBytesMax: Int
    /// Topics that only views follow.
    public var viewJobsMax: Int

    public init(
        ring: RingLimits = RingLimits(), replay: RingLimits = RingLimits(),
        queueBytesMax: Int = 524_288, viewJobsMax: Int = 10_000
    ) {
        self.ring = ring
        self.replay = replay
        self.queueBytesMax = queueBytesMax
        self.viewJobsMax = viewJobsMax
    }

    /// Of a topic that only views follow: its clients have no cursors to come back with.
    var ofBriefTopics: HubLimits {
        var limits = self
        limits.ring.eventsMax = min(ring.eventsMax, Opening.briefEntriesMax)
        limits.ring.bytesMax = min(ring.bytesMax, 65_536)
        return limits
    }
}

public final class Hub {
    let limits: HubLimits
    var topics: [JobID: Topic] = [:]
    /// How often the feed was asked, for whatever job.
    public private(set) var asks = 0
    var dirty: [Topic] = []
    private var draining: [Topic] = []
    /// Topics with a follower whose pace holds something.
    var holding: [Topic] = []

    // Of Hub+Views.swift.
    var views = Views()
    /// Topics with viewers, or awaited by them; how many of them are brief; where the sweep stands.
    var viewed: [Topic] = []
    var briefTopics = 0
    var viewedHand = 0
    /// Topics times calls that the sweep has yet to make up for.
    var sweepOwed = 0
    var unwanted: (version: UInt64, jobs: [JobID: Belonging]) = (0, [:])
    var departures: [Departure] = []
    var abandoned: [JobID] = []
    var letGoCount = 0

    public init(limits: HubLimits) { self.limits = limits }

    /// Who follows the job itself; views are not counted.
    public func watchers(of job: JobID) -> Int { topics[job]?.ownFollowers ?? 0 }

    /// By all that has been heard of it; nil where that is not known here.
    public func belonging(of job: JobID) -> Belonging? {
        guard let topic = topics[job], topic.hasBeenOpen else { return nil }
        return topic.snapshot.belonging
    }

    /// Registers a follower. Its welcome comes now, or from `open` when the feed must be asked first,
    /// or from `drain` when something waits to go out.
    public func follow(
        _ job: JobID, by follower: FollowerID, wish: Wish
    ) -> (welcome: Welcome?, request: HubRequest) {
        let waiting = Topic.Waiting(follower: follower, wish: wish)
        guard let topic = topics[job] else {
            let topic = Topic(job: job, asksBefore: asks)
            topic.waiting.append(waiting)
            topics[job] = topic
            return (nil, askFeed(for: topic))
        }
        replaceView(topic, by: follower)
        if topic.viewing?.isBrief == true {
            // It has only the latest: the feed must be asked for all.
            topic.waiting.append(waiting)
            return (nil, askFeed(for: topic))
        }
        guard case .open = topic.phase else {
            topic.waiting.append(waiting)
            return (nil, .nothing)
        }
        if topic.mustAsk(for: waiting) {
            topic.waiting.append(waiting)
            return (nil, askFeed(for: topic))
        }
        guard topic.pending.isEmpty else {
            topic.waiting.append(waiting)
            return (nil, .nothing)
        }
        return (topic.welcome(follower, wish, limits: limits.replay), .nothing)
    }

    /// Answers whether this was the last follower: then the feed need not tell us of the job any more.
    public func unfollow(_ job: JobID, by follower: FollowerID) -> Bool {
        guard let topic = topics[job], topic.viewing?.viewers.contains(follower) != true,
            topic.remove(follower)
        else { return false }
        if hasViews { ownFollowerLeft(topic) }
        guard topic.watchers == 0, topic.viewing?.announced == nil else { return false }
        forget(topic)
        return true
    }

    func askFeed(for topic: Topic) -> HubRequest {
        asks += 1
        topic.isAsked(asks)
        return topic.isBriefEnough ? .askFeedBriefly : .askFeed
    }

    /// The feed's answer, given when so many of our asks had reached it. Merges what was heard meanwhile
    /// and welcomes those who wait. Followers in `resumed` read on from where they stood.
    public func open(
        _ opening: Opening, afterAsks answered: Int
    ) -> (welcomes: [Welcome], resumed: [FollowerID], request: HubRequest) {
        // One from before the job was followed anew is of no use: nothing would follow it.
        guard let topic = topics[opening.job],
            topic.hasBeenOpen || answered > topic.asksAnswered
        else { return ([], [], .nothing) }
        topic.asksAnswered = answered
        if let behind = opening.behind, !topic.holds(through: behind) {
            topic.phase = .opening(early: [])
            return ([], [], askFeed(for: topic))
        }
        var early: [(Update, SnapshotChange?)] = []
        if case .opening(let heard) = topic.phase { early = heard }
        topic.phase = .open
        let news = topic.news(in: opening)
        if opening.isWhole, topic.ownFollowers > 0 { setBrief(topic, false) }
        switch news {
        case .nothing: break
        case .updates(let updates):
            topic.snapshot = opening.snapshot
            for update in updates { expect(update, in: topic) }
        case .everything:
            let before = topic.hasBeenOpen ? topic.standing : topic.viewing?.announced
            topic.open(opening, limits: limits(of: topic))
            if hasViews, let before, topic.job.kind == .job {
                regroup(topic, as: opening.snapshot.belonging, after: before)
            }
        }
        // Also who was reading already: while the feed was asked there was nothing to read.
        let resumed = Array(topic.reading.keys)
        let welcomes = topic.pending.isEmpty ? welcomeWaiting(in: topic) : []
        var request = HubRequest.nothing
        for (update, change) in early {
            let further = hear(update, change)
            if further != .nothing { request = further }
        }
        let isUnasked = topic.waiting.contains { $0.ask == nil && topic.mustAsk(for: $0) }
        if isUnasked { request = askFeed(for: topic) }
        return (welcomes, resumed, request)
    }

    /// Takes in an update of the feed: the next one waits for the end of the tick, an old one is
    /// dropped, and after a hole the feed is asked for the whole.
    public func hear(_ update: Update, _ change: SnapshotChange?) -> HubRequest {
        guard let topic = topics[update.job] else {
            return hasViews ? comeAlive(update.job, after: update.cursorBefore) : .nothing
        }
        if case .opening(var early) = topic.phase {
            if hasViews, !topic.hasBeenOpen {
                _ = comeAlive(update.job, after: update.cursorBefore)
            }
            early.append((update, change))
            topic.phase = .opening(early: early)
            return .nothing
        }
        let epoch = topic.epochHeard
        if update.epoch == epoch && update.seq < topic.nextHeard { return .nothing }
        guard update.seq == topic.nextHeard, epoch == nil || update.epoch == epoch else {
            // The answer will be younger than this update, so the update need not be kept for it.
            topic.phase = .opening(early: [])
            return askFeed(for: topic)
        }
        if let change {
            if hasViews, change.setsBelonging {
                let belonging = topic.snapshot.belonging
                topic.snapshot.apply(change)
                topic.noteMove(from: belonging, through: update.seq)
            } else {
                topic.snapshot.apply(change)
            }
        }
        expect(update, in: topic)
        return .nothing
    }

    /// Some updates of the job will not be heard: the feed must be asked, as after a hole.
    public func missed(_ job: JobID) -> HubRequest {
        guard let topic = topics[job], case .open = topic.phase else { return .nothing }
        topic.phase = .opening(early: [])
        return askFeed(for: topic)
    }

    private func expect(_ update: Update, in topic: Topic) {
        if topic.pending.isEmpty { dirty.append(topic) }
        topic.pending.append(Entry(update))
    }

    /// How many live followers would be sent something now.
    public var deliveriesDue: Int { dirty.reduce(0) { $0 + $1.live.count } }

    /// Hands out what the tick has brought, once for each job, and welcomes who waited for that.
    /// `deliver` answers who took nothing, because he owes too much: he is to `read` on.
    public func drain(
        at now: Int64, _ deliver: (Delivery) -> [FollowerID], welcome: (Welcome) -> Void
    ) {
        defer { if !holding.isEmpty { release(at: now, deliver) } }
        guard !dirty.isEmpty else { return }
        // Two lists take turns, so that neither is ever allocated anew.
        swap(&dirty, &draining)
        defer { draining.removeAll(keepingCapacity: true) }
        for topic in draining {
            if !topic.pending.isEmpty {
                if hasViews {
                    handOutMoves(of: topic, at: now, deliver)
                } else {
                    topic.viewing?.moves = []
                }
                handOut(topic, at: now, deliver)
            }
            guard case .open = topic.phase, topic.pending.isEmpty, !topic.waiting.isEmpty else {
                continue
            }
            for each in welcomeWaiting(in: topic) { welcome(each) }
        }
    }

    func handOut(
        _ topic: Topic, through last: UInt64 = .max, at now: Int64,
        _ deliver: (Delivery) -> [FollowerID]
    ) {
        guard let first = topic.pending.first, first.seq <= last else { return }
        let beginsEpoch = topic.epoch == nil ? first.update.epoch : nil
        let limits = limits(of: topic)
        topic.takePending(through: last, limits: limits) { entries in
            guard topic.live.count + topic.filtered.count > 0 else { return }
            let delivery = Delivery(
                job: topic.job, entries: entries, beginsEpoch: beginsEpoch,
                live: topic.live, filtered: selections(of: entries, in: topic, at: now))
            let fallen = deliver(delivery)
            if !fallen.isEmpty { topic.fallBehind(fallen, in: delivery, limits) }
        }
    }

    private func limits(of topic: Topic) -> HubLimits {
        topic.viewing?.isBrief == true ? limits.ofBriefTopics : limits
    }

    private func welcomeWaiting(in topic: Topic) -> [Welcome] {
        topic.welcomeWaiting(holding: views.held, limits: limits.replay)
    }

    /// Reads the ring on for a follower, up to about `bytes`. When it has caught up it turns live.
    public func read(
        _ job: JobID, for follower: FollowerID, bytes: Int, at now: Int64
    ) -> (items: [Item], hasCaughtUp: Bool) {
        guard let topic = topics[job], case .open = topic.phase,
            var reader = topic.reading[follower]
        else { return ([], true) }
        let items = reader.read(topic, bytes: bytes, queueBytesMax: limits.queueBytesMax, at: now)
        guard reader.next > topic.seq else {
            topic.reading[follower] = reader
            return (items, false)
        }
        topic.endReading(follower)
        if reader.wish.isWhole {
            topic.live.append(follower)
        } else {
            topic.filtered.append(Topic.Filtered(follower, reader))
        }
        return (items, true)
    }
}
