// Clients that asked for so many progress events a second.

import Hub
import Jobs
import Testing

@Suite("Progress at a pace")
struct PaceTests {
    @Test(
        "at most so many a second, always the latest, the last one too, and no gap",
        arguments: [1, 50, 200, 990, 1_700] as [Int64])
    func pace(milliseconds: Int64) throws {
        var stage = Self.stage(milliseconds)
        var seen: [(at: Int64, seq: UInt64)] = []
        func note() throws {
            let seqs = try stage.ledger(1).seqs
            if let last = seqs.last, seqs.count > seen.count { seen.append((stage.now, last)) }
            #expect(seqs.count == seen.count, "no two at a time")
        }
        for published in 1...300 as ClosedRange<UInt64> {
            stage.publish("progress")
            stage.drain()
            try note()
            if seen.last?.at == stage.now { #expect(seen.last?.seq == published) }
            stage.pass(milliseconds: 10)
        }
        while let due = stage.hub.nextRelease {
            stage.pass(milliseconds: max(1, (due - stage.now) / 1_000_000))
            stage.drain()
            try note()
        }
        for (one, next) in zip(seen, seen.dropFirst()) {
            #expect(next.at - one.at >= milliseconds * 1_000_000)
            #expect(next.at - one.at <= (milliseconds + 10) * 1_000_000, "and no less than that")
        }
        #expect(seen.last?.seq == 300)
        #expect(try stage.ledger(1).gaps.isEmpty)
    }

    @Test("log events keep their place behind progress, and wait no longer than a second")
    func logs() throws {
        var stage = Self.stage(60_000)
        for type in ["progress", "progress", "log", "progress", "log", "log"] {
            stage.publish(type)
            stage.drain()
        }
        // The third is behind progress that a later one has overtaken.
        #expect(try stage.ledger(1).seqs == [1, 3])
        stage.pass(milliseconds: 999)
        stage.drain()
        #expect(try stage.ledger(1).seqs == [1, 3])
        stage.pass(milliseconds: 1)
        stage.drain()
        #expect(try stage.ledger(1).seqs == [1, 3, 4, 5, 6])
        #expect(stage.hub.nextRelease == nil)
    }

    @Test("whatever matters takes the progress before it along, at once", arguments: ["step", "x"])
    func matters(type: String) throws {
        var stage = Self.stage(1_000)
        for each in ["progress", "progress", "log", "progress", type] { stage.publish(each) }
        stage.drain()
        #expect(try stage.ledger(1).seqs == [3, 4, 5])
    }

    @Test("not much is held back, however long the pace")
    func limit() throws {
        var stage = Self.stage(60_000)
        stage.publish("progress")
        stage.drain()
        stage.publish("progress")
        for _ in 0..<3_000 { stage.publish("log") }
        stage.drain()
        let count = try stage.ledger(1).seqs.count
        #expect(count == 3_002)
    }

    @Test("of the past the latest progress is replayed, and counted so")
    func replay() throws {
        var stage = Stage()
        for type in ["progress", "log", "progress", "progress", "log"] {
            _ = stage.history.publish(type)
        }
        for (wish, seqs) in [
            (Wish(progressInterval: 1), [2, 4, 5]),
            (Wish(past: .latest(2), progressInterval: 1), [4, 5]),
            (Wish(types: [EventType("progress")], progressInterval: 1), [4]),
        ] as [(Wish, [UInt64])] {
            stage.follow(1, wish)
            #expect(try stage.welcome(1).replay.count == seqs.count)
            let (items, _) = stage.hub.read(
                Stage.job, for: FollowerID(index: 1), bytes: .max, at: stage.now)
            let read = items.compactMap {
                if case .entry(let entry) = $0 { entry.seq } else { nil }
            }
            #expect(read == seqs)
            stage.leave(1)
        }
    }

    @Test("who leaves, or must be read anew, leaves nothing behind that is due")
    func leaving() throws {
        for leaves in [true, false] {
            var stage = Self.stage(1_000)
            for _ in 0..<2 {
                stage.publish("progress")
                stage.drain()
            }
            #expect(stage.hub.nextRelease != nil)
            if leaves { stage.leave(1) } else { stage.open() }
            stage.pass(milliseconds: 5_000)
            stage.drain()
            #expect(stage.hub.nextRelease == nil)
        }
    }

    @Test("what was held when the feed had to be asked is not lost")
    func heldOverAnOpening() throws {
        var stage = Self.stage(1_000)
        for _ in 0..<3 {
            stage.publish("progress")
            stage.drain()
        }
        _ = stage.history.publish("log")
        stage.publish("log")
        stage.read(1)
        stage.pass(milliseconds: 1_000)
        stage.drain()
        #expect(try stage.ledger(1).seqs == [1, 3, 4, 5])
    }

    @Test("a client at a pace that is told where it stands is not told so before what is held")
    func standing() throws {
        var stage = Self.stage(10_000, types: ["progress"])
        for type in ["progress", "progress"] + Array(repeating: "log", count: 200) {
            stage.publish(type)
            stage.drain()
        }
        #expect(try stage.ledger(1).liveAt == [0, 0])
        stage.pass(milliseconds: 10_000)
        stage.publish("log")
        stage.drain()
        #expect(try stage.ledger(1).seqs == [1, 2])
        #expect(try stage.ledger(1).liveAt == [0, 0, 203])
    }

    private static func stage(_ milliseconds: Int64, types: [String]? = nil) -> Stage {
        var stage = Stage()
        stage.pass(milliseconds: 5_000)
        stage.follow(
            1,
            Wish(
                types: types.map { Set($0.map { EventType($0) }) },
                progressInterval: milliseconds * 1_000_000))
        stage.read(1)
        return stage
    }
}
