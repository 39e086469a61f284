// Random schedules of a history and the hubs of several loops, joined as the server joins them: by
// queues that lag. Whatever happens, no client sees a hole, a double or a step back, each number of an
// epoch names one event, and who has caught up has seen the last one.

import Hub
import Jobs
import Support
import Testing

@testable import Feed

@Suite("History and hubs under random schedules")
struct ScheduleTests {
    /// Among the clients are such that come from another loop with a cursor this one has not reached.
    @Test("every client's ledger holds, however the loops lag", arguments: 0..<300)
    func schedule(seed: Int) throws {
        var dice = Dice(seed: UInt64(seed))
        var town = try Town(
            loops: 1 + seed % 3, ring: [0, 3, 10, 100][seed % 4], jobsMax: [3, 100][seed / 4 % 2],
            seed: UInt64(seed))
        for _ in 0..<500 {
            let loop = dice.throwDie(town.loops.count)
            switch dice.throwDie(16) {
            case 0...4: town.publish(dice.throwDie(town.jobs.count))
            case 5...7: town.turnFeed(mails: 1 + dice.throwDie(3))
            case 8...10: town.turn(loop, mails: 1 + dice.throwDie(4))
            case 11: town.drain(loop)
            case 12, 13: town.read(loop, bytes: dice.throwDie(300))
            case 14:
                let place = (dice.throwDie(3), dice.throwDie(town.jobs.count))
                town.leave(loop, place.0, place.1)
                town.follow(loop, place.0, place.1, &dice)
            default:
                switch dice.throwDie(6) {
                case 0: town.beginEra()
                case 1: town.leave(loop, dice.throwDie(3), dice.throwDie(town.jobs.count))
                default: break
                }
            }
        }
        town.settle()
        for job in town.jobs.indices { town.publish(job) }
        town.settle()
        town.check()
        town.leaveAll()
    }
}

/// A feed's history, the loops with their hubs and followers, and the queues between them.
private struct Town {
    enum Mail { case update(Update), opened(Opening, afterAsks: Int) }
    enum Ask { case follow(JobID), unfollow(JobID) }

    struct Place: Hashable {
        let follower: FollowerID
        let job: JobID
    }

    struct Loop {
        let hub: Hub
        var inbox: [Mail] = []
        var asksTaken = 0
        var ledgers: [Place: ClientLedger] = [:]
        var wishes: [Place: Wish] = [:]
        var reading: Set<Place> = []
    }

    let jobs: [JobID]
    var loops: [Loop]
    var history: MemoryHistory
    /// Of all loops, in the order of sending.
    var asks: [(Ask, loop: Int)] = []
    /// Which event each number of an epoch names.
    var names: [Cursor: Int64] = [:]
    var clock: Int64 = 0

    init(loops: Int, ring: Int, jobsMax: Int, seed: UInt64) throws {
        jobs = try (0..<6).map { try job("\($0)") }
        let limits = RingLimits(eventsMax: ring)
        self.loops = (0..<loops).map { _ in
            Loop(hub: Hub(limits: HubLimits(ring: limits, replay: RingLimits(eventsMax: 5))))
        }
        history = MemoryHistory(perJob: limits, jobsMax: jobsMax, seed: seed)
    }

    // The feed.

    mutating func publish(_ index: Int) {
        clock += 2
        var reader = EventReader()
        let event = reader.read(
            Array(#"{"type":"log"}"#.utf8).span, heardAt: WallTime(milliseconds: 0))
        let (gap, update, loops) = history.append(event, to: jobs[index], heardAt: clock)
        if let gap { tell(gap, loops) }
        tell(update, loops)
    }

    mutating func beginEra() {
        clock += 2
        for missed in history.beginEra(heardAt: clock) {
            switch missed {
            case .update(let gap, let loops): tell(gap, loops)
            case .opening(let opening, let loops):
                for loop in loops.members { tell(opening, loop) }
            }
        }
    }

    private mutating func tell(_ opening: Opening, _ loop: Int) {
        // What lies before a fork has both names.
        for update in history.peek(opening.job).updates { name(update, opening.epoch) }
        loops[loop].inbox.append(.opened(opening, afterAsks: loops[loop].asksTaken))
    }

    private mutating func tell(_ update: Update, _ followers: LoopSet) {
        name(update, update.epoch)
        for index in loops.indices where followers.contains(index) {
            loops[index].inbox.append(.update(update))
        }
    }

    private mutating func name(_ update: Update, _ epoch: Epoch?) {
        let cursor = Cursor(epoch: epoch, seq: update.seq)
        // A gap and the event behind it are heard in one moment.
        let event = update.kind == .event ? update.heardAt : update.heardAt + 1
        #expect(names[cursor] ?? event == event, "one number, two events")
        names[cursor] = event
    }

    mutating func turnFeed(mails: Int) {
        for _ in 0..<min(mails, asks.count) {
            let (ask, loop) = asks.removeFirst()
            switch ask {
            case .follow(let job):
                clock += 2
                let opening = history.follow(job, from: loop, heardAt: clock)
                loops[loop].asksTaken += 1
                tell(opening, loop)
            case .unfollow(let job): history.unfollow(job, from: loop)
            }
        }
    }

    // The loops.

    mutating func turn(_ index: Int, mails: Int) {
        for _ in 0..<min(mails, loops[index].inbox.count) {
            switch loops[index].inbox.removeFirst() {
            case .update(let update):
                if loops[index].hub.hear(update, nil) == .askFeed { ask(update.job, index) }
            case .opened(let opening, let asks):
                let (welcomes, resumed, request) = loops[index].hub.open(
                    opening, afterAsks: asks)
                for welcome in welcomes { take(welcome, index) }
                for follower in resumed {
                    loops[index].reading.insert(Place(follower: follower, job: opening.job))
                }
                if request == .askFeed { ask(opening.job, index) }
            }
        }
    }

    private mutating func ask(_ job: JobID, _ loop: Int) { asks.append((.follow(job), loop)) }

    mutating func drain(_ index: Int) {
        var ledgers = loops[index].ledgers
        var welcomes: [Welcome] = []
        loops[index].hub.drain(at: 0) { delivery in
            for follower in delivery.live {
                let place = Place(follower: follower, job: delivery.job)
                if let epoch = delivery.beginsEpoch { ledgers[place]?.see(.live(epoch, 0)) }
                for entry in delivery.entries { ledgers[place]?.see(.entry(entry)) }
            }
            return []
        } welcome: {
            welcomes.append($0)
        }
        loops[index].ledgers = ledgers
        for welcome in welcomes { take(welcome, index) }
    }

    mutating func read(_ index: Int, bytes: Int) {
        for place in loops[index].reading {
            let (items, hasCaughtUp) = loops[index].hub.read(
                place.job, for: place.follower, bytes: bytes, at: 0)
            for item in items { loops[index].ledgers[place]?.see(item) }
            if hasCaughtUp { loops[index].reading.remove(place) }
        }
    }

    // The followers.

    mutating func follow(_ index: Int, _ follower: Int, _ jobIndex: Int, _ dice: inout Dice) {
        let place = Place(follower: FollowerID(index: Int32(follower)), job: jobs[jobIndex])
        let wish = dice.wish(history.peek(place.job))
        loops[index].wishes[place] = wish
        let (welcome, request) = loops[index].hub.follow(place.job, by: place.follower, wish: wish)
        if let welcome { take(welcome, index) }
        if request == .askFeed { ask(place.job, index) }
    }

    private mutating func take(_ welcome: Welcome, _ index: Int) {
        let place = Place(follower: welcome.follower, job: welcome.job)
        let wish = loops[index].wishes[place] ?? Wish()
        let after = wish.after
        let isKnown = after?.epoch == nil || after?.epoch == welcome.epoch
        loops[index].ledgers[place] = ClientLedger(
            epoch: after?.epoch ?? welcome.epoch,
            next: after.map { isKnown ? $0.seq + 1 : nil } ?? (wish.past == .all ? 1 : nil))
        loops[index].reading.insert(place)
    }

    mutating func leave(_ index: Int, _ follower: Int, _ jobIndex: Int) {
        let place = Place(follower: FollowerID(index: Int32(follower)), job: jobs[jobIndex])
        guard loops[index].wishes.removeValue(forKey: place) != nil else { return }
        loops[index].ledgers[place] = nil
        loops[index].reading.remove(place)
        if loops[index].hub.unfollow(place.job, by: place.follower) {
            asks.append((.unfollow(place.job), index))
        }
    }

    // The end.

    /// Until nothing is on its way any more.
    mutating func settle() {
        for _ in 0..<1_000 {
            turnFeed(mails: .max)
            for index in loops.indices {
                turn(index, mails: .max)
                drain(index)
                read(index, bytes: .max)
            }
            if asks.isEmpty, loops.allSatisfy({ $0.inbox.isEmpty && $0.reading.isEmpty }) { return }
        }
        Issue.record("the loops ask and ask")
    }

    func check() {
        for loop in loops {
            #expect(loop.ledgers.count == loop.wishes.count, "everybody was welcomed")
            for (place, ledger) in loop.ledgers {
                let last = history.peek(place.job)
                #expect(ledger.last == Cursor(epoch: last.epoch, seq: last.seq))
                for (cursor, event) in ledger.taken { #expect(names[cursor] == event) }
            }
        }
    }

    /// Nothing is left of anybody: what is unfollowed can be forgotten.
    mutating func leaveAll() {
        for index in loops.indices {
            for follower in 0..<3 { for job in jobs.indices { leave(index, follower, job) } }
        }
        settle()
        for index in loops.indices {
            for job in jobs { #expect(loops[index].hub.watchers(of: job) == 0) }
        }
        for job in jobs.indices { publish(job) }
        #expect(loops.allSatisfy { $0.inbox.isEmpty }, "nobody is told any more")
    }
}

/// What one follower saw of one job.
private struct ClientLedger {
    private var epoch: Epoch?
    /// The next number; nil where a gap without bounds has wiped the slate.
    private var next: UInt64?
    private(set) var taken: [(Cursor, event: Int64)] = []
    private var isLive = false

    init(epoch: Epoch?, next: UInt64?) { (self.epoch, self.next) = (epoch, next) }

    var last: Cursor? { next.map { Cursor(epoch: epoch, seq: $0 - 1) } }

    mutating func see(_ item: Item) {
        switch item {
        case .entry(let entry):
            if entry.update.kind != .event, entry.update.epoch != epoch {
                // A gap names its epoch; where that grew out of the one before, numbers may go back to it.
                #expect(next.map { entry.seq <= $0 } ?? true, "a hole")
                (epoch, next) = (entry.update.epoch, entry.seq)
            }
            #expect(next == nil || entry.seq == next, "a hole, a double or a step back")
            next = entry.seq + 1
            let event =
                entry.update.kind == .event ? entry.update.heardAt : entry.update.heardAt + 1
            taken.append((Cursor(epoch: epoch, seq: entry.seq), event))
        case .gap(let gap) where gap.reason == .epochChanged:
            // Nobody here comes with a cursor that was never given; see `wish`.
            #expect(epoch == nil || gap.epoch != epoch, "a right cursor was called wrong")
            (epoch, next) = (gap.epoch, 1)
        case .gap(let gap):
            // Or earlier, in an epoch that grew out of the one before, whose first entries are gone.
            let mayGoBack = gap.epoch != epoch && gap.from ?? .max < next ?? 0
            #expect(
                next == nil || gap.from == next || mayGoBack,
                "a gap begins where the client stands")
            (epoch, next) = (gap.epoch, gap.to.map { $0 + 1 })
        case .live(let told, let seq):
            if epoch != told { (epoch, next) = (told, seq + 1) }
            if next == nil { next = seq + 1 }
            #expect(next == seq + 1, "live says where the client stands")
        }
    }
}

extension Dice {
    fileprivate mutating func wish(_ opening: Opening) -> Wish {
        switch throwDie(5) {
        case 0: Wish(past: .none)
        case 1: Wish(past: .latest(throwDie(20)))
        case 2:
            Wish(after: Cursor(epoch: opening.epoch, seq: UInt64(throwDie(Int(opening.seq) + 1))))
        case 3: Wish(after: Cursor(epoch: Epoch(checking: "otherEpoch"), seq: 3))
        default: Wish()
        }
    }
}
