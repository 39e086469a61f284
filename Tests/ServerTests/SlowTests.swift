// Clients that do not read, and those beside them that do.

import Settings
import Support
import Synchronization
import Testing

@Suite("Slow clients")
struct SlowTests {
    /// A little over a kilobyte, so that thousands fill what the kernel buffers.
    static let payload =
        #"{"type":"log","data":{"log_line":"\#(String(repeating: "x", count: 1_000))"}}"#

    @Test(
        "a client that takes nothing is closed with 4408, and the cursor in the reason resumes without loss",
        arguments: [
            (false, 4_096, 250), (false, 1 << 20, 250), (true, 1 << 20, 250), (true, 4_096, 1),
        ])
    func resumes(tls: Bool, outboxBytesMax: Int, batch: Int) throws {
        let certificates = try Certificates()
        let scene = try Scene {
            ($0.outboxBytesMax, $0.writeTimeout) = (outboxBytesMax, .seconds(5))
            ($0.historyEventsMax, $0.historyBytesMax) = (1_000_000, 1 << 30)
            if tls { $0.serve(certificates) }
        }
        let trust =
            tls
            ? TestTLS(caFile: certificates.certificate("authority"), serverName: "server.test")
            : nil
        func connect(_ bufferBytes: Int32?) throws -> Connection {
            try Connection(
                port: scene.port, tls: trust, receiveBufferBytes: bufferBytes)
        }
        let slow = try scene.follow("j1", over: try connect(4_096))
        let brisk = try scene.follow("j1", over: try connect(nil))
        var (slowLedger, briskLedger) = (Ledger(), Ledger())
        var count = 0
        // The one that reads is never behind by more than a batch, whatever the other one does.
        while count < 8_000, scene.log.count(closedWith: 4408) == 0 {
            try scene.publisher.publish(Array(repeating: Self.payload, count: batch), to: "j1")
            count += batch
            while briskLedger.lastSeq < count { briskLedger.see(try brisk.hear()) }
        }
        try scene.log.wait(closedWith: 4408)
        // At once: a connection that ends has ten seconds to take what it is owed.
        let ending = try slow.ending { slowLedger.see($0) }
        #expect(ending.code == 4408)
        let cursor = try #require(ending.reason.split(separator: " ").last).description
        #expect(cursor == slowLedger.cursor, "it is told where it stands, to the event")
        try scene.publish("j1", "last")

        let back = try scene.follow("j1", "after=\(cursor)", over: try connect(nil))
        // All is read before it is looked at: to look takes longer than a client may take nothing.
        var texts: [String] = []
        repeat {
            texts.append(try back.nextText())
        } while !texts[texts.count - 1].contains(#""last""#)
        for text in texts { slowLedger.see(try Heard(text)) }
        #expect(slowLedger.seqs == Array(1...count + 1))
        #expect(slowLedger.gaps.isEmpty)
        #expect(scene.log.count(closedWith: 4408) == 1)
        brisk.connection.shutDownSending()
    }

    @Test("a slow client that follows other jobs, too, gets the cursor of its own")
    func ownCursor() throws {
        let scene = try Scene {
            ($0.outboxBytesMax, $0.writeTimeout) = (4_096, .seconds(1))
            ($0.historyEventsMax, $0.historyBytesMax) = (1_000_000, 1 << 30)
        }
        let client = try scene.follow(
            "own", token: try Token.of(jobs: "*"), over: scene.connect(receiveBufferBytes: 4_096))
        try client.hear(until: "live")
        try client.say(subscribe(["other"]))
        try client.hear(until: "live")
        try scene.publish("own", "1", "2", "3")
        _ = try client.hear(throughSeq: 3)
        while scene.log.count(closedWith: 4408) == 0 {
            try scene.publisher.publish(Array(repeating: Self.payload, count: 100), to: "other")
        }
        let epoch = try #require(try scene.follow("own").hear().text("epoch"))
        #expect(try client.ending().reason == "too slow, resume after \(epoch):3")
    }

    @Test("a slow client of filtered events, or of a replay, is closed in time, once")
    func filtered() throws {
        let scene = try Scene {
            ($0.outboxBytesMax, $0.writeTimeout) = (4_096, .milliseconds(100))
            ($0.historyEventsMax, $0.historyBytesMax) = (1_000_000, 1 << 30)
            $0.replayEventsMax = 1_000_000
        }
        let filtered = try scene.follow(
            "j1", "types=log", over: scene.connect(receiveBufferBytes: 4_096))
        var count = 0
        func publish() throws {
            try scene.publisher.publish(Array(repeating: Self.payload, count: 100), to: "j1")
            count += 100
        }
        while scene.log.count(closedWith: 4408) == 0 { try publish() }
        #expect(try filtered.ending().code == 4408)
        // The replay waits for its reader without cost, but not for ever.
        for _ in 0..<60 { try publish() }
        try scene.waitForMetric("jobwire_events_heard_total", count)
        let replayed = try scene.follow("j1", over: scene.connect(receiveBufferBytes: 4_096))
        try scene.log.wait(closedWith: 4408, count: 2)
        var ledger = Ledger()
        #expect(try replayed.ending { ledger.see($0) }.code == 4408)
        #expect(ledger.gaps.isEmpty)
        #expect(try scene.metric(#"jobwire_closes_total{code="4408"}"#) == 2)
        #expect(try scene.metric(#"jobwire_dropped_total{reason="slow_consumer"}"#) == 2)
        try scene.waitForMetric("jobwire_subscriptions", 0)
    }

    @Test("a client that takes nothing while it is owed a little is closed, too")
    func writeTimeout() throws {
        let scene = try Scene {
            ($0.writeTimeout, $0.outboxBytesMax) = (.milliseconds(100), 1 << 28)
        }
        let client = try scene.follow("j1", over: scene.connect(receiveBufferBytes: 4_096))
        for _ in 0..<60 {
            try scene.publisher.publish(Array(repeating: Self.payload, count: 100), to: "j1")
        }
        try scene.log.wait(closedWith: 4408)
        #expect(try client.ending().code == 4408)
    }

    @Test("answers over a socket are not piled up either, and reading brings them all in order")
    func unreadAnswers() throws {
        let scene = try Scene { $0.outboxBytesMax = 65_536 }
        let result = String(repeating: "r", count: 200_000)
        try scene.publish("big", #"{"type":"complete","data":{"result":"\#(result)"}}"#)
        try scene.settle("big", at: 1)
        let greedy = try scene.open(
            over: try scene.connect(receiveBufferBytes: 4_096))
        for id in 1...300 {
            try greedy.say(
                #"{"type":"subscribe","id":\#(id),"data":{"job_id":"big","history":"none"}}"#)
        }
        // Somebody else is served meanwhile, and what is not read is not made.
        #expect(try scene.follow("other").hear().type == "connected")
        #expect(try scene.metric("jobwire_messages_received_total") < 150)
        for id in 1...300 {
            #expect(try greedy.hear(until: "subscribed").last?.id as? Int == id)
        }
    }

    @Test("answers are not piled up for who asks and does not read")
    func pipelined() throws {
        let scene = try Scene()
        let request = Array("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
        let batch = Array(repeating: request, count: 500).flatMap { $0 }
        let greedy = try scene.connect(receiveBufferBytes: 4_096)
        try greedy.send(batch)
        try greedy.send(Array("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
        #expect(try greedy.answer().status == 200)
        #expect(try scene.metric(#"jobwire_http_responses_total{class="2xx"}"#) < 500)
        // Reading brings the rest, in order and whole.
        for _ in 1..<500 { #expect(try greedy.answer().text.hasPrefix("# HELP")) }
        #expect(try greedy.answer().text == #"{"status":"ok"}"#)

        let endless = try Connection(
            port: scene.port, patienceSeconds: 2, receiveBufferBytes: 4_096)
        #expect(throws: ConnectionFault.self) { for _ in 0..<1_000 { try endless.send(batch) } }
        #expect(try scene.metric(#"jobwire_http_responses_total{class="2xx"}"#) < 2_000)
    }
}

extension LogBook {
    func count(closedWith code: Int) -> Int {
        lines.count { $0.contains(" closed ") && $0.contains(" code=\(code) ") }
    }

    func wait(closedWith code: Int, count: Int = 1) throws {
        try wait(for: "closed with \(code)") { self.count(closedWith: code) >= count }
    }
}

extension Settings {
    mutating func serve(_ certificates: Certificates) {
        tlsCertificate = certificates.certificate("server")
        tlsKey = certificates.keyFile("server")
    }
}
