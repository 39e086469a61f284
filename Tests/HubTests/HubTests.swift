// What a client of a job sees, told as it sees it.

import Hub
import Jobs
import Testing

@Suite("Hub")
struct HubTests {
    @Test("a late client gets the history, then live, then what comes")
    func lateClient() throws {
        var stage = Stage()
        stage.follow(1)
        for _ in 0..<3 { stage.publish() }
        stage.drain()
        stage.follow(2)
        #expect(try stage.welcome(2).seq == 3)
        #expect(
            try stage.welcome(2).replay == Replay(from: 1, to: 3, count: 3, isComplete: true))
        stage.read(2)
        #expect(try stage.ledger(2).seqs == [1, 2, 3])
        #expect(try stage.ledger(2).liveAt == [3])
        stage.publish()
        stage.drain()
        #expect(try stage.ledger(2).seqs == [1, 2, 3, 4])
    }

    @Test("what is heard between asking the feed and its answer comes once")
    func heardWhileOpening() throws {
        var stage = Stage()
        stage.follow(1, slowly: true)
        for _ in 0..<3 { stage.publish() }
        let opening = stage.history.opening
        for _ in 0..<2 { stage.publish() }
        _ = opening
        stage.open()
        stage.read(1)
        stage.drain()
        #expect(try stage.ledger(1).seqs == [1, 2, 3, 4, 5])
    }

    @Test("an update heard twice is delivered once")
    func double() throws {
        var stage = Stage()
        stage.follow(1)
        stage.read(1)
        let update = stage.history.publish()
        for _ in 0..<2 { stage.hear(update) }
        stage.drain()
        stage.hear(update)
        stage.drain()
        #expect(try stage.ledger(1).seqs == [1])
    }

    @Test("a hole makes the hub ask the feed, and nobody misses anything")
    func hole() throws {
        var stage = Stage()
        stage.follow(1)
        stage.read(1)
        stage.publish()
        stage.drain()
        _ = stage.history.publish()
        stage.publish()
        stage.read(1)
        stage.drain()
        #expect(try stage.ledger(1).seqs == [1, 2, 3])
    }

    @Test("an answer to a question asked twice brings what was missed between")
    func staleOpening() throws {
        var stage = Stage()
        stage.follow(1)
        stage.read(1)
        _ = stage.history.publish()
        stage.open()
        stage.read(1)
        #expect(try stage.ledger(1).seqs == [1])
    }

    @Test("before a job's first event its clients hear live with the new epoch")
    func firstEvent() throws {
        var stage = Stage()
        stage.follow(1)
        stage.read(1)
        #expect(try stage.welcome(1).epoch == nil)
        stage.publish()
        stage.drain()
        #expect(try stage.ledger(1).liveAt == [0, 0])
        #expect(try stage.ledger(1).epoch == stage.history.epoch)
    }

    @Test("a new epoch is told before its events, and the view starts over")
    func newEpoch() throws {
        var stage = Stage()
        stage.follow(1)
        stage.read(1)
        for _ in 0..<3 { stage.publish() }
        stage.drain()
        stage.history.renew()
        stage.publish()
        stage.read(1)
        stage.drain()
        let ledger = try stage.ledger(1)
        #expect(ledger.gaps.map(\.reason) == [.epochChanged])
        #expect(ledger.epoch == stage.history.epoch)
        #expect(ledger.seqs == [1, 2, 3, 1])
    }

    @Test("a cursor of an epoch that was forked continues behind the fork")
    func fork() throws {
        var stage = Stage()
        for _ in 0..<5 { _ = stage.history.publish() }
        let epoch = stage.history.epoch
        stage.history.renew(keepingFork: true)
        for (seq, first) in [(3, 4), (5, 6), (9, 6)] as [(UInt64, UInt64)] {
            stage.follow(1, Wish(after: Cursor(epoch: epoch, seq: seq)))
            let (items, _) = stage.hub.read(
                Stage.job, for: FollowerID(index: 1), bytes: .max, at: 0)
            #expect(items.firstSeq == first, "after \(seq)")
            stage.leave(1)
        }
    }

    @Test("a slow reader gets everything, in order, while events go on arriving")
    func slowReader() throws {
        var stage = Stage()
        stage.follow(1)
        for _ in 0..<50 { stage.publish() }
        stage.drain()
        stage.follow(2)
        while !stage.read(2, bytes: 100), stage.history.updates.count < 200 {
            stage.publish()
            stage.drain()
            stage.read(2, bytes: 100)
        }
        stage.drain()
        #expect(try stage.ledger(2).seqs == Array(1...UInt64(stage.history.updates.count)))
    }

    @Test("a reader that the ring has overtaken is told what it lost")
    func overtaken() throws {
        var stage = Stage(ringMax: 10)
        stage.follow(1)
        for _ in 0..<10 { stage.publish() }
        stage.drain()
        stage.follow(2)
        stage.read(2, bytes: 1)
        for _ in 0..<20 { stage.publish() }
        stage.drain()
        stage.read(2)
        // What it was promised is lost, and what it now has yet to see are log events only.
        let ledger = try stage.ledger(2)
        #expect(
            ledger.gaps == [gap(2, 20, .slowConsumer, stage), gap(21, 30, .slowConsumer, stage)])
        #expect(ledger.seqs == [1])
    }

    @Test("bounds of the replay are told", arguments: [0, 1, 9, 10])
    func replayLimit(limit: Int) throws {
        var stage = Stage(replayMax: limit)
        stage.follow(1)
        for _ in 0..<10 { stage.publish() }
        stage.drain()
        stage.follow(2)
        stage.read(2)
        let ledger = try stage.ledger(2)
        #expect(ledger.seqs == Array(UInt64(11 - limit)..<11))
        #expect(
            ledger.gaps == (limit < 10 ? [gap(1, UInt64(10 - limit), .replayLimit, stage)] : []))
    }

    @Test("what was trimmed is told", arguments: [nil, 0, 3, 4] as [UInt64?])
    func trimmed(after: UInt64?) throws {
        var stage = Stage(ringMax: 5)
        for _ in 0..<10 { _ = stage.history.publish() }
        stage.follow(1, Wish(after: after.map { Cursor(epoch: stage.history.epoch, seq: $0) }))
        stage.read(1)
        let ledger = try stage.ledger(1)
        let first = (after ?? 0) + 1
        #expect(ledger.gaps == (first < 6 ? [gap(first, 5, .trimmed, stage)] : []))
        #expect(ledger.seqs == Array(6...10))
    }

    @Test("a cursor with nothing behind it replays nothing")
    func upToDate() throws {
        var stage = Stage()
        for _ in 0..<3 { _ = stage.history.publish() }
        stage.follow(1, Wish(after: Cursor(epoch: stage.history.epoch, seq: 3)))
        stage.read(1)
        #expect(try stage.ledger(1).seqs.isEmpty)
        #expect(
            try stage.welcome(1).replay
                == Replay(from: nil, to: nil, count: 0, isComplete: true))
    }

    @Test(
        "a cursor of another epoch, or from the future, gets all that is kept",
        arguments: [("otherepoch", 2), ("epoch1001", 99), (nil, 99)] as [(String?, UInt64)])
    func strangeCursor(epoch: String?, seq: UInt64) throws {
        var stage = Stage()
        for _ in 0..<3 { _ = stage.history.publish() }
        stage.follow(1, Wish(after: Cursor(epoch: epoch.flatMap { Epoch(checking: $0) }, seq: seq)))
        stage.read(1)
        let ledger = try stage.ledger(1)
        #expect(ledger.gaps.map(\.reason) == [.epochChanged])
        #expect(ledger.seqs == [1, 2, 3])
    }

    @Test("history says how much of the past is wanted, counted after filtering")
    func past() throws {
        for (wish, expected) in [
            (Wish(past: .none), []),
            (Wish(past: .latest(0)), []),
            (Wish(past: .latest(2)), [5, 6]),
            (Wish(past: .latest(2), types: [EventType("log")]), [3, 5]),
            (Wish(past: .latest(1_000_000_000)), [1, 2, 3, 4, 5, 6]),
            (Wish(types: [EventType("status")]), [2, 4, 6]),
        ] as [(Wish, [UInt64])] {
            var stage = Stage()
            for _ in 0..<3 {
                _ = stage.history.publish("log")
                _ = stage.history.publish("status")
            }
            stage.follow(1, wish)
            let (items, _) = stage.hub.read(
                Stage.job, for: FollowerID(index: 1), bytes: .max, at: 0)
            #expect(items.seqs == expected, "\(wish)")
            #expect(try stage.welcome(1).replay.count == expected.count)
        }
    }

    @Test("a filtered client is told now and then where it stands")
    func filteredStands() throws {
        var stage = Stage()
        stage.follow(1, Wish(types: [EventType("status")]))
        stage.read(1)
        var told: [UInt64] = []
        for _ in 0..<200 {
            stage.publish("log")
            stage.hub.drain(at: 0) { delivery in
                told += delivery.filtered.compactMap(\.standsAt)
                return []
            } welcome: { _ in
            }
        }
        #expect(told == [64, 128, 192])
    }

    @Test("what a loop was too busy to be told comes when the feed was asked for it")
    func missed() throws {
        var stage = Stage()
        stage.follow(1)
        stage.read(1)
        stage.publish()
        for _ in 0..<3 { _ = stage.history.publish() }
        #expect(stage.hub.missed(Stage.job) == .askFeed)
        #expect(stage.hub.missed(Stage.job) == .nothing, "it was asked already")
        stage.drain()
        stage.open()
        stage.read(1)
        stage.drain()
        #expect(try stage.ledger(1).seqs == [1, 2, 3, 4])
    }

    @Test("who was read nothing, because the feed was asked again, is read on after its answer")
    func askedAgain() {
        var stage = Stage()
        let old = stage.history.publish()
        stage.follow(1, slowly: true)
        stage.hear(old)
        stage.history.renew()
        _ = stage.history.publish()
        let (welcomes, _, request) = stage.hub.open(
            stage.history.opening, afterAsks: stage.hub.asks)
        #expect(welcomes.count == 1 && request == .askFeed)
        let (items, _) = stage.hub.read(Stage.job, for: FollowerID(index: 1), bytes: .max, at: 0)
        #expect(items.isEmpty)
        let (_, resumed, _) = stage.hub.open(
            stage.history.opening, afterAsks: stage.hub.asks)
        #expect(resumed == [FollowerID(index: 1)])
    }

    @Test("a cursor from another bridge is not judged by an answer to a question asked before")
    func roaming() throws {
        var stage = Stage()
        stage.follow(1, slowly: true)
        _ = stage.history.publish()
        let (onItsWay, asks) = (stage.history.opening, stage.hub.asks)
        for _ in 0..<2 { _ = stage.history.publish() }
        let cursor = Cursor(epoch: stage.history.epoch, seq: 3)
        stage.follow(2, Wish(after: cursor), slowly: true)
        // Somebody asks for another job meanwhile: that says nothing of this one.
        _ = stage.hub.follow(try JobID(checking: "other"), by: FollowerID(index: 3), wish: Wish())
        let (welcomes, _, request) = stage.hub.open(onItsWay, afterAsks: asks + 1)
        #expect(welcomes.map(\.follower) == [FollowerID(index: 1)] && request == .askFeed)
        // An answer that nobody asked for is none to the question either.
        let (nobody, _, again) = stage.hub.open(onItsWay, afterAsks: asks + 1)
        #expect(nobody.isEmpty && again == .nothing)
        stage.open()
        stage.read(2)
        #expect(try stage.ledger(2).gaps.isEmpty && stage.ledger(2).seqs.isEmpty)
        #expect(try stage.welcome(2).seq == 3)
    }

    @Test("what is due is counted by live followers, until it was handed out")
    func due() {
        var stage = Stage()
        for index in 1...3 as ClosedRange<Int32> { stage.follow(index) }
        for index in 1...2 as ClosedRange<Int32> { stage.read(index) }
        #expect(stage.hub.deliveriesDue == 0)
        for _ in 0..<2 { stage.publish() }
        #expect(stage.hub.deliveriesDue == 2, "one each, however many events")
        stage.drain()
        #expect(stage.hub.deliveriesDue == 0)
    }

    @Test("a cursor that is really of the future is told so by the feed's own answer")
    func future() throws {
        var stage = Stage()
        stage.publish()
        stage.follow(1)
        stage.follow(2, Wish(after: Cursor(epoch: stage.history.epoch, seq: 9)))
        stage.read(2)
        #expect(try stage.ledger(2).gaps.map(\.reason) == [.epochChanged])
        #expect(try stage.ledger(2).seqs == [1])
    }

    @Test("an answer from before the job was followed anew is not taken for one")
    func staleAnswer() {
        var stage = Stage()
        stage.follow(1, slowly: true)
        let asks = stage.hub.asks
        stage.leave(1)
        stage.follow(1, slowly: true)
        let (welcomes, _, _) = stage.hub.open(stage.history.opening, afterAsks: asks)
        #expect(welcomes.isEmpty)
        stage.open()
        #expect(throws: Never.self) { try stage.welcome(1) }
    }

    @Test("who came before the first event hears its epoch first, though it comes as history")
    func epochFirst() throws {
        var stage = Stage()
        stage.follow(1)
        #expect(try stage.welcome(1).epoch == nil)
        _ = stage.history.publish()
        stage.open()
        stage.read(1)
        #expect(try stage.ledger(1).liveAt == [0])
        #expect(try stage.ledger(1).seqs == [1])
        #expect(try stage.ledger(1).epoch == stage.history.epoch)
    }

    @Test("who waits for the first event is told that Redis has lost this; others are not")
    func tornOff() throws {
        for hadEvents in [false, true] {
            var stage = Stage()
            stage.follow(1)
            stage.read(1)
            let waitedIn = Epoch(checking: "waiting1")
            if hadEvents { stage.publish() }
            stage.drain()
            if !hadEvents { stage.history.renew() }
            _ = stage.history.publish()
            stage.open(told: Cursor(epoch: waitedIn, seq: 0))
            stage.read(1)
            stage.drain()
            let ledger = try stage.ledger(1)
            #expect(ledger.gaps.map(\.reason) == (hadEvents ? [] : [.epochChanged]))
            #expect(ledger.epoch == stage.history.epoch)
            #expect(ledger.seqs == (hadEvents ? [1, 2] : [1]))
        }
    }

    @Test("the last to leave ends the job's place in the hub")
    func leaving() throws {
        var stage = Stage()
        for index in 1...3 as ClosedRange<Int32> { stage.follow(index) }
        stage.read(1)
        #expect(stage.hub.watchers(of: Stage.job) == 3)
        for index in 1...3 as ClosedRange<Int32> {
            let wasLast = stage.hub.unfollow(Stage.job, by: FollowerID(index: index))
            #expect(wasLast == (index == 3))
        }
        #expect(stage.hub.watchers(of: Stage.job) == 0)
        #expect(!stage.hub.unfollow(Stage.job, by: FollowerID(index: 1)))
    }

    private func gap(
        _ from: UInt64, _ to: UInt64, _ reason: GapReason, _ stage: Stage
    ) -> Gap {
        Gap(from: from, to: to, reason: reason, epoch: stage.history.epoch)
    }
}

extension [Item] {
    fileprivate var seqs: [UInt64] {
        compactMap { if case .entry(let entry) = $0 { entry.seq } else { nil } }
    }
    fileprivate var firstSeq: UInt64? { seqs.first }
}
