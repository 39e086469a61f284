// A hub with a history behind it, and clients that write down what they are sent.

import Bytes
import Hub
import Jobs
import Testing
import Wire

/// What a client saw, in order, checked as it comes: the contract's "never a duplicate, never out of
/// order, never silently missing".
struct Ledger {
    private(set) var seqs: [UInt64] = []
    /// Which event the client took for which, by the epoch that it knew of.
    private(set) var taken: [(Cursor, event: Int64)] = []
    private(set) var gaps: [Gap] = []
    private(set) var liveAt: [UInt64] = []
    private(set) var epoch: Epoch?
    /// Where the next number must continue; nil when a gap without bounds has wiped the slate.
    private(set) var next: UInt64?
    /// The first number that was seen or told missing.
    private(set) var first: UInt64?

    init(epoch: Epoch?, from next: UInt64?) {
        self.epoch = epoch
        self.next = next
    }

    mutating func see(_ item: Item) {
        switch item {
        case .entry(let entry): see(entry.update)
        case .gap(let gap):
            gaps.append(gap)
            first = first ?? gap.from
            if gap.reason == .epochChanged {
                epoch = gap.epoch
                next = 1
            } else if let from = gap.from, let to = gap.to {
                let isForked = gap.epoch != epoch
                #expect(
                    next.map { isForked ? from <= $0 : from == $0 } ?? true,
                    "a gap begins where the client stands")
                (epoch, next) = (gap.epoch, to + 1)
            }
        case .live(let epoch, let seq):
            liveAt.append(seq)
            if self.epoch != epoch {
                #expect(next.map { seq < $0 } ?? true, "an epoch begins behind a hole")
                (self.epoch, next) = (epoch, seq + 1)
            }
        }
    }

    /// The client did not want what lies before `seq`.
    mutating func skip(to seq: UInt64) { next = seq }

    mutating func see(_ update: Update) {
        if case .gap = update.kind, update.epoch != epoch {
            // After a fork the numbers go on, perhaps from a little earlier.
            epoch = update.epoch
            #expect(next.map { update.seq <= $0 } ?? true, "a hole before a fork")
            next = update.seq
        }
        if let next { #expect(update.seq == next, "a hole, a double or a step back") }
        seqs.append(update.seq)
        first = first ?? update.seq
        taken.append((Cursor(epoch: epoch, seq: update.seq), update.heardAt))
        next = update.seq + 1
    }
}

/// The feed's part: numbers events of one job and answers openings.
struct History {
    let job: JobID
    let ringMax: Int
    private(set) var epoch: Epoch?
    private(set) var updates: [Update] = []
    private(set) var forks: [Fork] = []
    private var epochs = 0
    private var events: Int64 = 0
    /// The event that each cursor ever named.
    private(set) var names: [Cursor: Int64] = [:]

    init(job: JobID, ringMax: Int = 1_000) {
        self.job = job
        self.ringMax = ringMax
    }

    mutating func publish(_ type: String = "log") -> Update {
        if epoch == nil { renew() }
        return append(.event, type)
    }

    mutating func gap() -> Update { append(.gap(.unrecorded), "gap") }

    /// The history is lost and begins anew, or goes on from a fork.
    mutating func renew(keepingFork: Bool = false) {
        let forked = keepingFork ? epoch : nil
        if let forked {
            forks.append(Fork(epoch: forked, seq: updates.last?.seq ?? 0))
        } else {
            (updates, forks) = ([], [])
        }
        epochs += 1
        epoch = Epoch(checking: "epoch\(1_000 + epochs)")
        // What is kept belongs to the new epoch from here on.
        for index in updates.indices {
            let kept = updates[index]
            updates[index] = entry(kept.seq, kept.kind, kept.type.name, event: kept.heardAt)
        }
        if forked != nil { _ = gap() }
    }

    private mutating func append(_ kind: Update.Kind, _ type: String) -> Update {
        events += 1
        let update = entry((updates.last?.seq ?? 0) + 1, kind, type, event: events)
        updates.append(update)
        return update
    }

    /// `heardAt` serves as the event's identity.
    private mutating func entry(
        _ seq: UInt64, _ kind: Update.Kind, _ type: String, event: Int64
    ) -> Update {
        guard let epoch else { fatalError("an entry needs an epoch") }
        names[Cursor(epoch: epoch, seq: seq)] = event
        let rest = Array("\"type\":\"\(type)\"}".utf8)
        return Update(
            job: job, epoch: epoch, seq: seq, kind: kind, type: Self.type(type),
            frame: EventFrame.encode(job: job, seq: seq, rest: rest.span), heardAt: event)
    }

    private static func type(_ name: String) -> EventType {
        let kind = EventType.Kind.allCases.first { "\($0)" == name }
        return EventType(name, kind: kind ?? .other)
    }

    /// Whether a client that is behind may be spared these events.
    func mayPassOver(_ gap: Gap) -> Bool {
        guard let from = gap.from, let to = gap.to, gap.epoch == epoch else { return true }
        return updates.filter { from...to ~= $0.seq }.allSatisfy { update in
            switch gap.reason {
            case .conflated: update.type.isProgress
            case .slowConsumer: update.type.isProgress || update.type.isLog
            default: true
            }
        }
    }

    var opening: Opening {
        Opening(
            job: job, epoch: epoch, seq: updates.last?.seq ?? 0, forks: forks,
            updates: updates.suffix(ringMax))
    }
}

/// A hub, one job, and the ledgers of its followers.
struct Stage {
    let hub: Hub
    /// Whether all is kept that matters to those who are behind.
    private let keepsWhatMatters: Bool
    var history: History
    private(set) var ledgers: [FollowerID: Ledger] = [:]
    private(set) var welcomes: [FollowerID: Welcome] = [:]
    private var reading: Set<FollowerID> = []
    /// Clients that take nothing of what is live.
    private(set) var blocked: Set<FollowerID> = []
    /// Nanoseconds; only `pass` moves it.
    private(set) var now: Int64 = 0
    private var wishes: [FollowerID: Wish] = [:]

    static let job: JobID = {
        guard let job = try? JobID(checking: "build-7") else { fatalError("a good id") }
        return job
    }()

    init(ringMax: Int = 1_000, replayMax: Int = 1_000, queueBytesMax: Int = 524_288) {
        hub = Hub(
            limits: HubLimits(
                ring: RingLimits(eventsMax: ringMax), replay: RingLimits(eventsMax: replayMax),
                queueBytesMax: queueBytesMax))
        keepsWhatMatters = queueBytesMax > 10_000
        history = History(job: Self.job, ringMax: ringMax)
    }

    /// Follows, and is welcomed at once unless the feed is `slow`.
    mutating func follow(_ index: Int32, _ wish: Wish = Wish(), slowly: Bool = false) {
        let id = FollowerID(index: index)
        wishes[id] = wish
        let (welcome, request) = hub.follow(Self.job, by: id, wish: wish)
        if let welcome { take(welcome) }
        if request == .askFeed, !slowly { open() }
    }

    /// `told` is where the job stood when the feed was asked before.
    mutating func open(told: Cursor? = nil) {
        let opening = history.opening.shown(to: told)
        let (welcomes, resumed, request) = hub.open(opening, afterAsks: hub.asks)
        for welcome in welcomes { take(welcome) }
        for id in resumed { reading.insert(id) }
        if request == .askFeed { open() }
    }

    private mutating func take(_ welcome: Welcome) {
        let id = welcome.follower
        let wish = wishes[id] ?? Wish()
        welcomes[id] = welcome
        let cursor = wish.after
        let isKnown = cursor?.epoch == welcome.epoch || cursor?.epoch == nil
        ledgers[id] = Ledger(
            epoch: cursor?.epoch ?? welcome.epoch,
            from: cursor.map { isKnown ? $0.seq + 1 : nil } ?? (wish.past == .all ? 1 : nil))
        reading.insert(id)
    }

    mutating func leave(_ index: Int32) {
        let id = FollowerID(index: index)
        _ = hub.unfollow(Self.job, by: id)
        ledgers[id] = nil
        wishes[id] = nil
        reading.remove(id)
        blocked.remove(id)
    }

    mutating func hear(_ update: Update) {
        if hub.hear(update, nil) == .askFeed { open() }
    }

    mutating func publish(_ type: String = "log") { hear(history.publish(type)) }

    mutating func pass(milliseconds: Int64) { now += milliseconds * 1_000_000 }

    /// The end of a tick.
    mutating func drain() {
        var sent: [(FollowerID, Item)] = []
        var welcomed: [Welcome] = []
        hub.drain(at: now) { delivery in
            var fallen = delivery.live.filter(blocked.contains)
            let beginning = delivery.beginsEpoch.map { Item.live($0, 0) }
            func send(_ entries: [Entry], to id: FollowerID) {
                sent += ([beginning].compactMap { $0 } + entries.map { .entry($0) }).map {
                    (id, $0)
                }
            }
            for id in delivery.live where !fallen.contains(id) { send(delivery.entries, to: id) }
            for each in delivery.filtered {
                if blocked.contains(each.follower), !each.entries.isEmpty {
                    fallen.append(each.follower)
                } else {
                    send(each.entries, to: each.follower)
                    if let seq = each.standsAt {
                        sent.append((each.follower, .live(delivery.entries[0].update.epoch, seq)))
                    }
                }
            }
            reading.formUnion(fallen)
            return fallen
        } welcome: {
            welcomed.append($0)
        }
        for (id, item) in sent { see(item, by: id) }
        for welcome in welcomed { take(welcome) }
    }

    private mutating func see(_ item: Item, by id: FollowerID) {
        if wishes[id]?.progressInterval != nil { skip(to: item, by: id) }
        ledgers[id]?.see(item)
        guard case .gap(let gap) = item, keepsWhatMatters else { return }
        let mayPassOver = history.mayPassOver(gap)
        #expect(mayPassOver, "\(gap)")
    }

    /// A follower at a pace misses progress, and only progress, without a gap.
    private mutating func skip(to item: Item, by id: FollowerID) {
        let (epoch, first): (Epoch?, UInt64?) =
            switch item {
            case .entry(let entry): (entry.update.epoch, entry.seq)
            case .gap(let gap): (gap.epoch, gap.from)
            case .live(let epoch, let seq): (epoch, seq + 1)
            }
        guard let first, let next = ledgers[id]?.next, first > next else { return }
        let skipped =
            history.epoch == epoch ? history.updates.filter { next..<first ~= $0.seq } : []
        let types = wishes[id]?.types
        let wasUnwanted = skipped.allSatisfy { update in
            update.type.isProgress || types.map { !$0.contains(update.type) } ?? false
        }
        #expect(wasUnwanted)
        ledgers[id]?.skip(to: first)
    }

    /// Reads on for a follower as far as `bytes` go; true when it has caught up.
    @discardableResult
    mutating func read(_ index: Int32, bytes: Int = .max) -> Bool {
        let id = FollowerID(index: index)
        guard reading.contains(id) else { return true }
        let (items, hasCaughtUp) = hub.read(Self.job, for: id, bytes: bytes, at: now)
        for item in items { see(item, by: id) }
        if hasCaughtUp { reading.remove(id) }
        return hasCaughtUp
    }

    mutating func block(_ index: Int32) { blocked.insert(FollowerID(index: index)) }
    mutating func unblock(_ index: Int32) { blocked.remove(FollowerID(index: index)) }

    /// No client ever took an event for another one.
    func checkNames() {
        for ledger in ledgers.values {
            for (cursor, event) in ledger.taken { #expect(history.names[cursor] == event) }
        }
    }

    func isFollowing(_ index: Int32) -> Bool { wishes[FollowerID(index: index)] != nil }

    func ledger(_ index: Int32) throws -> Ledger {
        try #require(ledgers[FollowerID(index: index)])
    }

    func welcome(_ index: Int32) throws -> Welcome {
        try #require(welcomes[FollowerID(index: index)])
    }
}
