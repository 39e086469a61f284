// Who posted an event is told the number under which it was heard; and jobs by their age.

import Jobs
import Testing

@testable import Feed

@Suite("Awaited events")
struct AwaitedEventsTests {
    private func heard(
        _ awaited: inout AwaitedEvents, _ text: String, _ seq: UInt64, _ name: String = "a"
    ) throws -> (ticket: UInt64, seqs: [UInt64])? {
        awaited.heard(Array(text.utf8).span, of: try JobID(checking: name), seq: seq)
    }

    @Test("numbers are those of the first that were heard with the same bytes, of the same job")
    func numbers() throws {
        var awaited = AwaitedEvents()
        let job = try JobID(checking: "a")
        awaited.expect([Array("x".utf8), Array("y".utf8)], of: job, ticket: 1)
        awaited.expect([Array("x".utf8)], of: job, ticket: 2)
        #expect(try heard(&awaited, "x", 9, "b") == nil)
        #expect(try heard(&awaited, "other", 1) == nil)
        #expect(try heard(&awaited, "x", 2) == nil, "the first that waits has yet to hear its y")
        let second = try heard(&awaited, "x", 3)
        #expect(second?.ticket == 2 && second?.seqs == [3])
        let first = try heard(&awaited, "y", 5)
        #expect(first?.ticket == 1 && first?.seqs == [2, 5])
        #expect(awaited.isEmpty)
        #expect(try heard(&awaited, "x", 6) == nil)
    }

    @Test("who gave up is not waited for any more, and others are")
    func givingUp() throws {
        var awaited = AwaitedEvents()
        let job = try JobID(checking: "a")
        for ticket in 1...3 as ClosedRange<UInt64> {
            awaited.expect([Array("x".utf8)], of: job, ticket: ticket)
        }
        awaited.giveUp(1, of: job)
        awaited.giveUp(3, of: try JobID(checking: "b"))
        #expect(try heard(&awaited, "x", 1)?.ticket == 2)
        awaited.giveUp(3, of: job)
        #expect(awaited.isEmpty)
    }
}

@Suite("Jobs by their age")
struct BirthOrderTests {
    @Test("the youngest come first, from any place, whatever was removed before")
    func order() {
        var order = BirthOrder<Int>()
        var kept: [(birth: UInt64, element: Int)] = []
        var random = SystemRandomNumberGenerator()
        for element in 0..<2_000 {
            kept.append((order.append(element), element))
            if Int.random(in: 0..<3, using: &random) > 0 {
                let index = Int.random(in: kept.indices, using: &random)
                order.remove(kept[index].birth)
                order.remove(kept[index].birth)
                kept.remove(at: index)
            }
        }
        func seen(before birth: UInt64?, atMost count: Int = .max) -> [Int] {
            var seen: [Int] = []
            order.visit(before: birth) { _, element in
                seen.append(element)
                return seen.count < count
            }
            return seen
        }
        #expect(order.count == kept.count)
        #expect(seen(before: nil) == kept.reversed().map(\.element))
        for birth in [0, 1, 500, 1_999, 2_000, 2_001, .max] as [UInt64] {
            #expect(
                seen(before: birth) == kept.reversed().filter { $0.birth < birth }.map(\.element))
        }
        #expect(seen(before: nil, atMost: 3) == kept.suffix(3).reversed().map(\.element))
    }

    @Test("a page looks at so many jobs only, and then says where to go on")
    func looks() throws {
        let count = JobListPage.looksMax + 10
        var history = MemoryHistory(jobsMax: count)
        for index in 0..<count { _ = history.append(try JobID(checking: "j\(index)")) }
        var request = JobListRequest(limit: 5) { ["j0", "j9"].contains($0.text) }
        let first = try history.list(request)
        #expect(first.rows.isEmpty && first.next != nil)
        request.cursor = first.next
        let second = try history.list(request)
        #expect(second.rows.map(\.job.text) == ["j9", "j0"] && second.next == nil)
        request.cursor = "?"
        #expect(throws: JobListFault.badCursor) { try history.list(request) }
    }

    @Test("a page of heavy snapshots ends early")
    func weight() throws {
        var history = MemoryHistory()
        let result = String(repeating: "x", count: 400_000)
        for index in 0..<5 {
            _ = history.append(
                try JobID(checking: "j\(index)"),
                json: #"{"type":"complete","data":{"result":"\#(result)"}}"#)
        }
        let page = try history.list(JobListRequest(limit: 5) { _ in true })
        #expect(page.rows.map(\.job.text) == ["j4", "j3", "j2"] && page.next != nil)
    }
}
