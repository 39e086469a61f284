// A Redis of a few lines for schedules: the scripts' meaning without their text. Each call is atomic, a
// publish reaches every subscriber's queue in one order, and the data can be put back to an earlier
// state, as a failover does that lost a suffix.
//
// `removed` takes one check away, so that a test can see what it is there for.

import Jobs
import Loop

@testable import Feed

/// A check of recording.md that a run does without.
enum Check: String, CaseIterable, Sendable {
    // of the scripts
    case reign, notRunID, gapEntry, oneGap, freshEpoch, era, hole, ordinalOnce, compareLast
    case atOnlyWhenReached, doubt, channelReign, countAtOpening
    // of the bridge
    case keep, tail, deadEra, ownMark, sameServer, answer, eraAnswer, presence, claim, doubted
    case letGo, patterns, leavesWaiting
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
    /// What was asked last of what Redis counts us for is so.
    case presence
}

/// What a subscriber has been sent and has not read.
final class Subscription {
    let redis: SimulatedRedis
    let reign: String
    /// The only job it counts, where its patterns are other ones.
    let onlyJob: Int?
    var unread: [Heard] = []
    /// What it wants to be counted for, or no longer: asked, and not run yet.
    var asked: [Presence.Change] = []
    private(set) var places: [Place] = []

    init(_ redis: SimulatedRedis, onlyJob: Int?) {
        self.redis = redis
        self.onlyJob = onlyJob
        reign = redis.reign
        redis.subscribers.append(self)
    }

    func runAsked() {
        let change = asked.removeFirst()
        if change.isCounted {
            places.append(change.place)
        } else {
            places.removeAll { $0 == change.place }
        }
        unread.append(.presence)
    }

    /// Channels end with the reign.
    func receive(_ heard: Heard, in current: String) {
        switch heard {
        case .message(let job, _): if onlyJob == nil || onlyJob == job { unread.append(heard) }
        case .stamped, .control, .presence: if reign == current { unread.append(heard) }
        }
    }

    func cut() { redis.subscribers.removeAll { $0 === self } }
}

/// The command connection: what was asked and not run yet, and answers not read yet.
final class Commands {
    enum Request {
        case record(RecordCall)
        case answer(AnswerCall)
        case ask(Name)
        case open(OpenCall)
        case pulse(PulseCall)
        case touch(FollowedJobs.Wish)
    }

    enum Reply {
        case record(RecordCall, RecordAnswer)
        case told(AnswerCall, RecordAnswer)
        case asked(Name, Int)
        case opened(Name, Bool)
        case pulsed(PulseCall, PulseAnswer)
        case touched(FollowedJobs.Wish, reign: String, SimulatedRedis.Touched?)
    }

    let redis: SimulatedRedis
    unowned let bridge: SimulatedBridge
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
        var reign: String
        var line: Int
        var era: Name?
        var last: Int64 = 0
        /// Since when all has been heard; nil while no era is open.
        var from: Instant?
    }

    /// A job at one instant, and the entries that were asked for, behind a number where they go on from it.
    struct Touched {
        let job: Job
        let entries: [(seq: UInt64, item: Kept)]
        let behind: UInt64?
    }

    struct Job {
        var epoch: Epoch
        var seq: UInt64 = 0
        var line: Int
        var era: Name?
        /// In place of an era: nobody has recorded of it, and it has been waited for since then.
        var awaitedSince: Instant?
        var forks: [Fork] = []
        var durables: Set<Int> = []
    }

    struct Store {
        var ingest: Ingest?
        var jobs: [Job?] = [nil, nil]
        var streams: [[(seq: UInt64, item: Kept)]] = [[], []]
    }

    unowned let world: World
    let runID: String
    /// Another one each time that it becomes primary.
    private(set) var reign: String
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
        reign = "reign\(world.fresh())"
        past = [store]
    }

    /// It was replaced, and takes over again.
    func reignAgain(over store: Store) {
        self.store = store
        reign = "reign\(world.fresh())"
        past = [store]
    }

    func publish(_ heard: Heard) {
        for each in subscribers {
            each.receive(heard, in: without(.channelReign) ? each.reign : reign)
        }
    }

    func save() {
        past.append(store)
        if past.count > 7 { past.removeFirst() }
    }

    private func without(_ check: Check) -> Bool { world.isWithout(check) }

    /// Nothing is kept of a new line before something belongs to it.
    private func begin() -> Ingest {
        let reign = without(.notRunID) ? runID : reign
        if let ingest = store.ingest, ingest.reign == reign || without(.reign) { return ingest }
        return Ingest(reign: reign, line: world.fresh())
    }

    private func newEpoch() -> Epoch {
        let number = without(.freshEpoch) ? 1 : world.fresh()
        guard let epoch = Epoch(checking: "epoch\(1_000 + number)") else { fatalError() }
        return epoch
    }

    private func append(_ job: Int, _ item: Kept?) throws(Violation) {
        let ingest = begin()
        store.ingest = ingest
        if var state = store.jobs[job], state.line == ingest.line, let since = state.awaitedSince {
            if let from = ingest.from {
                (state.era, state.awaitedSince) = (ingest.era, nil)
                store.jobs[job] = state
                if since <= from, !without(.doubt) { try put(job, .gap) }
            }
        } else if var state = store.jobs[job] {
            if state.line != ingest.line || state.era != ingest.era {
                let isTold = store.streams[job].last?.item == .gap && !without(.oneGap)
                if isTold || state.line != ingest.line {
                    let held = isTold ? state.seq - 1 : state.seq
                    state.forks.append(Fork(epoch: state.epoch, seq: held))
                    state.epoch = newEpoch()
                }
                (state.line, state.era, state.awaitedSince) = (ingest.line, ingest.era, nil)
                store.jobs[job] = state
                if !isTold, !without(.gapEntry) { try put(job, .gap) }
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
        return .ok(era: era, last: ingest.last)
    }

    private func say(_ word: ControlMessage.Word, _ patterns: Name?) {
        publish(.control(ControlMessage(word, patterns: patterns)))
    }

    func answer(_ call: AnswerCall, patterns: Name) -> RecordAnswer {
        let ingest = begin()
        guard let era = ingest.era, era == call.era else { return .otherEra }
        for (token, ordinal) in call.marks {
            if ingest.last >= ordinal || without(.atOnlyWhenReached) {
                say(.at(token: token, era: era, ordinal: ordinal, last: ingest.last), patterns)
            } else {
                say(.wait(token: token), patterns)
            }
        }
        return .ok(era: era, last: ingest.last)
    }

    private var present: Int {
        let listening = subscribers.filter { $0.reign == reign }
        let era = store.ingest.flatMap { $0.reign == reign ? $0.era : nil }
        let opened = listening.count { each in era.map { each.places.contains(.claim($0)) } ?? false
        }
        return listening.count { $0.places.contains(.there) } + opened
    }

    func ask(_ token: Name, by: Name, patterns: Name) -> Int {
        let ingest = begin()
        let expected = Expected(era: ingest.era, last: ingest.last)
        say(.where(token: token, by: by, expected), patterns)
        return present
    }

    func pulse(_ number: Int64, by: Name) -> PulseAnswer {
        say(.pulse(by: by, number: number), nil)
        return PulseAnswer(reign: reign, isPrimary: true, present: present)
    }

    func open(_ call: OpenCall, by: Name, patterns: Name) -> Bool {
        defer { save() }
        var ingest = begin()
        guard ingest.era == call.expected.era,
            ingest.last == call.expected.last || without(.compareLast),
            call.thereMax.map({ present <= $0 || without(.countAtOpening) }) ?? true
        else { return false }
        (ingest.era, ingest.last) = (call.token, 0)
        ingest.from = Instant(
            nanoseconds: world.clock.nanoseconds - call.heardFor.nanoseconds)
        store.ingest = ingest
        say(.mark(token: call.token, by: by), patterns)
        return true
    }

    func touch(_ job: Int, _ wish: FollowedJobs.Wish) throws(Violation) -> Touched? {
        defer { save() }
        if store.jobs[job] == nil {
            try append(job, nil)
            store.jobs[job]?.awaitedSince = wish.followedSince
        }
        if begin().era != nil { try append(job, nil) }
        announce(by: nil, era: nil)
        guard let state = store.jobs[job] else { return nil }
        let behind = wish.behind.flatMap { continuing(state, $0) }
        return Touched(
            job: state, entries: store.streams[job].filter { $0.seq > behind ?? 0 }, behind: behind)
    }

    private func continuing(_ job: Job, _ cursor: Cursor) -> UInt64? {
        if cursor.epoch == job.epoch { return cursor.seq <= job.seq ? cursor.seq : nil }
        guard let first = job.forks.firstIndex(where: { $0.epoch == cursor.epoch }) else {
            return nil
        }
        return job.forks[first...].reduce(cursor.seq) { min($0, $1.seq) }
    }

    func durable(_ job: Int, _ uid: Int) throws(Violation) {
        defer { save() }
        if store.jobs[job]?.durables.contains(uid) == true { return }
        try append(job, .event(uid))
        store.jobs[job]?.durables.insert(uid)
        announce(by: nil, era: nil)
    }
}
