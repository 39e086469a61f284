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
        let payload = probe.command[2]
        #expect(
            probe.command[0] == Array("PUBLISH".utf8)
                && probe.command[1] == Array(probe.channel.utf8))
        for other in [[], payload.dropLast(), payload + [0], Array("PROBE other".utf8)] as [[UInt8]]
        {
            let isOurs = probe.isOurs(other.span)
            #expect(!isOurs)
        }
        let alive = (0...Probe.missedMax).map { _ in probe.intervalPassed() }
        #expect(alive == Array(repeating: true, count: Probe.missedMax) + [false])
        let isOurs = probe.isOurs(payload.span)
        let isAlive = probe.intervalPassed()
        #expect(isOurs && isAlive && !probe.isDeaf)
        // After a standstill all that Redis has published is said at once.
        for _ in 0..<100 { probe.published() }
        let deaf = (0...Probe.missedMax).map { _ in
            _ = probe.intervalPassed()
            return probe.isDeaf
        }
        #expect(deaf == Array(repeating: false, count: Probe.missedMax) + [true])
        probe.begin()
        #expect(!probe.isDeaf)
    }
}
