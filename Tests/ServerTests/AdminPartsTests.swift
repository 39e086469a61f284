// The values that operators' questions are made of, without a server.

import Fleet
import Foundation
import Jobs
import Loop
import Settings
import Telemetry
import Testing
import Tokens
import Wire

@testable import Server

@Suite("What operators ask, in parts")
struct AdminPartsTests {
    @Test("a broadcast goes to another bridge and is the same there")
    func broadcast() throws {
        for body in [
            #"{"message":"x"}"#, #"{"message":"\u0000\"","level":"warning","code":"a_1"}"#,
            #"{"message":"x","job_id":"7"}"#, #"{"message":"x","feed":"news"}"#,
            #"{"message":"x","queue":"ä *"}"#,
        ] {
            let broadcast = try Broadcast(Array(body.utf8).span)
            #expect(try Broadcast(broadcast.json.span) == broadcast)
            #expect(broadcast.json.count < 65_536 - 256)
        }
        #expect(throws: Close.self) {
            try Broadcast(
                Array(#"{"message":"\#(String(repeating: "x", count: 2_001))"}"#.utf8).span)
        }
    }

    @Test("no code of the server's own can be had for a broadcast")
    func codes() {
        let codes =
            NoticeCode.allCases.map(\.rawValue)
            + [
                Close.draining, .tokenExpired, .tokenRefused(.missing), .authTimeout,
                .ticketRefused(.unavailable),
            ].map(\.name)
        for code in codes {
            #expect(throws: Close.self, "\(code)") {
                try Broadcast(Array(#"{"message":"x","code":"\#(code)"}"#.utf8).span)
            }
        }
    }

    @Test("a place is read as it was written, and nothing else is one")
    func places() {
        for place in [ConnectionPlace(), ConnectionPlace(loop: 63, index: 999_999_999)] {
            #expect(ConnectionPlace(checking: place.text) == place)
        }
        for text in ["", ".", "1", "1.", ".1", "1.2.3", "-1.0", "1.+2", "1.٣", "0.1234567890"] {
            #expect(ConnectionPlace(checking: text) == nil, "\(text)")
        }
    }

    private let nodes = ["bbbbbbbb", "aaaaaaaa", "cccccccc"].compactMap { NodeName(checking: $0) }

    private func page(_ rows: Int, next: Int? = nil) -> NodePage {
        var page = NodePage()
        for row in 0..<rows {
            page.append(Array(#"{"n":\#(row)}"#.utf8), end: ConnectionPlace(index: row + 1))
        }
        page.next = next.map { ConnectionPlace(index: $0) }
        return page
    }

    @Test("a bridge's page is the same on the other side, and what is none is refused")
    func nodePages() throws {
        for page in [page(0), page(3), page(200, next: 512)] {
            #expect(NodePage(page.json.span) == page)
        }
        for text in [
            "", "1", "[]", "null", #"{"rows":[{}]}"#, #"{"rows":[1],"ends":["0.1"]}"#,
            #"{"rows":[{}],"ends":["x"]}"#, #"{"rows":[{}],"ends":[7]}"#,
            #"{"rows":[],"ends":[],"next":"x"}"#,
            #"{"rows":[\#(Array(repeating: "{}", count: 201).joined(separator: ","))],"ends":[]}"#,
        ] {
            #expect(NodePage(Array(text.utf8).span) == nil, "\(text)")
        }
    }

    @Test("pages over all bridges leave nobody out and tell nobody twice, at every limit")
    func walk() throws {
        // What the bridges have, page by page of at most 4; nil is a bridge that is silent.
        let have: [String: Int?] = ["aaaaaaaa": 5, "bbbbbbbb": nil, "cccccccc": 7]
        for limit in 1...13 {
            var (seen, cursor, rounds) = ([String](), "", 0)
            repeat {
                let query = "limit=\(limit)" + (cursor.isEmpty ? "" : "&cursor=\(cursor)")
                let request = try ConnectionsRequest(try Query(query))
                let order = request.order(nodes)
                let answers = order.map { node, from -> NodePage? in
                    guard let count = have[node.text] ?? nil else { return nil }
                    var page = NodePage()
                    let end = min(count, from.index + min(4, limit))
                    for row in from.index..<max(end, from.index) {
                        page.append(
                            Array(#""\#(node)-\#(row)""#.utf8), end: ConnectionPlace(index: row + 1)
                        )
                    }
                    page.next = end < count ? ConnectionPlace(index: end) : nil
                    return page
                }
                let page = ConnectionsPage(order, answers, limit: limit)
                #expect(page.rows.count <= limit)
                seen += page.rows.map { String(decoding: $0, as: UTF8.self) }
                cursor = page.next.map { "\($0.node)-\($0.place.text)" } ?? ""
                rounds += 1
                try #require(rounds < 40)
            } while !cursor.isEmpty
            #expect(seen.count == 12 && Set(seen).count == 12, "\(limit): \(seen)")
        }
        let request = try ConnectionsRequest(try Query(""))
        let order = request.order(nodes)
        let page = ConnectionsPage(order, [self.page(1), nil, self.page(2)], limit: 50)
        #expect(page.nodes.map(\.text) == ["aaaaaaaa", "cccccccc"])
        #expect(page.silent.map(\.text) == ["bbbbbbbb"] && page.rows.count == 3)
    }

    @Test("what one bridge asks of another is read as it was written, and nothing else is")
    func nodeRequests() throws {
        let query = try Query("subject=%00%22u&job_id=a&limit=7")
        let request = NodeListRequest(
            try ConnectionsRequest(query), from: ConnectionPlace(loop: 1, index: 512))
        #expect(NodeListRequest(request.json.span) == request)
        for text in [
            "", "1", "{}", #"{"from":"0.0"}"#, #"{"from":"0.0","limit":0}"#,
            #"{"from":"0.0","limit":201}"#, #"{"from":"0.0","limit":9223372036854775807}"#,
            #"{"from":"0","limit":1}"#, #"{"from":"0.0","limit":1,"job_id":"a b"}"#,
        ] {
            #expect(NodeListRequest(Array(text.utf8).span) == nil, "\(text)")
        }
    }

    @Test("a row has an end, whatever the names in it")
    func rowBytes() throws {
        let house = try House(
            settings: Self.settings, loops: 1,
            log: Log(level: .error, format: .text, clock: { 0 }, write: { _ in }))
        let long = String(repeating: "\u{1}", count: 8_000)
        let queue = Subject.queue(String(repeating: "\u{1}", count: 128))
        let listing = ConnectionListing(
            kind: .webSocket, caller: Caller(.unix, house),
            grant: Grant(subject: long, issuer: long),
            subscriptions: Array(repeating: queue, count: ConnectionListing.subscriptionsMax),
            subscriptionCount: .max, owedBytes: .max, stalledFor: .seconds(1 << 40),
            behindEvents: .max)
        let json = listing.json(of: house.node)
        #expect(json.count <= ConnectionListing.rowBytesMax)
        #expect(ConnectionListing.rowBytesMax < NodePage.bytesMax)
        listing.caller.release()
    }

    private static var settings: Settings {
        var settings = Settings()
        settings.tokenSecret = Secret(Token.secret)
        return settings
    }

    @Test("no name can forge a line of the log, nor hide who did what to whom")
    func audit() throws {
        let hostile =
            "x\n\u{1B}[2J\u{202E}\" sub=root" + String(repeating: "\u{E0001}", count: 2_000)
        for format in Log.Format.allCases {
            let lines = Guarded<[String]>([])
            let log = Log(level: .info, format: format, clock: { 0 }) { line in
                lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
            }
            let grant = Grant(subject: hostile, issuer: hostile, id: hostile)
            var audit = Audit(.disconnect, by: grant, from: .unix, log)
            audit.target = hostile
            audit.tell("done")
            let line = try #require(lines.withLock { $0.first })
            #expect(line.utf8.count <= Log.lineBytesMax && line.utf8.count { $0 == 10 } == 1)
            #expect(!line.contains("\u{1B}") && !line.contains("\u{202E}"))
            // Only with its quote escaped, so inside another value.
            #expect(!line.replacing("\\\" sub=root", with: "").contains(" sub=root"))
            for word in ["disconnect", "done", "unix", "sub", "target"] {
                #expect(line.contains(word), "\(word) in \(line)")
            }
        }
    }

    @Test("rates are those of the last ten seconds")
    func rates() {
        var rates = Rates()
        #expect(rates.perSecond == Rates.names.map { _ in 0 })
        func note(_ second: Int, _ count: Int) {
            rates.note(
                Rates.names.map { _ in count },
                at: Instant(nanoseconds: Int64(second) * 1_000_000_000))
        }
        note(0, 0)
        note(1, 1_000)
        #expect(rates.perSecond.allSatisfy { $0 == 1_000 })
        for second in 2...11 { note(second, 1_000 + second * 5) }
        #expect(rates.perSecond.allSatisfy { $0 == 5.5 })
        note(12, 1_060)
        #expect(rates.perSecond.allSatisfy { $0 == 5 })
    }
}
