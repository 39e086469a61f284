// What one seed stands for: which kind of schedule, and what it is like.

import Support

struct Schedule: Sendable {
    var seed: UInt64
    /// What Redis may lose: nothing, keys (FLUSHDB, DEL), what a failover or a restart takes with it as
    /// well, or only its part: a failover replaces it, but it lives on and has whom it had.
    enum Loss { case nothing, keys, history, primary }
    var loss = Loss.nothing
    /// No era is opened over a bridge that is only slow, as `openPause` is meant to see to.
    var isPatient = false
    /// One of the bridges counts other messages than the rest.
    var hasOtherPatterns = false
    /// Checks that it does without.
    var removed: [Check] = []
    /// It prints what happens in it.
    var isTold = false
}

/// What a schedule is like: in some a fault is frequent that others never see, or somebody is slow. Rare
/// meetings of several faults come about in the schedules that have only those.
struct Temper {
    let faults: [World.Fault]
    let faultChance: Double
    /// That Redis refuses a record: full, or read-only.
    let errorChance: Double
    /// That a connection reaches a primary that was replaced and does not know it.
    let oldChance: Double
    let hearing: Int
    let running: Int
    let waiting: Int
    let steps: Int
    /// Which jobs have events after all faults.
    let finalJobs: [Int]

    init(_ schedule: Schedule, _ random: inout Dice) {
        let known = World.Fault.of(schedule.loss)
        let some = known.filter { _ in random.happens(0.5) }
        faults = schedule.loss == .primary || some.isEmpty || random.happens(0.3) ? known : some
        faultChance = [0, 0.01, 0.04, 0.1][random.throwDie(4)]
        errorChance = faultChance == 0 ? 0 : [0, 0.03, 0.2][random.throwDie(3)]
        oldChance = [0.3, 0.7][random.throwDie(2)]
        hearing = [3, 9, 20][random.throwDie(3)]
        running = [2, 8, 20][random.throwDie(3)]
        waiting = [1, 2, 6][random.throwDie(3)]
        steps = [40, 80, 140][random.throwDie(3)]
        finalJobs = [[0, 1], [0, 1], [0], [1]][random.throwDie(4)]
    }
}

struct Published {
    let job: Int
    let redis: SimulatedRedis
    let isDurable: Bool
    let isFinal: Bool
    /// Sent to a primary that was replaced already.
    let isUnpromised: Bool
}

extension Dice {
    mutating func happens(_ chance: Double) -> Bool {
        Double(next() >> 11) * 0x1p-53 < chance
    }
}
