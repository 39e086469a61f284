// A job over `text/event-stream`: what a one-job socket hears, with cursors for ids.

import CLinux
import Settings
import Support
import Testing

@Suite("Event streams")
struct EventStreamTests {
    @Test(
        "a stream hears what a socket hears, and only events have an id, which is their cursor",
        arguments: [1, 3])
    func sameAsSocket(loops: Int) throws {
        let scene = try Scene(loops: loops)
        try scene.publish("j1", "1", "{\"type\":\"log\",\n\"data\":{\"log_line\":\"x\"}}")
        try scene.settle("j1", at: 2)
        for _ in 0..<loops * 2 {
            let socket = try scene.follow("j1")
            let stream = try EventStreamClient(scene, "j1")
            let epoch = try #require(try socket.hear().text("epoch"))
            #expect(try stream.next().heard.type == "connected")
            for seq in 1...2 {
                let (heard, message) = (try socket.hear(), try stream.next())
                #expect(message.id == "\(epoch):\(seq)" && message.heard.seq == seq)
                #expect(
                    message.heard.text == heard.text, "to the byte, where line ends are LF")
            }
            let (heard, message) = (try socket.hear(), try stream.next())
            #expect(heard.type == "live" && message.id == nil)
            #expect(message.heard.text == heard.text)
            #expect(stream.head.header("cache-control") == "no-store")
            try scene.publish("other", "1")
        }
        let streams = try (0..<loops * 2).map { _ in
            try EventStreamClient(scene, "j1", "history=none&types=progress")
        }
        for stream in streams { try stream.hear { $0.type == "live" } }
        try scene.publish("j1", "3", #"{"type":"progress"}"#)
        for stream in streams {
            let message = try stream.next()
            #expect(message.heard.seq == 4 && message.id?.hasSuffix(":4") == true)
        }
    }

    @Test("Last-Event-ID beats `after`, and brings what is missing and nothing twice")
    func resumes() throws {
        let scene = try Scene()
        try scene.publish("j1", "1", "2", "3")
        let first = try EventStreamClient(scene, "j1")
        try first.hear { $0.seq == 2 }
        let back = try EventStreamClient(scene, "j1", "after=0&history=none", lastID: first.lastID)
        #expect(try back.hear { $0.type == "live" }.compactMap(\.seq) == [3])
        let other = try EventStreamClient(scene, "j1", lastID: "otherEpoch12:2")
        let heard = try other.hear { $0.type == "live" }
        #expect(heard.compactMap(\.seq) == [1, 2, 3])
        #expect(heard.contains { $0.type == "gap" && $0.text("reason") == "epoch_changed" })
        let some = try EventStreamClient(scene, "j1", "types=none&history=2")
        #expect(try some.hear { $0.type == "live" }.compactMap(\.seq) == [])
    }

    @Test(
        "who comes and goes under load loses nothing and sees nothing twice", arguments: [1, 3])
    func load(loops: Int) throws {
        let (count, clients) = (5_000, 4)
        let scene = try Scene(loops: loops) {
            ($0.historyEventsMax, $0.replayEventsMax) = (100_000, 100_000)
            $0.historyBytesMax = 1 << 30
        }
        let crowd = Crowd()
        for index in 0..<clients {
            try crowd.add {
                var ledger = Ledger()
                var lastID: String?
                var visits = 0
                while ledger.lastSeq < count {
                    let stream = try EventStreamClient(scene, "j1", lastID: lastID)
                    visits += 1
                    let stop = ledger.lastSeq + 300 + index * 50
                    while ledger.lastSeq < min(stop, count) { ledger.see(try stream.next().heard) }
                    lastID = stream.lastID
                }
                #expect(ledger.seqs == Array(1...count) && ledger.gaps.isEmpty)
                #expect(visits > 5)
            }
        }
        for start in stride(from: 0, to: count, by: 50) {
            try scene.publisher.publish(
                (start..<start + 50).map { #"{"type":"log","data":{"log_line":"\#($0)"}}"# },
                to: "j1")
        }
        try crowd.join()
    }

    @Test("a client that takes nothing is let go, and comes back without loss")
    func slow() throws {
        let scene = try Scene {
            ($0.outboxBytesMax, $0.writeTimeout) = (65_536, .seconds(5))
            ($0.historyEventsMax, $0.historyBytesMax) = (1_000_000, 1 << 30)
            $0.replayEventsMax = 1_000_000
        }
        let slow = try EventStreamClient(
            scene, "j1", over: scene.connect(receiveBufferBytes: 65_536))
        let brisk = try scene.follow("j1")
        var count = 0
        // One that reads, so that nobody publishes faster than the server hears.
        while count < 8_000 {
            try scene.publisher.publish(Array(repeating: SlowTests.payload, count: 100), to: "j1")
            count += 100
            _ = try brisk.hear(throughSeq: count)
        }
        try scene.log.wait(for: "event_stream_closed")
        #expect(scene.log.lines.contains { $0.contains("why=too_slow") })
        var ledger = Ledger()
        for heard in try slow.ending() { ledger.see(heard) }
        #expect(ledger.lastSeq < count)
        let back = try EventStreamClient(
            scene, "j1", lastID: slow.lastID, over: scene.connect())
        // All is read before it is looked at: to look takes longer than a client may take nothing.
        var texts: [String] = []
        repeat {
            texts.append(try back.nextText().text)
        } while back.lastID?.hasSuffix(":\(count)") != true
        for text in texts { ledger.see(try Heard(text)) }
        #expect(ledger.seqs == Array(1...count) && ledger.gaps.isEmpty)
        try scene.waitForMetric(#"jobwire_dropped_total{reason="slow_consumer"}"#, 1)
    }

    @Test("a replay waits for its reader, but not for ever")
    func slowReplay() throws {
        let scene = try Scene {
            ($0.outboxBytesMax, $0.writeTimeout) = (65_536, .milliseconds(100))
            ($0.historyEventsMax, $0.historyBytesMax) = (1_000_000, 1 << 30)
            $0.replayEventsMax = 1_000_000
        }
        for _ in 0..<60 {
            try scene.publisher.publish(Array(repeating: SlowTests.payload, count: 100), to: "j1")
        }
        try scene.waitForMetric("jobwire_events_heard_total", 6_000)
        let client = try EventStreamClient(
            scene, "j1", over: scene.connect(receiveBufferBytes: 4_096))
        try scene.log.wait(for: "event_stream_closed")
        try scene.waitForMetric("jobwire_subscriptions", 0)
        var ledger = Ledger()
        for heard in try client.ending() { ledger.see(heard) }
        #expect(ledger.lastSeq < 6_000 && ledger.gaps.isEmpty)
    }

    @Test("a stream hears comments while nothing happens, and ends with its token")
    func time() throws {
        let scene = try Scene {
            ($0.pingInterval, $0.tokenLeeway) = (.milliseconds(50), .zero)
        }
        let stream = try EventStreamClient(
            scene, "j1", token: try Token.of(jobs: "j1", for: 2))
        let heard = try stream.ending()
        #expect(heard.map(\.type) == ["connected", "live", "token_expiring", "notice"])
        #expect(heard.last?.text("code") == "token_expired")
        #expect(stream.heartbeats >= 3)
        try scene.waitForMetric("jobwire_subscriptions", 0)
    }

    @Test("streams are told of Redis, and end when the server leaves")
    func leaving() throws {
        let scene = try Scene(loops: 2)
        let streams = try (0..<4).map { _ in try EventStreamClient(scene, "j1") }
        for stream in streams { try stream.hear { $0.type == "live" } }
        scene.redis.stop()
        for stream in streams {
            #expect(try stream.hear { $0.type == "notice" }.last?.text("code") == "redis_lost")
        }
        scene.server.signal(SIGTERM)
        for stream in streams { #expect(try stream.ending().isEmpty) }
        scene.server.join()
    }

    @Test("a refused stream is an ordinary answer")
    func refused() throws {
        let scene = try Scene()
        let token = Token.header(try Token.of(jobs: "j1"))
        let table: [(path: String, headers: [String], status: Int)] = [
            ("/api/v1/jobs/j1/events", [], 401), ("/api/v1/jobs/j2/events", [token], 403),
            ("/api/v1/jobs/j1/events?after=x", [token], 400),
            ("/api/v1/jobs/j1/events?history=x", [token], 400),
            ("/api/v1/jobs/j1/events", [token, "Last-Event-ID: x"], 400),
        ]
        let connection = try scene.connect()
        for row in table {
            let answer = try connection.request(
                row.path, headers: ["Accept: text/event-stream"] + row.headers)
            #expect(answer.status == row.status, "\(row)")
            #expect(answer.header("content-type") == "application/json")
        }
    }
}
