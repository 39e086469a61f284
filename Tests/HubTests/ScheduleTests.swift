// Random schedules: clients come, go, read slowly and fall behind, updates are lost, doubled and late,
// epochs change.
// Whatever happens, each ledger must hold (see Ledger), and who has caught up has seen the last event.

import Hub
import Jobs
import Support
import Testing

@Suite("Hub under random schedules")
struct ScheduleTests {
    @Test("no client ever sees a hole, a double or a step back", arguments: 0..<400)
    func schedule(seed: Int) throws {
        var random = Dice(seed: UInt64(seed))
        var stage = Stage(
            ringMax: [3, 10, 100][seed % 3], replayMax: [2, 1_000][seed % 2],
            queueBytesMax: [200, 1_000, 1_000_000][seed / 6 % 3])
        var late: [Update] = []
        for _ in 0..<300 {
            stage.pass(milliseconds: Int64(random.throwDie(200)))
            let type = ["log", "progress", "status", "complete"][random.throwDie(4)]
            switch random.throwDie(14) {
            case 0...3: stage.publish(type)
            case 4: _ = stage.history.publish(type)  // lost on the way
            case 5: late.append(stage.history.publish(type))
            case 6:
                if let update = late.randomElement(using: &random) { stage.hear(update) }
            case 7:
                let index = Int32(random.throwDie(5))
                stage.leave(index)
                stage.follow(index, random.wish(stage.history))
            case 8: stage.drain()
            case 9: stage.block(Int32(random.throwDie(5)))
            case 10: stage.unblock(Int32(random.throwDie(5)))
            case 11, 12: stage.read(Int32(random.throwDie(5)), bytes: random.throwDie(200))
            default:
                if random.throwDie(4) == 0 {
                    stage.history.renew(keepingFork: random.throwDie(2) == 0)
                }
            }
        }
        stage.publish(["status", "progress"][seed % 2])
        stage.drain()
        stage.pass(milliseconds: 2_000)
        stage.drain()
        for index in 0..<5 as Range<Int32> where stage.isFollowing(index) {
            stage.unblock(index)
            stage.read(index)
            stage.drain()
            // Who was welcomed last of all may have wished for nothing of the past.
            let last = try stage.ledger(index).seqs.last ?? stage.welcome(index).seq
            #expect(last == stage.history.updates.last?.seq)
        }
        stage.checkNames()
    }
}

extension Dice {
    fileprivate mutating func wish(_ history: History) -> Wish {
        let last = Int(history.updates.last?.seq ?? 0)
        var wish =
            switch throwDie(4) {
            case 0: Wish(past: .none)
            case 1: Wish(past: .latest(throwDie(20)))
            case 2: Wish(after: Cursor(epoch: history.epoch, seq: UInt64(throwDie(last + 1))))
            default: Wish()
            }
        if throwDie(3) == 0 { wish.progressInterval = Int64(1 + throwDie(1_000)) * 1_000_000 }
        return wish
    }
}
