// What a page of a job's history has in it, for every place where one may begin and end.

import Bytes
import Feed
import Hub
import JSON
import Jobs
import Testing
import Tokens
import Wire

@testable import Server

@Suite("Pages of events")
struct EventsPageTests {
    static let epoch = named("AAAAbbbb1234")
    static let before = named("before000000")
    static let foreign = named("foreign00000")

    private static func named(_ text: String) -> Epoch {
        guard let epoch = Epoch(checking: text) else { preconditionFailure("no epoch: \(text)") }
        return epoch
    }

    /// Of `seq` events those from `first` on are kept; every third is a log, the others are progress.
    static func opening(_ seq: UInt64 = 10, keptFrom first: UInt64 = 1, forks: [Fork] = []) throws
        -> Opening
    {
        let job = try JobID(checking: "j")
        return Opening(
            job: job, epoch: seq == 0 ? nil : epoch, seq: seq, forks: forks,
            updates: first > seq
                ? []
                : (first...seq).map { seq in
                    let type = seq % 3 == 0 ? "log" : "progress"
                    return Update(
                        job: job, epoch: epoch, seq: seq, kind: .event, type: EventType(type),
                        frame: EventFrame.encode(
                            job: job, seq: seq, rest: Array(#""type":"\#(type)"}"#.utf8).span),
                        heardAt: 0)
                })
    }

    static func cursor(_ seq: UInt64) -> Cursor { Cursor(epoch: epoch, seq: seq) }

    @Test("walking forward by `next` brings every event once, whatever the limit and the beginning")
    func forward() throws {
        let opening = try Self.opening(keptFrom: 3)
        for limit in 1...11 {
            for after in 0...10 as ClosedRange<UInt64> {
                var at: Cursor? = Self.cursor(after)
                var seen: [UInt64] = []
                var gaps: [Gap] = []
                while let cursor = at {
                    let page = EventsPage(
                        opening, EventsRequest(after: cursor, limit: limit))
                    #expect(page.events.count <= limit)
                    seen += page.events.map(\.seq)
                    gaps += page.gap.map { [$0] } ?? []
                    at = page.events.isEmpty ? nil : page.next
                }
                #expect(seen == Array(max(after + 1, 3)..<11))
                let missing = Gap(from: after + 1, to: 2, reason: .trimmed, epoch: Self.epoch)
                #expect(gaps == (after < 2 ? [missing] : []))
            }
        }
    }

    @Test("a page of the part that is read for it is the page of the whole")
    func parts() throws {
        for first in [1, 3, 9, 11] as [UInt64] {
            let whole = try Self.opening(keptFrom: first)
            for limit in [1, 2, 9, 10, 11] {
                for after in Self.places {
                    for before in Self.places {
                        let request = EventsRequest(
                            after: after.map { Cursor(epoch: nil, seq: $0) },
                            before: before.map { Cursor(epoch: nil, seq: $0) }, limit: limit)
                        let part = Self.part(request.part, of: whole)
                        guard request.stands(in: part) else { continue }
                        let (page, expected) = (
                            EventsPage(part, request), EventsPage(whole, request)
                        )
                        #expect(page.json() == expected.json(), "\(first) \(request)")
                    }
                }
            }
        }
        for cursor in [Cursor(epoch: Self.foreign, seq: 1), Self.cursor(11)] {
            #expect(try !EventsRequest(after: cursor).stands(in: Self.opening()))
        }
        #expect(EventsRequest(after: Self.cursor(.max)).part == .all)
    }

    @Test("where a history breaks off in the middle the page goes on behind it, and says so")
    func hole() throws {
        let whole = try Self.opening()
        func page(after: UInt64, _ kept: ClosedRange<UInt64>) -> EventsPage {
            let part = Opening(
                job: whole.job, epoch: Self.epoch, seq: 10,
                updates: whole.updates.filter { kept.contains($0.seq) })
            return EventsPage(part, EventsRequest(after: Self.cursor(after)))
        }
        let first = page(after: 0, 1...4)
        #expect(first.events.map(\.seq) == [1, 2, 3, 4] && first.next == Self.cursor(4))
        let second = page(after: 4, 7...10)
        #expect(second.gap == Gap(from: 5, to: 6, reason: .trimmed, epoch: Self.epoch))
        #expect(second.events.map(\.seq) == [7, 8, 9, 10] && second.next == Self.cursor(10))
    }

    private static let places: [UInt64?] = [nil] + (0...12).map { UInt64($0) }

    /// What Redis would answer for it.
    private static func part(_ part: HistoryPart, of whole: Opening) -> Opening {
        var updates = whole.updates
        switch part {
        case .standing, .state: updates = []
        case .all: break
        case .from(let seq, let before, let count):
            updates = Array(
                updates.filter { $0.seq >= seq && $0.seq < before ?? .max }.prefix(count))
        case .before(let seq, let count):
            updates = Array(updates.filter { $0.seq < seq }.suffix(count))
        }
        return Opening(job: whole.job, epoch: whole.epoch, seq: whole.seq, updates: updates)
    }

    @Test(
        "walking backward by `next` brings every event once, and says at the end what is not kept")
    func backward() throws {
        let opening = try Self.opening(keptFrom: 3)
        for limit in 1...11 {
            for before in 1...12 as ClosedRange<UInt64> {
                var at: Cursor? = Self.cursor(before)
                var seen: [UInt64] = []
                var gap: Gap?
                while let cursor = at {
                    let page = EventsPage(
                        opening, EventsRequest(before: cursor, limit: limit))
                    #expect(page.events.map(\.seq) == page.events.map(\.seq).sorted())
                    seen = page.events.map(\.seq) + seen
                    #expect(gap == nil)
                    (at, gap) = (page.next, page.gap)
                }
                let end = min(before, 11)
                #expect(seen == (end > 3 ? Array(3..<end) : []))
                let trimmed = Gap(
                    from: 1, to: min(2, end - 1), reason: .trimmed, epoch: Self.epoch)
                #expect(gap == (end > 1 ? trimmed : nil))
            }
        }
    }

    @Test("between two cursors there is just what lies between, and then no next page")
    func range() throws {
        let opening = try Self.opening(keptFrom: 3)
        for after in 0...10 as ClosedRange<UInt64> {
            for before in (after + 1)...12 {
                let request = EventsRequest(after: Self.cursor(after), before: Self.cursor(before))
                let page = EventsPage(opening, request)
                let wanted = (1...10).filter { $0 > after && $0 < before && $0 >= 3 }
                #expect(page.events.map(\.seq) == wanted)
                #expect(page.next == nil)
                let missing = (1...2).filter { $0 > after && $0 < before }
                #expect(page.gap?.from == missing.first && page.gap?.to == missing.last)
            }
        }
        for (after, before) in [(5, 5), (9, 3), (10, 0), (2, 1), (0, 0)] as [(UInt64, UInt64)] {
            let request = EventsRequest(after: Self.cursor(after), before: Self.cursor(before))
            let page = EventsPage(opening, request)
            #expect(page.isEmpty && page.next == nil, "crossed: \(after) \(before)")
        }
        let first = EventsPage(
            opening,
            EventsRequest(after: Self.cursor(4), before: Self.cursor(9), limit: 2))
        #expect(first.events.map(\.seq) == [5, 6] && first.next == Self.cursor(6))
    }

    @Test("a cursor of another numbering, or of the future, is told so and gets all that is kept")
    func otherEpochs() throws {
        let fork = Fork(epoch: Self.before, seq: 4)
        let opening = try Self.opening(forks: [fork])
        for cursor in [
            Cursor(epoch: Self.foreign, seq: 2), Cursor(epoch: nil, seq: 11),
            Self.cursor(.max), Cursor(epoch: Self.foreign, seq: .max),
        ] {
            let page = EventsPage(opening, EventsRequest(after: cursor))
            #expect(
                page.gap == Gap(from: nil, to: nil, reason: .epochChanged, epoch: Self.epoch))
            #expect(page.events.count == 10 && page.next == Self.cursor(10))
        }
        // What an epoch before this one had in common with it is not gone.
        for (seq, next) in [(2, 3), (4, 5), (9, 5)] as [(UInt64, UInt64)] {
            let page = EventsPage(
                opening, EventsRequest(after: Cursor(epoch: Self.before, seq: seq)))
            #expect(page.gap == nil && page.events.first?.seq == next)
        }
        let back = EventsPage(
            opening, EventsRequest(before: Cursor(epoch: Self.foreign, seq: 2), limit: 2))
        #expect(back.gap?.reason == .epochChanged && back.events.map(\.seq) == [9, 10])
        let future = EventsPage(
            opening, EventsRequest(before: Cursor(epoch: nil, seq: .max), limit: 2))
        #expect(future.gap == nil && future.events.map(\.seq) == [9, 10])
    }

    @Test("a job that nobody has heard of has an empty page without a next")
    func unknown() throws {
        let page = EventsPage(try Self.opening(0), EventsRequest())
        #expect(page.isEmpty && page.next == nil && page.epoch == nil)
        #expect(
            String(decoding: page.json(), as: UTF8.self)
                == #"{"epoch":null,"events":[],"next":null}"#)
        let after = EventsPage(
            try Self.opening(0), EventsRequest(after: Cursor(epoch: nil, seq: 3)))
        #expect(after.gap?.reason == .epochChanged && after.next == nil)
        let all = EventsPage(try Self.opening(10, keptFrom: 11), EventsRequest())
        #expect(all.gap?.to == 10 && all.next == Self.cursor(10))
    }

    @Test("types leave others out without a gap, and the limit counts what is left")
    func types() throws {
        var request = EventsRequest(limit: 2)
        request.types = [EventType("log")]
        let page = EventsPage(try Self.opening(), request)
        #expect(page.events.map(\.seq) == [3, 6] && page.next == Self.cursor(6) && page.gap == nil)
        request.after = page.next
        let last = EventsPage(try Self.opening(), request)
        #expect(last.events.map(\.seq) == [9] && last.next == Self.cursor(10))
    }

    @Test("a page ends when it is heavy, but never without an event")
    func weight() throws {
        let job = try JobID(checking: "j")
        let rest =
            Array(#""type":"x","data":""#.utf8)
            + [UInt8](repeating: 0x78, count: 400_000) + Array(#""}"#.utf8)
        let updates = (1...9).map { seq in
            Update(
                job: job, epoch: Self.epoch, seq: seq, type: EventType("x"),
                frame: EventFrame.encode(job: job, seq: seq, rest: rest.span), heardAt: 0)
        }
        let opening = Opening(job: job, epoch: Self.epoch, seq: 9, updates: updates)
        #expect(EventsPage(opening, EventsRequest()).events.map(\.seq) == [1, 2, 3])
        let back = EventsPage(opening, EventsRequest(before: Self.cursor(10)))
        #expect(back.events.map(\.seq) == [7, 8, 9] && back.next == Self.cursor(7))
    }

    @Test("a query means one thing or is refused by name")
    func requests() throws {
        func read(_ query: String) throws -> EventsRequest {
            try EventsRequest(try Query(query))
        }
        #expect(try read("") == EventsRequest())
        #expect(try read("limit=1000000000").limit == EventsRequest.limitMax)
        #expect(try read("limit=99999999999999999999999").limit == EventsRequest.limitMax)
        #expect(try read("wait=31").wait == EventsRequest.waitMax)
        #expect(try read("after=3&before=5").before == Cursor(epoch: nil, seq: 5))
        #expect(try read("types=log,step").types == [EventType("log"), EventType("step")])
        let most = try JobListing.request(try Query("limit=1000000000&q=x"), Grant())
        #expect(most.limit == JobListing.limitMax && most.text == "x" && most.status == nil)
        #expect(try JobListing.request(try Query(""), Grant()).limit == JobListing.limitDefault)
        for query in [
            "limit=0", "limit=-1", "limit=", "limit=1e3", "limit=NaN", "limit=%31%20", "wait=NaN",
            "wait=-1", "wait=1.5", "wait=inf", "after=", "after=x", "after=a:1", "before=x",
            "before=", "after=AAAAbbbb1234:", "after=-1", "types=", "types=,",
            "after=99999999999999999999", "limit=٣",
        ] {
            #expect(throws: Close.self, "\(query)") { try read(query) }
        }
    }

    @Test("a gap of what a page still has tells where, and that page has just it")
    func gapLinks() throws {
        let job = try JobID(checking: "a&b=%c+d")
        let gap = Gap(from: 3, to: 5, reason: .replayLimit, epoch: Self.epoch)
        let path = try #require(gap.eventsPath(of: job))
        #expect(
            path == "/api/v1/jobs/a%26b%3D%25c%2Bd/events"
                + "?after=AAAAbbbb1234:2&before=AAAAbbbb1234:6")
        #expect(Route(path: String(path.prefix { $0 != "?" })) == .jobEvents("a%26b%3D%25c%2Bd"))
        #expect(try Door.name("a%26b%3D%25c%2Bd") == job)
        let feed = try #require(gap.eventsPath(of: try JobID(checking: "f", kind: .feed)))
        #expect(feed.hasPrefix("/api/v1/feeds/f/events?after="))
        let query = try Query(path.split(separator: "?").last.map(String.init))
        #expect(
            EventsPage(try Self.opening(), try EventsRequest(query)).events.map(\.seq) == [3, 4, 5])
        for reason in GapReason.allCases {
            let other = Gap(from: 3, to: 5, reason: reason, epoch: Self.epoch)
            let isKept = reason == .replayLimit || reason == .slowConsumer
            #expect((other.eventsPath(of: job) != nil) == isKept)
        }
    }

    @Test("the text of an event stream has a cursor for each event and none for a control")
    func eventStream() throws {
        let opening = try Self.opening(2)
        let entries = opening.updates.map { Entry($0) }
        let live = ServerMessage.live(.job(opening.job), epoch: Self.epoch, seq: 0)
        let blocks = EventStreamText.blocks(entries, after: live, hasCursor: true)
        #expect(
            blocks.map { String(copying: $0) } == [
                #"data: {"type":"live","job_id":"j","data":{"epoch":"AAAAbbbb1234","seq":0}}"#
                    + "\n\n" + "id: AAAAbbbb1234:1\n"
                    + #"data: {"seq":1,"job_id":"j","type":"progress"}"# + "\n\n"
                    + "id: AAAAbbbb1234:2\n"
                    + #"data: {"seq":2,"job_id":"j","type":"progress"}"# + "\n\n"
            ])
        // A burst goes out in pieces, whole messages each.
        let many = (1...5_000).map { Entry(opening.updates[$0 % 2]) }
        let pieces = EventStreamText.blocks(many, hasCursor: true)
        #expect(pieces.count > 1)
        #expect(pieces.allSatisfy { $0.count <= EventStreamText.blockBytesMax })
        #expect(
            pieces.map { String(copying: $0) }.joined()
                == many.map { String(copying: EventStreamText.entry($0, hasCursor: true)) }
                .joined())
        // Line ends between a worker's words would end the message.
        let odd = Update(
            job: opening.job, epoch: Self.epoch, seq: 3, type: EventType("x"),
            frame: EventFrame.encode(
                job: opening.job, seq: 3, rest: Array("\"a\":\n1,\r\"b\":\r\n\n2}".utf8).span),
            heardAt: 0)
        #expect(
            String(copying: EventStreamText.entry(Entry(odd), hasCursor: true))
                == "id: AAAAbbbb1234:3\ndata: {\"seq\":3,\"job_id\":\"j\",\"a\":\n"
                + "data: 1,\ndata: \"b\":\ndata: \ndata: 2}\n\n")
    }
}

extension String {
    fileprivate init(copying bytes: SharedBytes) {
        let span = bytes.span
        self.init(decoding: span.indices.map { span[$0] }, as: UTF8.self)
    }
}
