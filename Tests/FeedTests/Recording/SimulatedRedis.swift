// A Redis of a few lines for schedules: the scripts' meaning without their text. Each call is atomic, a
// publish reaches every subscriber's queue in one order, and the data can be put back to an earlier
// state, as a failover does that lost a suffix.
//
// `removed` takes one check away, so that a test can see what it is there for.

import Jobs

@testable import Feed

/// A check of recording.md that a run does without.
enum Check: String, CaseIterable, Sendable {
    // of the scripts
    case runID, gapEntry, freshEpoch, era, hole, ordinalOnce, compareLast, atOnlyWhenReached
    // of the bridge
    case keep, tail, deadEra, ownMark, sameServer, answer, eraAnswer
}

enum Kept: Equatable {
    case event(Int)
    case gap
}

struct StampedItem {
    let job: Int
    let epoch: Epoch
    let seq: UInt64
    let item: Kept
}

enum Heard {
    case message(job: Int, uid: Int)
    case stamped(by: Name?, era: Name?, last: Int64, [StampedItem])
    case control(ControlMessage)
}

/// What a subscriber has been sent and has not read.
final class Subscription {
    let redis: SimulatedRedis
    var unread: [Heard] = []

    init(_ redis: SimulatedRedis) {
        self.redis = redis
        redis.subscribers.append(self)
    }

    func cut() { redis.subscribers.removeAll { $0 === self } }
}

/// The command connection: what was asked and not run yet, and answers not read yet.
final class Commands {
    enum Request {
        case record(RecordCall)
        case ask(Name)
        case open(OpenCall)
        case touch(FollowedJobs.Wish)
    }

    enum Reply {
        case record(RecordCall, RecordAnswer)
        case asked(Name, Int)
        case opened(Name, Bool)
        case touched(FollowedJobs.Wish, SimulatedRedis, SimulatedRedis.Job, [Update])
    }

    let redis: SimulatedRedis
    let bridge: SimulatedBridge
    let by: Name
    var requests: [Request] = []
    var replies: [Reply] = []

    init(_ redis: SimulatedRedis, _ bridge: SimulatedBridge) {
        self.redis = redis
        self.bridge = bridge
        by = bridge.recorder.me
    }
}

final class SimulatedRedis {
    struct Ingest {
        var run: String
        var line: Int
        var era: Name?
        var last: Int64 = 0
    }

    struct Job {
        var epoch: Epoch
        var seq: UInt64 = 0
        var line: Int
        var era: Name?
        var forks: [Fork] = []
        var durables: Set<Int> = []
    }

    struct Store {
        var ingest: Ingest?
        var jobs: [Job?] = [nil, nil]
        var streams: [[(seq: UInt64, item: Kept)]] = [[], []]
    }

    let world: World
    let runID: String
    var subscribers: [Subscription] = []
    var isAlive = true
    var store: Store
    /// Earlier states, latest last: what a replica may have.
    private(set) var past: [Store] = []
    private var out: [StampedItem] = []

    init(_ world: World, _ store: Store = Store()) {
        self.world = world
        self.store = store
        runID = "run\(world.fresh())"
        past = [store]
    }

    func publish(_ heard: Heard) { for each in subscribers { each.unread.append(heard) } }

    func save() {
        past.append(store)
        if past.count > 7 { past.removeFirst() }
    }

    private func without(_ check: Check) -> Bool { world.isWithout(check) }

    private func begin() -> Ingest {
        if let ingest = store.ingest, ingest.run == runID || without(.runID) { return ingest }
        let ingest = Ingest(run: runID, line: world.fresh(), era: nil)
        store.ingest = ingest
        return ingest
    }

    private func newEpoch() -> Epoch {
        let number = without(.freshEpoch) ? 1 : world.fresh()
        guard let epoch = Epoch(checking: "epoch\(1_000 + number)") else { fatalError() }
        return epoch
    }

    private func append(_ job: Int, _ item: Kept?) throws(Violation) {
        let ingest = begin()
        if var state = store.jobs[job] {
            if state.line != ingest.line {
                state.forks.append(Fork(epoch: state.epoch, seq: state.seq))
                (state.epoch, state.line, state.era) = (newEpoch(), ingest.line, ingest.era)
                store.jobs[job] = state
                if !without(.gapEntry) { try put(job, .gap) }
            } else if state.era != ingest.era {
                state.era = ingest.era
                store.jobs[job] = state
                if !without(.gapEntry) { try put(job, .gap) }
            }
        } else {
            store.streams[job] = []
            store.jobs[job] = Job(epoch: newEpoch(), line: ingest.line, era: ingest.era)
        }
        if let item { try put(job, item) }
    }

    private func put(_ job: Int, _ item: Kept) throws(Violation) {
        guard var state = store.jobs[job] else { return }
        state.seq += 1
        store.jobs[job] = state
        let stamped = StampedItem(job: job, epoch: state.epoch, seq: state.seq, item: item)
        try world.ledger.names(stamped)
        store.streams[job].append((state.seq, item))
        out.append(stamped)
        if case .event(let uid) = item { world.ledger.recorded[uid, default: 0] += 1 }
    }

    private func announce(by: Name?, era: Name?) {
        if !out.isEmpty { publish(.stamped(by: by, era: era, last: store.ingest?.last ?? 0, out)) }
        out = []
    }

    func record(_ call: RecordCall, by: Name) throws(Violation) -> RecordAnswer {
        defer { save() }
        var ingest = begin()
        guard ingest.era == call.era || without(.era) && ingest.era != nil, let era = ingest.era
        else { return .otherEra }
        if !call.events.isEmpty, call.first > ingest.last + 1, !without(.hole) {
            return .hole(last: ingest.last)
        }
        for (ordinal, event) in zip(call.first..., call.events)
        where ordinal > ingest.last || without(.ordinalOnce) {
            let (job, uid) = World.read(event)
            try append(job, .event(uid))
            ingest.last = ordinal
            store.ingest = ingest
        }
        announce(by: by, era: era)
        for mark in call.marks where ingest.last >= mark.ordinal || without(.atOnlyWhenReached) {
            publish(
                .control(
                    .at(token: mark.token, era: era, ordinal: mark.ordinal, last: ingest.last)))
        }
        return .ok(era: era, last: ingest.last)
    }

    func ask(_ token: Name, by: Name) -> Int {
        defer { save() }
        let ingest = begin()
        let expected = Expected(era: ingest.era, last: ingest.last)
        publish(.control(.where(token: token, by: by, expected)))
        return subscribers.count
    }

    func open(_ call: OpenCall, by: Name) -> Bool {
        defer { save() }
        var ingest = begin()
        guard ingest.era == call.expected.era,
            ingest.last == call.expected.last || without(.compareLast)
        else { return false }
        (ingest.era, ingest.last) = (call.token, 0)
        store.ingest = ingest
        publish(.control(.mark(token: call.token, by: by)))
        return true
    }

    func touch(_ job: Int) throws(Violation) -> (Job, [(seq: UInt64, item: Kept)]) {
        defer { save() }
        try append(job, nil)
        announce(by: nil, era: nil)
        guard let state = store.jobs[job] else { fatalError() }
        return (state, store.streams[job])
    }

    func durable(_ job: Int, _ uid: Int) throws(Violation) {
        defer { save() }
        _ = begin()
        if store.jobs[job]?.durables.contains(uid) == true { return }
        try append(job, .event(uid))
        store.jobs[job]?.durables.insert(uid)
        announce(by: nil, era: nil)
    }
}
