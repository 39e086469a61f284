// The ledger knows what was published, recorded, held by whom and seen by whom, and says what breaks the
// guarantees of recording.md.

import Hub
import Jobs

@testable import Feed

struct Violation: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// A client: it goes from bridge to bridge with its cursor and notes what it is sent.
final class Client {
    enum Line {
        case start(published: Int)
        case event(Int)
        /// A gap, or a new view of the job.
        case gap
        case reset
    }

    let index: Int
    let job: Int
    let wantsPast: Bool
    var place: (SimulatedBridge, FollowerID)?
    private(set) var cursor: Cursor?
    private(set) var lines: [Line] = []
    private unowned let world: World
    /// An epoch that we were told of and have no entry of yet.
    private var announced: Epoch?

    init(_ world: World, _ index: Int) {
        self.world = world
        self.index = index
        job = world.random.throwDie(2)
        wantsPast = world.random.happens(0.5)
    }

    var wish: Wish { Wish(after: cursor, past: wantsPast ? .all : .none) }

    /// One that was told no epoch has nothing to come back with: it is new.
    func comes() {
        guard let cursor, cursor.epoch == nil else { return }
        (self.cursor, announced, lines) = (nil, nil, [])
    }

    func welcomed(_ welcome: Welcome) {
        announced = welcome.epoch
        guard cursor == nil else { return }
        cursor = Cursor(epoch: welcome.epoch, seq: wantsPast ? 0 : welcome.seq)
        lines.append(.start(published: world.published.count))
    }

    func heard(of epoch: Epoch) { announced = epoch }

    func hear(_ item: Item) throws(Violation) {
        switch item {
        case .entry(let entry): try hear(entry.update)
        case .live(let epoch, _): announced = epoch
        case .gap(let gap):
            guard gap.reason == .epochChanged else {
                throw Violation("client \(index): an odd gap \(gap)")
            }
            cursor = Cursor(epoch: gap.epoch, seq: 0)
            lines.append(.reset)
        }
    }

    func hear(_ update: Update) throws(Violation) {
        let item = World.item(update)
        let holdsOn = holdsInPresentEpoch(update)
        if holdsOn {
            guard update.seq == (cursor?.seq ?? 0) + 1 else { throw wrong(update) }
        } else if update.epoch != cursor?.epoch {
            // A fork: what still holds goes on, and where we had seen more than that a gap comes first.
            guard update.epoch == announced, let cursor, update.seq <= cursor.seq + 1,
                update.seq == cursor.seq + 1 || item == .gap
            else { throw wrong(update) }
        } else {
            guard update.seq == (cursor?.seq ?? 0) + 1 else { throw wrong(update) }
        }
        try world.ledger.names(
            StampedItem(job: job, epoch: update.epoch, seq: update.seq, item: item))
        cursor = Cursor(epoch: holdsOn ? announced : update.epoch, seq: update.seq)
        if case .event(let uid) = item { lines.append(.event(uid)) } else { lines.append(.gap) }
    }

    /// What a replay has of before a fork may still carry the epoch that was left there: it is a cursor as good.
    private func holdsInPresentEpoch(_ update: Update) -> Bool {
        guard update.epoch != announced, let bridge = place?.0, let cursor else { return false }
        let forks = bridge.forks(of: update.job)
        func holds(_ epoch: Epoch?, _ seq: UInt64) -> Bool {
            forks.contains { $0.epoch == epoch && seq <= $0.seq }
        }
        return holds(update.epoch, update.seq)
            && (cursor.epoch == announced || holds(cursor.epoch, cursor.seq))
    }

    private func wrong(_ update: Update) -> Violation {
        let cursor = cursor?.description ?? "nothing"
        return Violation("client \(index): \(update.epoch):\(update.seq) came after \(cursor)")
    }
}

struct RecordingLedger {
    private struct Key: Hashable {
        let job: Int
        let epoch: Epoch
        let seq: UInt64
    }

    private var named: [Key: Kept] = [:]
    var recorded: [Int: Int] = [:]
    /// What each bridge holds by name, and so must not be lost while it lives.
    private var held: [Int: Set<Int>] = [:]
    /// Where opening waits for every stall, nobody is ever overruled.
    let isPatient: Bool
    var isLossy = false

    init(isPatient: Bool) { self.isPatient = isPatient }

    /// (epoch, seq) never means two things.
    mutating func names(_ stamped: StampedItem) throws(Violation) {
        let key = Key(job: stamped.job, epoch: stamped.epoch, seq: stamped.seq)
        if let before = named.updateValue(stamped.item, forKey: key), before != stamped.item {
            throw Violation("\(key) names \(before) and \(stamped.item)")
        }
    }

    /// What a bridge counted must be what was recorded under that name.
    func agrees(
        _ bridge: SimulatedBridge, _ naming: Recorder.Naming, _ last: Int64, _ items: [StampedItem]
    ) throws(Violation) {
        let recorder = bridge.recorder
        guard last <= recorder.count + naming.offset else {
            throw Violation(
                "bridge \(bridge.index) heard ordinal \(last) recorded before counting it")
        }
        let events = items.compactMap { if case .event(let uid) = $0.item { uid } else { nil } }
        for (back, uid) in events.reversed().enumerated() {
            let count = last - Int64(back) - naming.offset
            guard let mine = recorder.queue.batch(from: count, entriesMax: 1, bytesMax: .max).first,
                count >= recorder.queue.first
            else { continue }
            guard World.read(mine).uid == uid else {
                throw Violation("ordinal \(count + naming.offset) is \(uid) and something else")
            }
        }
    }

    /// What a bridge has named, and Redis counts it for, it holds, until it is forgiven. One that has just opened an era
    /// has claimed it: only where Redis has lost which era it was that counts for nothing.
    mutating func watch(_ bridge: SimulatedBridge) {
        let recorder = bridge.recorder
        if case .arriving(_, _, let hasOpened) = recorder.standing, !hasOpened || isLossy { return }
        guard recorder.named != nil else { return }
        let queue = recorder.queue
        let uids = queue.batch(from: queue.first, entriesMax: .max, bytesMax: .max).map {
            World.read($0).uid
        }
        held[bridge.index, default: []].formUnion(uids)
    }

    mutating func forgive(_ bridge: SimulatedBridge) { held[bridge.index] = nil }

    /// Its subscription broke while it kept what it had named in an era that is dead. An era dies of lost
    /// data, or because another one was opened over it: where neither is, there is no excuse.
    mutating func forgiveKept(_ bridge: SimulatedBridge) {
        if !isPatient || isLossy { forgive(bridge) }
    }

    /// Another bridge opened an era over what this one holds.
    mutating func overrule(
        _ bridge: SimulatedBridge, by opener: SimulatedBridge?, in era: Name
    ) throws(Violation) {
        defer { forgive(bridge) }
        guard isPatient, bridge.recorder.named != nil else { return }
        let missing = (held[bridge.index] ?? []).filter { recorded[$0] == nil }
        // Where the era was dead already, whoever opens the next must have it all.
        if isLossy, opener?.isOpening(era) != true { return }
        let has = isLossy ? opener?.heardAndHeld ?? [] : []
        guard has.isSuperset(of: missing) else {
            throw Violation("bridge \(bridge.index) was overruled while it held \(missing)")
        }
    }

    mutating func refuseTail(_ bridge: SimulatedBridge) throws(Violation) {
        if isPatient, !isLossy, (held[bridge.index] ?? []).contains(where: { recorded[$0] == nil })
        {
            throw Violation("bridge \(bridge.index): what it held was refused")
        }
        forgive(bridge)
    }

    // MARK: when all is quiet

    func check(_ world: World) throws(Violation) {
        for bridge in world.serving
        where !bridge.recorder.isAligned || !bridge.recorder.queue.isEmpty {
            throw Violation("bridge \(bridge.index) is not aligned in the end")
        }
        try checkStreams(world)
        if !isLossy { try checkTimes() }
        if !isLossy || isPatient { try checkLosses() }
        for client in world.clients { try check(client, world) }
    }

    private func checkStreams(_ world: World) throws(Violation) {
        var final: Set<Int> = []
        for stream in world.redis.store.streams {
            guard stream.enumerated().allSatisfy({ $1.seq == UInt64($0 + 1) }) else {
                throw Violation("a stream with holes: \(stream.map(\.seq))")
            }
            let uids = stream.compactMap { if case .event(let uid) = $0.item { uid } else { nil } }
            guard Set(uids).count == uids.count else { throw Violation("recorded twice: \(uids)") }
            for (one, next) in zip(stream, stream.dropFirst())
            where one.item == .gap && next.item == .gap {
                throw Violation("two gaps in a row, at \(next.seq)")
            }
            try checkOrder(uids, world)
            final.formUnion(uids)
        }
        for (uid, event) in world.published.enumerated()
        where (event.isFinal || event.isDurable && !isLossy) && !final.contains(uid) {
            throw Violation("event \(uid) is not recorded")
        }
    }

    /// Plain events of one primary are in its order.
    private func checkOrder(_ uids: [Int], _ world: World) throws(Violation) {
        var last: [ObjectIdentifier: Int] = [:]
        for uid in uids where !world.published[uid].isDurable {
            let primary = ObjectIdentifier(world.published[uid].redis)
            if let before = last[primary], before > uid { throw Violation("order: \(uids)") }
            last[primary] = uid
        }
    }

    private func checkTimes() throws(Violation) {
        for (uid, times) in recorded where times != 1 {
            throw Violation("event \(uid) was recorded \(times) times")
        }
    }

    private func checkLosses() throws(Violation) {
        for (bridge, uids) in held {
            for uid in uids where recorded[uid] == nil {
                throw Violation("event \(uid) was lost, and bridge \(bridge) held it and lived")
            }
        }
    }

    private func check(_ client: Client, _ world: World) throws(Violation) {
        guard client.place != nil, let cursor = client.cursor else {
            throw Violation("client \(client.index) is not served")
        }
        let state = world.redis.store.jobs[client.job]
        // Its state was deleted, and since then nothing came that could have been announced.
        if isLossy, state?.seq ?? 0 == 0, !hasFinalEvent(client.job, world) { return }
        // Before the first event no epoch is told.
        guard
            cursor == state.map({ Cursor(epoch: $0.epoch, seq: $0.seq) })
                || cursor.seq == 0 && state?.seq ?? 0 == 0
        else {
            throw Violation(
                "client \(client.index) is at \(cursor), Redis at \(String(describing: state))")
        }
        try checkViews(client, world)
        try checkMissing(client, world)
    }

    private func hasFinalEvent(_ job: Int, _ world: World) -> Bool {
        world.published.contains { $0.isFinal && $0.job == job }
    }

    /// Within one view nothing comes twice, and what was published plainly comes in order.
    private func checkViews(_ client: Client, _ world: World) throws(Violation) {
        var view: [Int] = []
        for line in client.lines + [.reset] {
            switch line {
            case .event(let uid): view.append(uid)
            case .reset:
                let seen = view.filter { !(isLossy && world.published[$0].isDurable) }
                guard Set(seen).count == seen.count else {
                    throw Violation("client \(client.index) saw twice: \(seen)")
                }
                try checkOrder(seen, world)
                view = []
            case .start, .gap: break
            }
        }
    }

    /// What a client did not see lies at a gap that it was told of.
    private func checkMissing(_ client: Client, _ world: World) throws(Violation) {
        guard case .start(let began) = client.lines.first else { return }
        var seen: Set<Int> = []
        for case .event(let uid) in client.lines { seen.insert(uid) }
        for (uid, event) in world.published.enumerated()
        where event.job == client.job && uid >= began && !seen.contains(uid) && !event.isUnpromised
        {
            if event.isDurable {
                guard recorded[uid] != nil, !isLossy else { continue }
                throw Violation("client \(client.index) missed the durable event \(uid)")
            }
            var (low, high) = (0, client.lines.count)
            for (place, line) in client.lines.enumerated() {
                guard case .event(let other) = line, !world.published[other].isDurable,
                    world.published[other].redis === event.redis
                else { continue }
                if other < uid { low = place }
                if other > uid, place < high { high = place }
            }
            guard low <= high else { continue }
            let isTold = client.lines[low..<high].contains {
                switch $0 {
                case .gap, .reset: true
                case .start, .event: false
                }
            }
            guard isTold else {
                throw Violation("client \(client.index): event \(uid) is missing without a gap")
            }
        }
    }
}
