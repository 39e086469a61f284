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
        let admission = Admission(connectionsMax: 3, perAddressMax: 2)
        var tickets = [admission.admit("a"), admission.admit("a"), admission.admit("b")]
        #expect(tickets.allSatisfy { $0.verdict == .admitted })
        #expect(admission.admit("a").verdict == .tooMany)
        var refused = (1..<Admission.refusedMax).map { _ in admission.admit("c") }
        #expect(refused.allSatisfy { $0.verdict == .tooMany })
        #expect(admission.admit("d").verdict == .noRoomToRefuse)
        admission.release(admission.admit("d"))
        #expect(admission.total == 3 + Admission.refusedMax)
        admission.release(tickets.removeLast())
        let next = admission.admit("b")
        #expect(next.verdict == .admitted)
        for ticket in tickets + refused + [next] { admission.release(ticket) }
        refused = []
        #expect(admission.total == 1, "the refused one whose ticket was thrown away")
        let fresh = Admission(connectionsMax: 10, perAddressMax: 1)
        #expect(fresh.admit("a").verdict == .admitted)
        #expect(fresh.admit("a").verdict == .tooManyFromAddress)
        #expect(fresh.admit("b").verdict == .admitted)
    }

    @Test("an allowance is a burst and then so many a second")
    func allowance() {
        let start = Instant.now()
        var allowance = Allowance(burst: 3, at: start)
        func take(_ milliseconds: Int) -> Bool {
            allowance.take(perSecond: 10, burst: 3, at: start + .milliseconds(milliseconds))
        }
        #expect([take(0), take(0), take(0), take(0)] == [true, true, true, false])
        #expect([take(99), take(101), take(101)] == [false, true, false])
        #expect([take(60_000), take(60_000), take(60_000), take(60_000)] == [true, true, true, false])
    }

    @Test("a path means one thing, and segments are not decoded before they are told apart")
    func routes() {
        let table: [(path: String, route: Route)] = [
            ("/api/v1/ws", .socket), ("/api/v1/ws/", .unknown),
            ("/api/v1/ws/jobs/a/updates", .jobSocket("a")),
            ("/api/v1/ws/jobs/a%2Fb/updates", .jobSocket("a%2Fb")),
            ("/api/v1/ws/jobs//updates", .jobSocket("")), ("/api/v1/ws/jobs/a/b/updates", .unknown),
            ("/api/v1/ws/jobs/a", .unknown), ("/api/v1/ws/queues/q", .notBuilt),
            ("/api/v1/ws/feeds/f", .notBuilt), ("/api/v1/jobs/a", .job("a")),
            ("/api/v1/jobs", .unknown), ("/api/v1/jobs/a/events", .unknown), ("/api/v2/ws", .unknown),
            ("/healthz", .health), ("/health", .health), ("/healthz/", .unknown), ("/readyz", .readiness),
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
            trail.mark(update)
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

    private func update(seq: Int) throws -> Update {
        Update(
            job: try JobID(checking: "j"), epoch: try #require(Epoch(checking: "epoch1001")),
            seq: UInt64(seq), type: EventType("log"), frame: SharedBytes([1]), heardAt: 0)
    }
}
