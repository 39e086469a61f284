// Jobs that views follow and that say nothing: when they are let go, and when not.

import Hub
import Testing

@Suite("Quiet jobs in views")
struct QuietJobTests {
    private static let share = 300

    private func stage(jobs: Int) -> ViewStage {
        var stage = ViewStage(jobs: jobs, clients: 1, viewJobsMax: 10_000)
        stage.view(0, ["*": View { _, _ in true }])
        stage.rest()
        return stage
    }

    private func sweep(_ stage: inout ViewStage, _ count: Int) {
        for _ in 0..<count {
            stage.hub.sweep(share: Self.share)
            stage.settle()
        }
    }

    private func letGo(_ stage: ViewStage) -> Int {
        stage.clients.values.reduce(0) { $0 + $1.seats.values.count(where: \.isLetGo) }
    }

    @Test(
        "a job is let go when it was quiet for a whole round, however few there are, and not before",
        arguments: [1, 8, 299, 300, 301, 1_000])
    func round(jobs: Int) {
        var stage = stage(jobs: jobs)
        for job in stage.jobs { stage.publish(job) }
        stage.rest()
        sweep(&stage, Self.share)
        #expect(letGo(stage) == 0)
        for job in stage.jobs { stage.publish(job) }
        stage.rest()
        sweep(&stage, Self.share)
        #expect(letGo(stage) == 0)
        // The fewer are left, the more time each has.
        sweep(&stage, 10 * Self.share)
        #expect(letGo(stage) == jobs)
    }

    @Test("events that come all at once, in an answer of the feed, are no silence")
    func answers() {
        var stage = stage(jobs: 1)
        for _ in 0..<6 {
            for _ in 0..<100 { stage.publish(stage.jobs[0]) }
            stage.lose(stage.jobs[0])
            stage.rest()
            sweep(&stage, Self.share / 2)
            #expect(letGo(stage) == 0)
        }
    }

    @Test("what makes up for lost events is not taken for the whole, which a client waits for")
    func makesUp() {
        var stage = ViewStage(jobs: 1, clients: 2)
        let job = stage.jobs[0]
        for _ in 0..<200 { stage.publish(job) }
        stage.view(0, ["*": View { _, _ in true }])
        stage.rest()
        stage.publish(job)
        stage.rest()
        stage.follow(1, job)
        stage.publish(job)
        stage.makeUp(job)
        stage.hubReads()
        stage.rest()
        let seqs = stage.clients[FollowerID(index: 1)]?.seats[job]?.ledger.seqs
        #expect(seqs == Array(1...202))
    }
}
