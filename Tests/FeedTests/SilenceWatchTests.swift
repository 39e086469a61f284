// Who has been silent for too long, at random times, compared with a plain list.

import Jobs
import Support
import Testing

@testable import Feed

@Suite("Silent jobs")
struct SilenceWatchTests {
    @Test(
        "each silent job is found once, never early and an eighth late at most", arguments: 0..<50)
    func found(seed: Int) throws {
        var dice = Dice(seed: UInt64(seed))
        let silentMax: Int64 = [1, 7, 16, 1_000][seed % 4]
        var watch = SilenceWatch(silentMax: silentMax)
        var heard: [JobID: (seq: UInt64, at: Int64)] = [:]
        var now: Int64 = 0
        for step in 0..<2_000 as Range<UInt64> {
            now += Int64(dice.throwDie(3))
            let job = try JobID(checking: "job\(dice.throwDie(20))")
            if dice.throwDie(3) > 0 {
                watch.heard(job, seq: step, at: now)
                heard[job] = (step, now)
            }
            for found in watch.silent(at: now, atMost: .max) {
                let removed = heard.removeValue(forKey: found.job)
                let known = try #require(removed, "found once")
                #expect(known.seq == found.seq)
                #expect(now - known.at >= silentMax, "never early")
            }
            for (job, known) in heard {
                #expect(now - known.at <= silentMax + max(silentMax / 8, 2), "\(job)")
            }
        }
        #expect(watch.count == heard.count)
    }

    @Test("no more are found at a time than asked for, and the others later")
    func some() throws {
        var watch = SilenceWatch(silentMax: 100)
        for index in 0..<10 {
            watch.heard(try JobID(checking: "job\(index)"), seq: 1, at: 0)
        }
        var counts: [Int] = []
        for _ in 0..<4 { counts.append(watch.silent(at: 1_000, atMost: 4).count) }
        #expect(counts == [4, 4, 2, 0])
    }

    @Test("what the list says does not undo what was heard")
    func listed() throws {
        let job = try JobID(checking: "1")
        var watch = SilenceWatch(silentMax: 100)
        watch.heard(job, seq: 7, at: 0)
        watch.heard(listed: Cursored(job: job, seq: 5), at: 50)
        #expect(watch.silent(at: 120, atMost: 1) == [Cursored(job: job, seq: 7)])
    }
}
