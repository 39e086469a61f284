// How events get their numbers, what is kept of them, and what is said where some went unheard.

import Bytes
import Jobs
import Support
import Testing
import Wire

@testable import Feed

@Suite("MemoryHistory")
struct MemoryHistoryTests {
    @Test("the events of a job are numbered without holes, each job by itself")
    func numbering() throws {
        var history = MemoryHistory()
        for seq in 1...5 as ClosedRange<UInt64> {
            for name in ["a", "b"] {
                let (gap, update, loops) = history.append(try job(name))
                #expect(gap == nil && update.seq == seq && loops.isEmpty)
                #expect(update.kind == .event && update.job.text == name)
            }
        }
        let (a, b) = (history.peek(try job("a")), history.peek(try job("b")))
        #expect(a.updates.map(\.seq) == [1, 2, 3, 4, 5] && a.seq == 5)
        #expect(a.epoch != b.epoch && a.epoch != nil)
        #expect(a.updates.allSatisfy { $0.epoch == a.epoch })
    }

    @Test("a job that nobody has heard of has no epoch, and looking at it leaves nothing behind")
    func unknown() throws {
        var history = MemoryHistory()
        #expect(history.peek(try job("a")).epoch == nil)
        #expect(history.jobCount == 0)
        let opening = history.follow(try job("a"), 1)
        #expect(opening.epoch == nil && opening.seq == 0 && opening.updates.isEmpty)
        history.unfollow(try job("a"), from: 1)
        #expect(history.jobCount == 0 && history.bytes == 0)
        history.unfollow(try job("never"), from: 1)
        let loops = history.append(try job("a")).loops
        #expect(loops.isEmpty, "who left before the first event is not told of it")
    }

    @Test("just the loops that follow a job are told of its events")
    func loops() throws {
        var history = MemoryHistory()
        _ = history.follow(try job("a"), 0)
        _ = history.follow(try job("a"), 63)
        _ = history.follow(try job("b"), 5)
        let loops = history.append(try job("a")).loops
        #expect((0..<64).filter(loops.contains) == [0, 63])
        history.unfollow(try job("a"), from: 0)
        let left = history.append(try job("a")).loops
        #expect((0..<64).filter(left.contains) == [63])
        history.unfollow(try job("a"), from: 63)
        let none = history.append(try job("a")).loops
        #expect(none.isEmpty)
        #expect(history.peek(try job("a")).seq == 3, "what nobody follows is recorded all the same")
    }

    @Test("a new era puts a gap first: for followed jobs at once, for others when next touched")
    func eras() throws {
        var history = MemoryHistory()
        let (followed, other, returned, silent) = (
            try job("followed"), try job("other"), try job("returned"), try job("silent")
        )
        for id in [followed, other, returned] { _ = history.append(id) }
        _ = history.follow(followed, 2)
        _ = history.follow(silent, 2)

        let missed = history.beginEra(heardAt: 9)
        guard case .update(let told, let loops) = missed.first, missed.count == 1 else {
            Issue.record("a job without events is told with its first, others when touched")
            return
        }
        #expect(told.job == followed && told.kind == .gap(.unrecorded) && told.seq == 2)
        #expect(loops.members == [2])
        #expect(history.append(followed).gap == nil)

        let (gap, update, _) = history.append(other)
        #expect(gap?.kind == .gap(.unrecorded) && gap?.seq == 2 && update.seq == 3)
        #expect(history.append(other).gap == nil)

        let opening = history.follow(returned, 1)
        #expect(opening.updates.map(\.kind) == [.event, .gap(.unrecorded)] && opening.seq == 2)
        #expect(history.append(returned).gap == nil)

        #expect(history.append(silent).gap?.seq == 1, "its first events may have gone unheard")
        #expect(history.append(silent).update.seq == 3)
        #expect(history.append(try job("new")).gap == nil)
    }

    @Test("eras that nothing happened in between are one gap")
    func severalEras() throws {
        var history = MemoryHistory()
        _ = history.append(try job("a"))
        for _ in 0..<5 { #expect(history.beginEra(heardAt: 0).isEmpty) }
        #expect(history.append(try job("a")).gap?.seq == 2)
        #expect(history.peek(try job("a")).seq == 3)
    }

    @Test("clients that are there hear of each era at once, and the history keeps one gap of them")
    func gapsInARow() throws {
        var history = MemoryHistory()
        for _ in 1...3 { _ = history.append(try job("a")) }
        var told = [history.follow(try job("a"), 0).epoch]
        for turn in 0..<20 {
            switch history.beginEra(heardAt: 0).first {
            case .update(let gap, _) where turn == 0:
                #expect(gap.seq == 4)
                told.append(gap.epoch)
                told.removeFirst()
            case .opening(let opening, let loops) where turn > 0:
                #expect(opening.updates.map(\.seq) == [4] && opening.behind == 3)
                #expect(loops.members == [0])
                told.append(opening.epoch)
            default: Issue.record("the first is an update, each further one takes its place")
            }
        }
        #expect(Set(told).count == 20, "each under a name of its own, or it would be passed over")
        let opening = history.peek(try job("a"))
        #expect(opening.updates.map(\.kind) == [.event, .event, .event, .gap(.unrecorded)])
        #expect(opening.epoch == told.last && opening.seq == 4)
        #expect(opening.forks.map(\.epoch) == told.dropLast().suffix(8).compactMap(\.self))
        #expect(opening.forks.allSatisfy { $0.seq == 3 })
        #expect(history.append(try job("a")).update.seq == 5)
    }

    @Test("a gap that is told once more weighs once")
    func gapsWeighOnce() throws {
        var history = MemoryHistory()
        _ = history.append(try job("a"))
        _ = history.follow(try job("a"), 0)
        _ = history.beginEra(heardAt: 0)
        let bytes = history.bytes
        for _ in 0..<5 { _ = history.beginEra(heardAt: 0) }
        #expect(history.bytes == bytes)
    }

    @Test("a gap is a frame that clients understand")
    func gapFrame() throws {
        var history = MemoryHistory()
        _ = history.append(try job("a"))
        _ = history.beginEra(heardAt: 0)
        let gap = try #require(history.append(try job("a")).gap)
        let frame = gap.frame
        let bytes = (0..<frame.count).map { frame.span[$0] }
        let text = String(decoding: bytes.drop { $0 != UInt8(ascii: "{") }, as: UTF8.self)
        let data = #""data":{"from":2,"to":2,"reason":"unrecorded","epoch":"\#(gap.epoch)"}"#
        #expect(text == #"{"type":"gap","job_id":"a",\#(data)}"#)
    }

    @Test(
        "a job keeps its latest events, so many and so many bytes", arguments: [0, 1, 2, 9, 10, 11])
    func ringLimits(limit: Int) throws {
        var byCount = MemoryHistory(perJob: RingLimits(eventsMax: limit))
        var one = MemoryHistory()
        let weight = one.append(try job("a"), size: 200).update.byteCount
        var byBytes = MemoryHistory(
            perJob: RingLimits(eventsMax: 1_000, bytesMax: weight * limit + weight - 1))
        for _ in 0..<9 {
            _ = byCount.append(try job("a"), size: 200)
            _ = byBytes.append(try job("a"), size: 200)
        }
        for opening in [byCount.peek(try job("a")), byBytes.peek(try job("a"))] {
            #expect(opening.updates.map(\.seq) == Array((9 - UInt64(min(limit, 9)) + 1)..<10))
            #expect(opening.seq == 9, "numbers go on, whatever is kept")
        }
    }

    @Test("with history off events are numbered and nothing is kept but the state")
    func off() throws {
        var history = MemoryHistory(perJob: RingLimits(eventsMax: 0, bytesMax: 0))
        for _ in 0..<3 { _ = history.append(try job("a")) }
        let before = history.bytes
        for _ in 0..<100 { _ = history.append(try job("a")) }
        #expect(history.bytes == before)
        let opening = history.peek(try job("a"))
        #expect(opening.seq == 103 && opening.updates.isEmpty && opening.snapshot.logLines == 103)
    }

    @Test("the job that was not used for the longest time is forgotten, and gets a new epoch")
    func forgetting() throws {
        var history = MemoryHistory(jobsMax: 10)
        for index in 0..<10 { _ = history.append(try job("\(index)")) }
        let epochs = try (0..<10).map { history.peek(try job("\($0)")).epoch }
        _ = history.append(try job("new"))
        #expect(history.jobCount == 10)
        _ = history.append(try job("1"))  // second chance: used since
        _ = history.append(try job("newer"))
        #expect(history.jobCount == 10)
        let forgotten = try (0..<10).filter { history.peek(try job("\($0)")).epoch == nil }
        #expect(forgotten.count == 2 && !forgotten.contains(1))
        for index in forgotten {
            let update = history.append(try job("\(index)")).update
            #expect(update.seq == 1 && !epochs.contains(update.epoch))
        }
    }

    @Test("a job that a loop follows is never forgotten, however many others come")
    func followedStays() throws {
        var history = MemoryHistory(jobsMax: 5, bytesMax: 20_000)
        let epoch = history.append(try job("mine")).update.epoch
        _ = history.follow(try job("mine"), 3)
        for index in 0..<1_000 { _ = history.append(try job("\(index)"), size: index % 400) }
        #expect(history.peek(try job("mine")).epoch == epoch)
        #expect(history.jobCount <= 5)
        #expect(history.bytes <= 20_000)
        history.unfollow(try job("mine"), from: 3)
        for index in 0..<20 { _ = history.append(try job("\(index)")) }
        #expect(history.peek(try job("mine")).epoch == nil)
    }

    @Test("where all are followed, limits wait until somebody leaves")
    func allFollowed() throws {
        var history = MemoryHistory(jobsMax: 5)
        for index in 0..<50 {
            _ = history.append(try job("\(index)"))
            _ = history.follow(try job("\(index)"), 0)
        }
        #expect(history.jobCount == 50)
        for index in 0..<50 { history.unfollow(try job("\(index)"), from: 0) }
        _ = history.append(try job("last"))
        #expect(history.jobCount == 5)
    }

    @Test("a large result weighs as long as the job's state keeps it", arguments: [0, 1_000])
    func resultsWeigh(eventsMax: Int) throws {
        var history = MemoryHistory(
            perJob: RingLimits(eventsMax: eventsMax), jobsMax: 1_000, bytesMax: 1 << 20)
        let result = String(repeating: "x", count: 100_000)
        for index in 0..<50 {
            _ = history.append(
                try job("\(index)"),
                json: #"{"type":"complete","data":{"status":"completed","result":"\#(result)"}}"#)
            #expect(history.bytes <= 1 << 20)
        }
        #expect((3...10).contains(history.jobCount))
        #expect(history.bytes > history.jobCount * 100_000)
    }

    @Test("what was forgotten weighs nothing any more, to the byte", arguments: 0..<20)
    func bytesReturn(seed: Int) throws {
        var random = Dice(seed: UInt64(seed))
        let perJob = RingLimits(eventsMax: random.throwDie(20), bytesMax: 2_000)
        var history = MemoryHistory(perJob: perJob, jobsMax: 1)
        for _ in 0..<2_000 {
            let id = try job("\(random.throwDie(30))")
            switch random.throwDie(6) {
            case 0: _ = history.follow(id, random.throwDie(3))
            case 1: history.unfollow(id, from: random.throwDie(3))
            case 2: _ = history.beginEra(heardAt: 0)
            default: _ = history.append(id, size: random.throwDie(300))
            }
        }
        for index in 0..<30 {
            for loop in 0..<3 { history.unfollow(try job("\(index)"), from: loop) }
        }
        var fresh = MemoryHistory(perJob: perJob)
        _ = history.append(try job("last"))
        _ = fresh.append(try job("last"))
        #expect(history.jobCount == 1)
        #expect(history.bytes == fresh.bytes)
    }

    @Test("an epoch never comes back, so a cursor never names two events")
    func epochsAreNew() throws {
        var history = MemoryHistory(jobsMax: 1)
        var epochs: Set<Epoch> = []
        for _ in 0..<500 {
            for name in ["a", "b"] {
                let update = history.append(try job(name)).update
                #expect(update.seq == 1 && epochs.insert(update.epoch).inserted)
            }
        }
    }
}

func job(_ name: String) throws -> JobID { try JobID(checking: name) }

extension MemoryHistory {
    init(
        perJob: RingLimits = RingLimits(), jobsMax: Int = 1_000, bytesMax: Int = 1 << 30,
        seed: UInt64 = 1
    ) {
        self.init(
            limits: MemoryLimits(perJob: perJob, jobsMax: jobsMax, bytesMax: bytesMax),
            random: Dice(seed: seed))
    }

    mutating func append(
        _ job: JobID, size: Int = 10
    ) -> (gap: Update?, update: Update, loops: LoopSet) {
        let line = String(repeating: "x", count: size)
        return append(job, json: #"{"type":"log","data":{"log_line":"\#(line)"}}"#)
    }

    mutating func append(
        _ job: JobID, json: String
    ) -> (gap: Update?, update: Update, loops: LoopSet) {
        var reader = EventReader()
        let event = reader.read(Array(json.utf8).span, heardAt: WallTime(milliseconds: 0))
        return append(event, to: job, heardAt: 0)
    }

    mutating func follow(_ job: JobID, _ loop: Int) -> Opening {
        follow(job, from: loop, heardAt: 0)
    }
}
