// Views under random schedules: mail is late, clients come, go, read slowly and follow jobs themselves,
// jobs are let go and go from queue to queue. What the ledgers promise must hold (see ViewStage).

import Hub
import Jobs
import Support
import Testing

@Suite("Views under random schedules")
struct ViewScheduleTests {
    @Test(
        "every event of a job in view reaches each client once, in order or behind a gap",
        arguments: 0..<400)
    func steadyQueues(seed: Int) {
        var random = Dice(seed: UInt64(seed))
        var stage = ViewStage(ringMax: [3, 100][seed % 2])
        stage.isSteady = true
        for (index, job) in stage.jobs.enumerated() {
            stage.publish(job, to: [nil, "a", "b"][index % 3])
        }
        play(&stage, &random) { stage, random in
            stage.publish(stage.jobs[random.throwDie(stage.jobs.count)])
        }
        for job in stage.jobs {
            stage.rest()
            stage.publish(job)
        }
        stage.rest()
        for (id, client) in stage.clients {
            for job in stage.jobs where !client.own.contains(job) {
                let seat = client.seats[job]
                if seat?.isLetGo == true { continue }
                #expect((seat != nil) == stage.wants(id, job), "\(id) sees \(job)")
                if let seat {
                    #expect(seat.ledger.seqs.last == stage.last(job))
                    stage.close(seat, id, job)
                }
            }
        }
    }

    @Test(
        "a job that leaves a queue or an owner is seen no more by who views only that",
        arguments: 0..<400)
    func movingQueues(seed: Int) {
        var random = Dice(seed: UInt64(seed))
        var stage = ViewStage(ringMax: [3, 100][seed % 2], viewJobsMax: [2, 100][seed / 2 % 2])
        play(&stage, &random) { stage, random in
            let job = stage.jobs[random.throwDie(stage.jobs.count)]
            // It never comes back to where it was.
            let place = ["a", "b", "c"].firstIndex { $0 == stage.queue(of: job) }
            let next: String? =
                random.throwDie(8) == 0 ? ["a", "b", "c", nil][(place ?? -1) + 1] : nil
            let owners = ["x", "y", "z"]
            let owned = owners.firstIndex { $0 == stage.belonging(of: job).owner } ?? -1
            let owner = random.throwDie(8) == 0 ? owners.dropFirst(owned + 1).first : nil
            stage.publish(job, to: next, owner: owner)
        }
        for job in stage.jobs {
            stage.rest()
            stage.publish(job)
        }
        stage.rest()
        for (id, client) in stage.clients {
            for job in stage.jobs where stage.wants(id, job) || client.own.contains(job) {
                #expect(client.seats[job]?.ledger.seqs.last == stage.last(job), "\(id) sees \(job)")
            }
            for (job, seat) in client.seats where !seat.isLetGo {
                #expect(stage.wants(id, job) || seat.isOwn, "\(id) sees \(job)")
            }
        }
    }

    private func play(
        _ stage: inout ViewStage, _ random: inout Dice,
        publish: (inout ViewStage, inout Dice) -> Void
    ) {
        for _ in 0..<400 {
            let client = Int32(random.throwDie(4))
            let job = stage.jobs[random.throwDie(stage.jobs.count)]
            switch random.throwDie(20) {
            case 0...5: publish(&stage, &random)
            case 6...8: stage.feedReads()
            case 9...12: stage.hubReads()
            case 13, 14: stage.drain()
            case 15: stage.read(client, bytes: random.throwDie(200))
            case 16:
                let isHeld = random.throwDie(3) == 0
                stage.view(client, random.views(of: stage), isHeld: isHeld)
                if !isHeld { stage.letIn(client) }
            case 17: stage.letIn(client)
            case 18:
                if random.throwDie(2) == 0 { stage.follow(client, job) }
                stage.unfollow(Int32(random.throwDie(4)), job)
            default:
                stage.lose(job)
                stage.hub.sweep(share: 1)
                stage.settle()
            }
        }
        for index in 0..<4 as Range<Int32> { stage.letIn(index) }
    }
}

extension Dice {
    fileprivate mutating func views(of stage: ViewStage) -> [String: View] {
        var views: [String: View] = [:]
        for queue in ["a", "b"] where throwDie(3) == 0 { views[queue] = View { _, _ in true } }
        if throwDie(3) == 0 {
            let covered = Set(stage.jobs.filter { _ in throwDie(3) == 0 })
            let owner = ["x", "y", "z", "-"][throwDie(4)]
            views["*"] = View { job, belonging in
                covered.contains(job) || belonging.isOwned(by: owner)
            }
        }
        return views
    }
}
