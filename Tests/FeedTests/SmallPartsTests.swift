// Sets of loops, keys, and the probe.

import Jobs
import Testing

@testable import Feed

@Suite("Small parts of the feed")
struct SmallPartsTests {
    @Test("every place of a set of loops is one of its own", arguments: [0, 1, 31, 32, 62, 63])
    func loopSets(loop: Int) {
        var set = LoopSet()
        #expect(set.isEmpty)
        set.insert(loop)
        set.insert(loop)
        #expect((0..<LoopSet.loopsMax).filter(set.contains) == [loop])
        set.insert(7)
        set.remove(loop)
        #expect((0..<LoopSet.loopsMax).filter(set.contains) == [7])
        set.remove(7)
        #expect(set.isEmpty)
    }

    @Test("a job and a feed of one name have keys of their own")
    func stems() throws {
        let (job, feed) = (try JobID(checking: "a:1"), try JobID(checking: "a:1", kind: .feed))
        #expect(job != feed && job.stem == "job:a:1" && feed.stem == "feed:a:1")
        func read(_ stem: String) -> JobID? { JobID(stem: Array(stem.utf8).span) }
        #expect(read("job:a:1") == job && read("feed:a:1") == feed)
        for stem in ["", "job:", "jobs:1", "feed", "queue:a", "job:a b"] {
            #expect(read(stem) == nil)
        }
    }

    @Test("a probe counts as ours to the byte, and missed ones up to a limit")
    func probe() {
        var probe = Probe(prefix: "mine", database: 3, token: 0xFFFF_FFFF_FFFF_FFFF)
        #expect(probe.channel == "mine:control:3")
        let command = probe.next().command
        let payload = command[2]
        #expect(
            command[0] == Array("PUBLISH".utf8) && command[1] == Array(probe.channel.utf8))
        let later = Array(payload.dropLast()) + [UInt8(ascii: "2")]
        for other in [[], payload.dropLast(), payload + [0], later, Array("PROBE other 1".utf8)]
            as [[UInt8]]
        {
            let isOurs = probe.isOurs(other.span)
            #expect(!isOurs)
        }
        let alive = (0...Probe.missedMax).map { _ in probe.intervalPassed() }
        #expect(alive == Array(repeating: true, count: Probe.missedMax) + [false])
        #expect(!probe.isDeaf, "Redis has not said that it published")
        let isOurs = probe.isOurs(payload.span)
        let isAlive = probe.intervalPassed()
        #expect(isOurs && isAlive)
        // What comes back may come before Redis says that it published it.
        probe.published(1)
        func deaf() -> [Bool] {
            (0...Probe.missedMax).map { _ in
                _ = probe.intervalPassed()
                return probe.isDeaf
            }
        }
        #expect(!deaf().contains(true))
        // After a standstill all that it has published is said at once.
        for _ in 0..<100 { probe.published(probe.next().number) }
        #expect(deaf() == Array(repeating: false, count: Probe.missedMax) + [true])
        probe.begin()
        #expect(!probe.isDeaf)
    }
}
