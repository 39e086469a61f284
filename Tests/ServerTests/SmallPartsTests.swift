// Pure parts of the server: counting connections and messages, paths, and the trail of a slow client.

import Bytes
import Jobs
import Loop
import Testing

@testable import Server

@Suite("Small parts of the server")
struct SmallPartsTests {
    @Test("so many are admitted in all and per address, and refused ones do not add up")
    func admission() {
        let address = { (text: String) in PeerAddress(parsing: text) }
        let (a, b, c) = (address("10.0.0.1"), address("10.0.0.2"), address("10.0.0.3"))
        let admission = Admission(Admission.Limits(connectionsMax: 3, perAddressMax: 2))
        for address in [a, a, b] { #expect(admission.admit(address) == .admitted) }
        for _ in 0..<Admission.refusedMax { #expect(admission.admit(c) == .tooMany) }
        #expect(admission.admit(c) == .noRoomToRefuse)
        admission.leave(.noRoomToRefuse)
        #expect(admission.counts.total == 3 + Admission.refusedMax)
        admission.leave(.admitted)
        #expect(admission.admit(b) == .admitted)
        for _ in 0..<3 { admission.leave(.admitted) }
        for _ in 0..<Admission.refusedMax { admission.leave(.tooMany) }
        #expect(admission.counts.total == 0 && admission.counts.refused == 0)
        let fresh = Admission(Admission.Limits(connectionsMax: 10, perAddressMax: 1))
        #expect(fresh.admit(a) == .admitted)
        #expect(fresh.admit(a) == .tooManyFromAddress)
        #expect(fresh.admit(b) == .admitted)
    }

    @Test("an allowance is a burst and then so many a second")
    func allowance() {
        let start = Instant.now()
        var allowance = Allowance(at: start)
        func take(_ milliseconds: Int) -> Bool {
            allowance.take(perSecond: 10, burst: 3, at: start + .milliseconds(milliseconds))
        }
        #expect([take(0), take(0), take(0), take(0)] == [true, true, true, false])
        #expect([take(99), take(101), take(101)] == [false, true, false])
        #expect(
            [take(60_000), take(60_000), take(60_000), take(60_000)] == [true, true, true, false])
    }

    @Test("a path means one thing, and segments are not decoded before they are told apart")
    func routes() {
        let table: [(path: String, route: Route)] = [
            ("/api/v1/ws", .socket), ("/api/v1/ws/", .unknown),
            ("/api/v1/ws/jobs/a/updates", .jobSocket("a")),
            ("/api/v1/ws/jobs/a%2Fb/updates", .jobSocket("a%2Fb")),
            ("/api/v1/ws/jobs//updates", .jobSocket("")), ("/api/v1/ws/jobs/a/b/updates", .unknown),
            ("/api/v1/ws/jobs/a", .unknown), ("/api/v1/ws/queues/q", .queueSocket("q")),
            ("/api/v1/ws/feeds/f", .feedSocket("f")), ("/api/v1/ws/feeds", .unknown),
            ("/api/v1/ws/feeds/f/updates", .unknown), ("/api/v1/feeds/f/events", .feedEvents("f")),
            ("/api/v1/feeds/f", .unknown), ("/api/v1/feeds", .unknown),
            ("/api/v1/jobs/a", .job("a")),
            ("/api/v1/jobs", .jobs), ("/api/v1/jobs/a/events", .jobEvents("a")),
            ("/api/v1/jobs/a%2Fb/log", .jobLog("a%2Fb")), ("/api/v1/jobs/a/logs", .unknown),
            ("/api/v1/jobs/a/events/", .unknown), ("/api/v1/jobs/", .job("")),
            ("/api/v2/ws", .unknown),
            ("/healthz", .health), ("/health", .health), ("/healthz/", .unknown),
            ("/readyz", .readiness),
            ("/metrics", .metrics), ("/metrics/x", .unknown), ("//", .unknown), ("/..", .unknown),
        ]
        for row in table { #expect(Route(path: row.path) == row.route, "\(row.path)") }
        if case .asset = Route(path: "/") {} else { Issue.record("/ is the page") }
    }

    @Test("the trail knows the last event that goes out, wherever the rest is dropped")
    func trail() throws {
        var trail = Trail()
        let updates = try (1...4).map { try update(seq: $0) }
        #expect(trail.cursor(owed: 0, kept: 0) == nil)
        for update in updates {
            trail.sent(100)
            trail.mark(update, owed: 0)
        }
        for (owed, kept, seq) in [
            (0, 0, 4), (400, 0, nil), (400, 99, nil), (400, 100, 1), (350, 50, 1), (350, 0, nil),
            (250, 50, 2), (1, 0, 3), (100, 0, 3), (100, 100, 4),
        ] as [(Int, Int, UInt64?)] {
            #expect(trail.cursor(owed: owed, kept: kept)?.seq == seq, "\(owed) \(kept)")
        }
        trail.forget()
        trail.sent(100)
        #expect(trail.cursor(owed: 100, kept: 0)?.seq == 4)
        #expect(trail.cursor(owed: 0, kept: 0)?.epoch?.text == "epoch1001")
    }

    @Test("a loop that can't keep up is posted so much and no more, and told what it missed")
    func courier() throws {
        let backlogs = (0..<3).map { _ in Backlog() }
        let weight = try update(seq: 1).byteCount
        var posted: [[String]] = [[], [], []]
        var courier = Courier(backlogs, backlogBytesMax: 4 * weight) { mail, loop in
            switch mail {
            case .updates(let updates, _): posted[loop] += updates.map { "\($0.0.job)\($0.0.seq)" }
            case .missed(let jobs): posted[loop] += jobs.map { "missed \($0)" }
            default: posted[loop].append("?")
            }
        }
        func carry(_ seqs: ClosedRange<Int>, of job: String = "j") throws -> Int {
            for seq in seqs {
                courier.carry(try update(seq: seq, of: job), nil, to: 1)
                if job == "j" { courier.carry(try update(seq: seq, of: job), nil, to: 2) }
            }
            return courier.flush()
        }
        #expect(try carry(1...3) == 0)
        backlogs[2].shrink(by: 3 * weight)
        #expect(try carry(4...5) == 2, "two more would be five")
        backlogs[2].shrink(by: 2 * weight)
        #expect(try carry(6...6) == 0, "let go before it was counted")
        #expect(try carry(1...1, of: "k") == 0, "another job has not missed anything")
        #expect(courier.flush() == 0)
        backlogs[1].shrink(by: 2 * weight)
        #expect(try carry(7...7) == 0)
        #expect(posted[0] == [])
        #expect(posted[1] == ["j1", "j2", "j3", "k1", "missed j"])
        #expect(try carry(8...8) == 0)
        #expect(posted[1].last == "j8")
        #expect(posted[2] == (1...8).map { "j\($0)" })
        // One that is larger than the bound goes out when nothing else is owed.
        let huge = (0..<9).map { $0 + 9 }
        for backlog in backlogs { backlog.shrink(by: backlog.bytes) }
        #expect(try carry(huge[0]...huge[8]) == 0)
    }

    @Test(
        "a client that is always a little behind leaves no endless trail", arguments: [0, 5, 1_000])
    func endlessTrail(owedEvents: Int) throws {
        var trail = Trail()
        for seq in 1...20_000 {
            trail.sent(100)
            trail.mark(try update(seq: seq), owed: min(seq, owedEvents) * 100)
            #expect(trail.count <= max(Trail.marksKept, 2 * owedEvents + 2))
        }
        let seq = trail.cursor(owed: owedEvents * 100, kept: 0)?.seq
        #expect(seq == UInt64(20_000 - owedEvents))
    }

    @Test(
        "a token's end is told a minute ahead, or when a third of its time is left; once",
        arguments: [(3_600, 60), (180, 60), (60, 20), (3, 1), (0, 0), (-5, 0)])
    func expiring(left: Int64, ahead: Int64) {
        var notice = ExpiringNotice(left: .seconds(left))
        #expect(notice.wait(left: .seconds(left)) == .seconds(left - ahead))
        #expect(notice.wait(left: .seconds(ahead)) == .zero)
        notice.told()
        #expect(notice.wait(left: .zero) == nil)
        #expect(ExpiringNotice(left: nil).wait(left: nil) == nil)
    }

    private func update(seq: Int, of job: String = "j") throws -> Update {
        Update(
            job: try JobID(checking: job), epoch: try #require(Epoch(checking: "epoch1001")),
            seq: UInt64(seq), type: EventType("log"), frame: SharedBytes([1]), heardAt: 0)
    }
}
