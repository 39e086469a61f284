// A client that does not take what comes: what it is spared, what it is never spared, how it catches up.

import Hub
import Jobs
import Testing

@Suite("Clients that fall behind")
struct BehindTests {
    @Test("progress that newer progress has overtaken is passed over, behind exact gaps")
    func conflated() throws {
        var stage = try Self.stage()
        for type in ["progress", "progress", "log", "progress", "status", "progress", "log"] {
            stage.publish(type)
            stage.drain()
        }
        stage.read(1)
        let ledger = try stage.ledger(1)
        #expect(ledger.gaps == [gap(1, 2, stage), gap(4, 4, stage)])
        #expect(ledger.seqs == [3, 5, 6, 7])
    }

    @Test("who has caught up is live again, and gets everything")
    func recovers() throws {
        var stage = try Self.stage()
        for _ in 0..<3 {
            stage.publish("progress")
            stage.drain()
        }
        stage.unblock(1)
        stage.read(1)
        for _ in 0..<3 { stage.publish("progress") }
        stage.drain()
        #expect(try stage.ledger(1).seqs == [3, 4, 5, 6])
    }

    @Test("a queue that is full loses its log events, and nothing else")
    func full() throws {
        var stage = try Self.stage(queueBytesMax: 500)
        let types = ["log", "step", "log", "log", "status", "progress", "log", "error", "complete"]
        for _ in 0..<10 {
            for type in types { stage.publish(type) }
            stage.drain()
        }
        stage.read(1)
        // 90 events of about 50 bytes.
        let kept = stage.history.updates.filter { !$0.type.isLog && !$0.type.isProgress }
        let lastProgress = stage.history.updates.last { $0.type.isProgress }
        let ledger = try stage.ledger(1)
        #expect(ledger.seqs == (kept + [try #require(lastProgress)]).map(\.seq).sorted())
        #expect(Set(ledger.gaps.map(\.reason)) == [.slowConsumer])
        // What comes from now on is a new queue.
        stage.unblock(1)
        stage.publish("log")
        stage.drain()
        #expect(try stage.ledger(1).seqs.last == 91)
    }

    @Test(
        "what the ring lets go meanwhile is kept where it matters",
        arguments: [0, 1, 5, 1_000])
    func beyondTheRing(ringMax: Int) throws {
        var stage = try Self.stage(ringMax: ringMax, queueBytesMax: 20_000)
        var matters: [UInt64] = []
        for round in 0..<20 as Range<UInt64> {
            for type in ["log", "log", "progress", "status", "log"] { stage.publish(type) }
            matters.append(round * 5 + 4)
            stage.drain()
        }
        stage.publish("complete")
        for _ in 0..<50 { stage.publish("log") }
        stage.drain()
        while !stage.read(1, bytes: 100) {}
        let ledger = try stage.ledger(1)
        for seq in matters + [98, 101] { #expect(ledger.seqs.contains(seq)) }
    }

    @Test("what is kept for the slow has a limit, and the newest of it stays")
    func keepsakesHaveALimit() throws {
        var stage = try Self.stage(ringMax: 1, queueBytesMax: 500)
        for _ in 0..<1_000 {
            stage.publish("step")
            stage.drain()
        }
        let (items, _) = stage.hub.read(Stage.job, for: FollowerID(index: 1), bytes: .max, at: 0)
        var seqs: [UInt64] = []
        var gaps: [Gap] = []
        for item in items {
            switch item {
            case .entry(let entry): seqs.append(entry.seq)
            case .gap(let gap): gaps.append(gap)
            case .live: break
            }
        }
        #expect(3...12 ~= seqs.count)
        #expect(seqs == Array(1_001 - UInt64(seqs.count)...1_000))
        #expect(gaps.map(\.from) == [1] && gaps.map(\.to) == [1_000 - UInt64(seqs.count)])
    }

    @Test("a replay is whole, however slowly it is read, as long as it is kept")
    func replayIsWhole() throws {
        var stage = Stage(queueBytesMax: 100)
        stage.follow(1)
        for _ in 0..<50 {
            stage.publish("progress")
            stage.publish("log")
        }
        stage.drain()
        stage.follow(2)
        while !stage.read(2, bytes: 60), stage.history.updates.count < 140 {
            stage.publish("progress")
            stage.drain()
        }
        stage.read(2)
        let ledger = try stage.ledger(2)
        #expect(ledger.seqs.starts(with: 1...100))
        #expect(ledger.seqs.last == stage.history.updates.last?.seq)
        #expect(ledger.gaps.allSatisfy { $0.reason == .conflated && $0.from ?? 0 > 100 })
        #expect(!ledger.gaps.isEmpty)
    }

    @Test("who falls behind with a job's first event hears of its epoch before anything else")
    func fallsWithTheEpoch() throws {
        for ringMax in [0, 2, 100] {
            var stage = Stage(ringMax: ringMax)
            stage.follow(1)
            stage.read(1)
            stage.block(1)
            for type in ["log", "log", "status"] { stage.publish(type) }
            stage.drain()
            let (items, _) = stage.hub.read(
                Stage.job, for: FollowerID(index: 1), bytes: .max, at: 0)
            guard case .live(let epoch, 0) = items.first else {
                Issue.record("\(items)")
                continue
            }
            #expect(epoch == stage.history.epoch)
        }
    }

    @Test("a client of some types is spared likewise, without gaps for what it never wanted")
    func filtered() throws {
        var stage = try Self.stage(Wish(types: [EventType("progress"), EventType("status")]))
        for type in ["progress", "log", "progress", "status", "log", "progress"] {
            stage.publish(type)
            stage.drain()
        }
        let (items, hasCaughtUp) = stage.hub.read(
            Stage.job, for: FollowerID(index: 1), bytes: .max, at: 0)
        let words = items.map { item in
            switch item {
            case .entry(let entry): "\(entry.seq)"
            case .gap(let gap): "\(gap.from ?? 0)-\(gap.to ?? 0) \(gap.reason.rawValue)"
            case .live: "live"
            }
        }
        #expect(words == ["live", "1-3 conflated", "4", "6"])
        #expect(hasCaughtUp)
    }

    /// One client that is live, and takes nothing from now on.
    private static func stage(
        _ wish: Wish = Wish(), ringMax: Int = 1_000, queueBytesMax: Int = 524_288
    ) throws -> Stage {
        var stage = Stage(ringMax: ringMax, queueBytesMax: queueBytesMax)
        stage.follow(1, wish)
        stage.read(1)
        stage.block(1)
        return stage
    }

    private func gap(_ from: UInt64, _ to: UInt64, _ stage: Stage) -> Gap {
        Gap(from: from, to: to, reason: .conflated, epoch: stage.history.epoch)
    }
}
