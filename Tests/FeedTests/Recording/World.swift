// A schedule: one Redis (and those it replaced), a few bridges and clients, and chance, which chooses what
// happens next and which fault strikes. The same seed gives the same schedule.
//
// Safety never depends on time: bridges' clocks jump, so every timer may fire at any moment. In the
// end the faults stop, all settles, and the ledger is checked.

import Bytes
import Jobs
import Loop
import Support

@testable import Feed

final class World {
    var random: Dice
    let temper: Temper
    let schedule: Schedule
    let limits: RecorderLimits
    var ledger: RecordingLedger
    var published: [Published] = []
    var bridges: [SimulatedBridge] = []
    var clients: [Client] = []
    var current: SimulatedRedis?
    var replaced: [SimulatedRedis] = []
    var ghosts: [Commands] = []
    /// Whom new connections reach; nil: chance decides.
    var aim: SimulatedRedis?
    /// The same for all: how long somebody has waited and heard is compared by Redis.
    private(set) var clock = Instant(nanoseconds: 0)
    private var durables: [(job: Int, uid: Int)] = []
    private var isQuiet = false
    private var freshest = 0

    func isWithout(_ check: Check) -> Bool { schedule.removed.contains(check) }

    /// What happens, for somebody who looks for the cause of a violation.
    func tell(_ what: @autoclosure () -> String) {
        if schedule.isTold { print("\(clock.nanoseconds / 1_000_000) ms: \(what())") }
    }

    var redis: SimulatedRedis {
        guard let current else { fatalError("no Redis") }
        return current
    }

    init(_ schedule: Schedule) {
        self.schedule = schedule
        random = Dice(seed: schedule.seed &* 0x2545_F491_4F6C_DD1D)
        temper = Temper(schedule, &random)
        ledger = RecordingLedger(isPatient: schedule.isPatient)
        var limits = RecorderLimits()
        // Six short events, and batches of up to three.
        limits.queueBytesMax = 6 * Self.event(0, 0, at: Instant(nanoseconds: 0)).bytes
        limits.batchEventsMax = 1 + random.throwDie(3)
        limits.batchesInFlightMax = 1 + random.throwDie(3)
        limits.openPause = .seconds(1)
        if schedule.removed.contains(.leavesWaiting) { limits.standstillMax = .seconds(1_000_000) }
        self.limits = limits
        current = SimulatedRedis(self)
        for index in 0..<[1, 2, 2, 3][random.throwDie(4)] {
            let countsOneJob = schedule.hasOtherPatterns && index == 1
            bridges.append(SimulatedBridge(self, index, countsOneJob: countsOneJob))
        }
        for bridge in bridges.dropFirst() { bridge.isAlive = random.happens(0.8) }
        clients = (0...random.throwDie(2)).map { Client(self, $0) }
    }

    /// A server and its subscribers hold each other, and so do a bridge and its clients.
    deinit {
        for bridge in bridges {
            bridge.subscription?.cut()
            for client in bridge.clients.values { bridge.leave(client) }
        }
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

    private func pickJob(_ isFinal: Bool) -> Int {
        let jobs = isFinal ? temper.finalJobs : [0, 1]
        return jobs[random.throwDie(jobs.count)]
    }

    func publish(on redis: SimulatedRedis, isFinal: Bool = false) {
        let (job, uid) = (pickJob(isFinal), published.count)
        published.append(
            Published(
                job: job, redis: redis, isDurable: false, isFinal: isFinal,
                isUnpromised: redis !== self.redis))
        redis.publish(.message(job: job, uid: uid))
    }

    func publishDurably(isFinal: Bool = false) {
        let (job, uid) = (pickJob(isFinal), published.count)
        published.append(
            Published(
                job: job, redis: redis, isDurable: true, isFinal: isFinal, isUnpromised: false))
        durables.append((job, uid))
    }

    /// Whom a connection reaches: now and then a primary that was replaced and does not know it.
    func target() -> SimulatedRedis {
        if let aim { return aim }
        guard !isQuiet, !replaced.isEmpty, random.happens(temper.oldChance)
        else { return redis }
        return replaced[random.throwDie(replaced.count)]
    }

    // MARK: a step

    private enum Choice: CustomStringConvertible {
        case bridge(SimulatedBridge, SimulatedBridge.Action)
        case run(Commands)
        case durable
        case join(Client)
        case time(SimulatedBridge)

        var description: String {
            switch self {
            case .bridge(let bridge, let action):
                "bridge \(bridge.index) \(action) \(bridge.what(action))"
            case .run(let commands):
                "redis \(commands.redis.reign) runs \(commands.requests[0]) of bridge \(commands.bridge.index)"
            case .durable: "a durable event"
            case .join: "a client joins"
            case .time: "time passes"
            }
        }
    }

    private func choices() -> [(weight: Int, Choice)] {
        var choices: [(weight: Int, Choice)] = []
        for bridge in bridges where bridge.isAlive && !bridge.isPaused {
            for action in bridge.actions {
                let weight = action == .hear ? temper.hearing : 6
                choices.append((weight, .bridge(bridge, action)))
            }
            if let commands = bridge.commands, !commands.requests.isEmpty, commands.redis.isAlive {
                choices.append((temper.running, .run(commands)))
            }
            if !isQuiet { choices.append((temper.waiting, .time(bridge))) }
        }
        for bridge in bridges where bridge.isAlive && bridge.isPaused {
            guard let commands = bridge.commands, !commands.requests.isEmpty,
                commands.redis.isAlive
            else { continue }
            choices.append((temper.running, .run(commands)))
        }
        if !durables.isEmpty { choices.append((5, .durable)) }
        for client in clients where client.place == nil { choices.append((2, .join(client))) }
        return choices
    }

    /// False when there is nothing to do.
    private func step() throws(Violation) -> Bool {
        clock = clock + .milliseconds(1)
        if !isQuiet {
            if random.happens(temper.faultChance) {
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
        var left = random.throwDie(choices.reduce(0) { $0 + $1.weight })
        for (weight, choice) in choices {
            left -= weight
            guard left < 0 else { continue }
            try make(choice)
            break
        }
        return true
    }

    private func make(_ choice: Choice) throws(Violation) {
        tell("\(choice)")
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
            if !alive.isEmpty { try alive[random.throwDie(alive.count)].join(client) }
        case .time: pass(Self.pauses[random.throwDie(Self.pauses.count)])
        }
    }

    private static let pauses: [Duration] = [
        .milliseconds(50), .milliseconds(250), .milliseconds(500), .seconds(4),
    ]

    func pass(_ time: Duration) {
        clock = clock + time
        for bridge in bridges { bridge.timePassed() }
    }

    func run(_ commands: Commands) throws(Violation) {
        let redis = commands.redis
        let patterns = commands.bridge.recorder.patterns
        switch commands.requests.removeFirst() {
        case .record(let call):
            let isError = !isQuiet && random.happens(temper.errorChance)
            let answer = isError ? .failed : try redis.record(call, by: commands.by)
            commands.replies.append(.record(call, answer))
        case .answer(let call):
            commands.replies.append(.told(call, redis.answer(call, patterns: patterns)))
        case .ask(let token):
            let present = redis.ask(token, by: commands.by, patterns: patterns)
            commands.replies.append(.asked(token, present))
        case .pulse(let call):
            commands.replies.append(.pulsed(call, redis.pulse(call.number, by: commands.by)))
        case .open(let call):
            let isTooSoon =
                call.isOverSilence && isSomebodyThere(but: commands.bridge)
                || bridges.contains { $0.isAboutToSendTail }
            let isRefused = schedule.isPatient && isTooSoon
            let isOpen = !isRefused && redis.open(call, by: commands.by, patterns: patterns)
            if isOpen { forgiveThoseAway() }
            commands.replies.append(.opened(call.token, isOpen))
        case .touch(let wish):
            let touched = try redis.touch(Self.jobs[0] == wish.job ? 0 : 1, wish)
            commands.replies.append(.touched(wish, reign: redis.reign, touched))
        }
    }

    /// A bridge that lost its subscription, and the other connection too or stands still, is counted for nothing: what
    /// it held may come too late.
    private func forgiveThoseAway() {
        for bridge in bridges
        where bridge.recorder.tail != nil && (bridge.commands == nil || bridge.isPaused) {
            ledger.forgive(bridge)
        }
    }

    /// Whether somebody lives whose word would have come had we waited long enough.
    private func isSomebodyThere(but asker: SimulatedBridge) -> Bool {
        bridges.contains { bridge in
            let recorder = bridge.recorder
            guard bridge.isAlive, bridge !== asker else { return false }
            let owesUs =
                recorder.asking.map { $0.token.text == "m" + (redis.store.ingest?.era?.text ?? "") }
                ?? false
            return bridge.subscription?.unread.isEmpty == false
                || bridge.commands?.replies.isEmpty == false || recorder.named != nil || owesUs
                || recorder.tail != nil || recorder.isKeeping && !asker.recorder.isKeeping
        }
    }

    // MARK: the run

    func run() throws(Violation) {
        for _ in 0..<temper.steps { _ = try step() }
        isQuiet = true
        ghosts = []
        for old in replaced { bury(old) }
        for bridge in bridges { (bridge.isAlive, bridge.isPaused) = (true, false) }
        // Those with other patterns are stopped, so that the new ones can take over.
        for bridge in bridges where bridge.countsOneJob { try crash(bridge) }
        try settle()
        for _ in 0..<4 { publish(on: redis, isFinal: true) }
        publishDurably(isFinal: true)
        try settle()
        try ledger.check(self)
    }

    /// All of them in the end but those with other patterns.
    var serving: [SimulatedBridge] { bridges.filter { !$0.countsOneJob } }

    /// Until nothing is left to do but to wait for more.
    private func settle() throws(Violation) {
        var waits = 0
        for _ in 0..<6_000 {
            if try step() { continue }
            if waits >= 4,
                serving.allSatisfy({ $0.recorder.isAligned && $0.recorder.queue.isEmpty })
            {
                return
            }
            waits += 1
            // A random order, so that bridges do not all lose their patience at once.
            pass(.milliseconds(100 + random.throwDie(300)))
        }
        throw Violation("all is never quiet")
    }
}
