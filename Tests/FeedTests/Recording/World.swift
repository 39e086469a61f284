// A schedule: one Redis (and those it replaced), a few bridges and clients, and chance, which chooses what
// happens next and which fault strikes. The same seed gives the same schedule.
//
// Safety never depends on time: bridges' clocks jump, so every timer may fire at any moment. In the
// end the faults stop, all settles, and the ledger is checked.

import Bytes
import Jobs
import Loop

@testable import Feed

/// SplitMix64.
struct Chance: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Less than `count`.
    mutating func pick(_ count: Int) -> Int { Int(next() % UInt64(count)) }
    mutating func happens(_ chance: Double) -> Bool {
        Double(next() >> 11) * 0x1p-53 < chance
    }
}

struct Schedule: Sendable {
    var seed: UInt64
    /// Redis may lose data: failover, restart, FLUSHDB, deleted keys.
    var losesData = false
    /// No era is opened over a bridge that is only slow, as `openPause` is meant to see to.
    var isPatient = false
    var removed: Check?
}

struct Published {
    let job: Int
    let redis: SimulatedRedis
    let isDurable: Bool
    let isFinal: Bool
    /// Sent to a primary that was replaced already.
    let isUnpromised: Bool
}

final class World {
    var random: Chance
    let schedule: Schedule
    let limits: RecorderLimits
    var ledger: RecordingLedger
    var published: [Published] = []
    private(set) var bridges: [SimulatedBridge] = []
    private(set) var clients: [Client] = []
    private var current: SimulatedRedis?
    private var replaced: [SimulatedRedis] = []
    private var ghosts: [Commands] = []
    private var durables: [(job: Int, uid: Int)] = []
    private var isQuiet = false
    private var freshest = 0
    private var faultChance = 0.0
    private var stepCount = 0

    var removed: Check? { schedule.removed }
    var redis: SimulatedRedis {
        guard let current else { fatalError("no Redis") }
        return current
    }

    init(_ schedule: Schedule) {
        self.schedule = schedule
        random = Chance(state: schedule.seed &* 0x2545_F491_4F6C_DD1D)
        ledger = RecordingLedger(isPatient: schedule.isPatient)
        var limits = RecorderLimits()
        // Six short events, and batches of up to three.
        limits.queueBytesMax = 6 * Self.event(0, 0, at: Instant(nanoseconds: 0)).bytes
        limits.batchEventsMax = 1 + Int(random.next() % 3)
        limits.batchesInFlightMax = 1 + Int(random.next() % 3)
        self.limits = limits
        current = SimulatedRedis(self)
        for index in 0..<[1, 2, 2, 3][random.pick(4)] {
            bridges.append(SimulatedBridge(self, index))
        }
        for bridge in bridges.dropFirst() { bridge.isAlive = random.happens(0.8) }
        clients = (0...random.pick(2)).map { Client(self, $0) }
        faultChance = [0, 0.01, 0.04, 0.1][random.pick(4)]
        stepCount = [40, 80, 140][random.pick(3)]
    }

    func fresh() -> Int {
        freshest += 1
        return freshest
    }

    // MARK: events

    static let jobs = ["a", "b"].map { name in
        guard let job = try? JobID(checking: name) else { fatalError() }
        return job
    }

    /// The uid is the event's type, so that it can be read off whatever comes out.
    private static let prepared: [PreparedEvent] = (0..<1_000).map { uid in
        var reader = EventReader()
        return reader.read(
            Array("{\"type\":\"\(uid)\",\"timestamp\":1}".utf8).span,
            heardAt: WallTime(milliseconds: 0))
    }

    static func event(_ job: Int, _ uid: Int, at now: Instant) -> QueuedEvent {
        QueuedEvent(job: jobs[job], event: prepared[uid], heardAt: now.nanoseconds)
    }

    static func read(_ event: QueuedEvent) -> (job: Int, uid: Int) {
        (event.job == jobs[0] ? 0 : 1, event.event.flatMap { Int($0.type.name) } ?? -1)
    }

    private static let frame = SharedBytes([0])
    private static let types = (0..<1_000).map { EventType("\($0)") }

    static func update(_ stamped: StampedItem) -> Update {
        switch stamped.item {
        case .event(let uid):
            Update(
                job: jobs[stamped.job], epoch: stamped.epoch, seq: stamped.seq, type: types[uid],
                frame: frame, heardAt: 0)
        case .gap:
            Update(
                job: jobs[stamped.job], epoch: stamped.epoch, seq: stamped.seq,
                kind: .gap(.unrecorded), type: EventType("gap"), frame: frame, heardAt: 0)
        }
    }

    static func item(_ update: Update) -> Kept {
        update.kind == .event ? .event(Int(update.type.name) ?? -1) : .gap
    }

    private func publish(on redis: SimulatedRedis, isFinal: Bool = false) {
        let (job, uid) = (random.pick(2), published.count)
        published.append(
            Published(
                job: job, redis: redis, isDurable: false, isFinal: isFinal,
                isUnpromised: redis !== self.redis))
        redis.publish(.message(job: job, uid: uid))
    }

    private func publishDurably(isFinal: Bool = false) {
        let (job, uid) = (random.pick(2), published.count)
        published.append(
            Published(
                job: job, redis: redis, isDurable: true, isFinal: isFinal, isUnpromised: false))
        durables.append((job, uid))
    }

    /// Whom a connection reaches: now and then a primary that was replaced and does not know it.
    func target() -> SimulatedRedis {
        guard !isQuiet, !replaced.isEmpty, random.happens(0.3) else { return redis }
        return replaced[random.pick(replaced.count)]
    }

    // MARK: a step

    private enum Choice {
        case bridge(SimulatedBridge, SimulatedBridge.Action)
        case run(Commands)
        case durable
        case join(Client)
        case time(SimulatedBridge)
    }

    private func choices() -> [(weight: Int, Choice)] {
        var choices: [(weight: Int, Choice)] = []
        for bridge in bridges where bridge.isAlive && !bridge.isPaused {
            for action in bridge.actions {
                let weight = action == .hear ? 9 : 6
                choices.append((weight, .bridge(bridge, action)))
            }
            if let commands = bridge.commands, !commands.requests.isEmpty, commands.redis.isAlive {
                choices.append((8, .run(commands)))
            }
            if !isQuiet { choices.append((2, .time(bridge))) }
        }
        for bridge in bridges where bridge.isAlive && bridge.isPaused {
            guard let commands = bridge.commands, !commands.requests.isEmpty,
                commands.redis.isAlive
            else { continue }
            choices.append((8, .run(commands)))
        }
        if !durables.isEmpty { choices.append((5, .durable)) }
        for client in clients where client.place == nil { choices.append((2, .join(client))) }
        return choices
    }

    /// False when there is nothing to do.
    private func step() throws(Violation) -> Bool {
        if !isQuiet {
            if random.happens(faultChance) {
                try strike()
                return true
            }
            if random.happens(0.12) {
                publish(on: target())
                return true
            }
            if !ghosts.isEmpty, random.happens(0.1) {
                let ghost = ghosts.removeLast()
                while ghost.redis.isAlive, !ghost.requests.isEmpty { try run(ghost) }
                return true
            }
        }
        let choices = choices()
        guard !choices.isEmpty else { return false }
        var left = random.pick(choices.reduce(0) { $0 + $1.weight })
        for (weight, choice) in choices {
            left -= weight
            guard left < 0 else { continue }
            try make(choice)
            break
        }
        return true
    }

    private func make(_ choice: Choice) throws(Violation) {
        switch choice {
        case .bridge(let bridge, let action): try bridge.take(action)
        case .run(let commands): try run(commands)
        case .durable:
            // Retried until it is known to be recorded: now and then the answer is lost.
            guard let next = durables.first else { return }
            try redis.durable(next.job, next.uid)
            if !random.happens(0.2) { durables.removeFirst() }
        case .join(let client):
            let alive = bridges.filter(\.isAlive)
            if !alive.isEmpty { try alive[random.pick(alive.count)].join(client) }
        case .time(let bridge): bridge.pass(Self.pauses[random.pick(Self.pauses.count)])
        }
    }

    private static let pauses: [Duration] = [
        .milliseconds(50), .milliseconds(250), .milliseconds(500), .seconds(4),
    ]

    private func run(_ commands: Commands) throws(Violation) {
        let redis = commands.redis
        switch commands.requests.removeFirst() {
        case .record(let call):
            let isError = !isQuiet && faultChance > 0 && random.happens(0.03)
            let answer = isError ? .failed : try redis.record(call, by: commands.by)
            commands.replies.append(.record(call, answer))
        case .ask(let token):
            commands.replies.append(.asked(token, redis.ask(token, by: commands.by)))
        case .open(let call):
            let isRefused = schedule.isPatient && isSomebodyThere(but: commands.bridge, call)
            let isOpen = !isRefused && redis.open(call, by: commands.by)
            commands.replies.append(.opened(call.token, isOpen))
        case .touch(let wish):
            let job = Self.jobs[0] == wish.job ? 0 : 1
            let (state, stream) = try redis.touch(job)
            let updates = stream.map {
                Self.update(
                    StampedItem(job: job, epoch: state.epoch, seq: $0.seq, item: $0.item))
            }
            commands.replies.append(.touched(wish, redis, state, updates))
        }
    }

    /// Whether somebody lives whose word would have come had we waited long enough.
    private func isSomebodyThere(but asker: SimulatedBridge, _ call: OpenCall) -> Bool {
        bridges.contains { bridge in
            let recorder = bridge.recorder
            guard bridge.isAlive, bridge !== asker else { return false }
            let owesUs =
                recorder.asking.map { $0.token.text == "m" + (redis.store.ingest?.era?.text ?? "") }
                ?? false
            return bridge.subscription?.unread.isEmpty == false
                || bridge.commands?.replies.isEmpty == false || recorder.isAligned || owesUs
                || recorder.tail != nil || recorder.isKeeping && !asker.recorder.isKeeping
        }
    }

    // MARK: faults

    private enum Fault: CaseIterable {
        case crash, start, pause, resume, cutSubscription, cutCommands, clientLeaves, durable
        case flush, deleteState, deleteIngest, restart, failover
    }

    private func strike() throws(Violation) {
        let bridge = bridges[random.pick(bridges.count)]
        let faults = schedule.losesData ? Fault.allCases : Array(Fault.allCases.prefix(8))
        switch faults[random.pick(faults.count)] {
        case .crash: if bridge.isAlive { try crash(bridge) }
        case .start: bridge.isAlive = true
        case .pause: bridge.isPaused = true
        case .resume: bridge.isPaused = false
        case .cutSubscription: if bridge.subscription != nil { bridge.cutSubscription() }
        case .cutCommands: try cutCommands(of: bridge)
        case .clientLeaves: leave(clients[random.pick(clients.count)])
        case .durable: publishDurably()
        case .flush: loseData { $0.store = SimulatedRedis.Store() }
        case .deleteState: loseData { $0.store.jobs[random.pick(2)] = nil }
        case .deleteIngest: loseData { $0.store.ingest = nil }
        case .restart:
            replace(by: random.happens(0.5) ? redis.store : SimulatedRedis.Store(), false)
        case .failover:
            replace(by: redis.past[random.pick(redis.past.count)], random.happens(0.5))
        }
    }

    private func loseData(_ lose: (SimulatedRedis) -> Void) {
        ledger.isLossy = true
        lose(redis)
        redis.save()
    }

    private func replace(by store: SimulatedRedis.Store, _ oldLivesOn: Bool) {
        ledger.isLossy = true
        let old = redis
        current = SimulatedRedis(self, store)
        if oldLivesOn { replaced.append(old) } else { bury(old) }
    }

    private func bury(_ redis: SimulatedRedis) {
        redis.isAlive = false
        replaced.removeAll { $0 === redis }
        for bridge in bridges {
            if bridge.subscription?.redis === redis { bridge.cutSubscription() }
            if bridge.commands?.redis === redis { bridge.cutCommands() }
        }
    }

    /// What was sent may still be run, now or much later; nobody hears the answers.
    private func cutCommands(of bridge: SimulatedBridge) throws(Violation) {
        guard let commands = bridge.commands else { return }
        bridge.cutCommands()
        guard commands.redis.isAlive, !commands.requests.isEmpty else { return }
        if random.happens(0.5) {
            for _ in 0..<random.pick(commands.requests.count + 1) { try run(commands) }
        } else if random.happens(0.5) {
            ghosts.append(commands)
        }
    }

    private func crash(_ bridge: SimulatedBridge) throws(Violation) {
        ledger.forgive(bridge)
        try cutCommands(of: bridge)
        bridge.subscription?.cut()
        for client in clients where client.place?.0 === bridge { client.place = nil }
        bridge.isAlive = false
        bridge.restart()
    }

    private func leave(_ client: Client) { client.place?.0.leave(client) }

    // MARK: the run

    func run() throws(Violation) {
        for _ in 0..<stepCount { _ = try step() }
        isQuiet = true
        ghosts = []
        for old in replaced { bury(old) }
        for bridge in bridges { (bridge.isAlive, bridge.isPaused) = (true, false) }
        try settle()
        for _ in 0..<4 { publish(on: redis, isFinal: true) }
        publishDurably(isFinal: true)
        try settle()
        try ledger.check(self)
    }

    /// Until nothing is left to do but to wait for more.
    private func settle() throws(Violation) {
        var waits = 0
        for _ in 0..<6_000 {
            if try step() { continue }
            if waits >= 4,
                bridges.allSatisfy({ $0.recorder.isAligned && $0.recorder.queue.isEmpty })
            {
                return
            }
            waits += 1
            // A random order, so that bridges do not all lose their patience at once.
            for bridge in bridges {
                bridge.pass(.milliseconds(100 + random.pick(300)))
            }
        }
        throw Violation("all is never quiet")
    }
}
