// Clients that break the rules of WebSocket, and those that fall silent.

import Settings
import Support
import Testing

@Suite("Hostile and broken clients")
struct HostileTests {
    @Test("each broken rule closes with the code of the contract", arguments: [false, true])
    func violations(deflate: Bool) throws {
        let scene = try Scene { $0.messageBytesMax = 4_096 }
        let text = Array(#"{"type":"ping"}"#.utf8)
        let table: [(name: String, code: UInt16, send: (WebSocketClient) throws -> Void)] = [
            ("unmasked", 1002, { try $0.sendFrame(0x81, text, masked: false) }),
            ("reserved bit", 1002, { try $0.sendFrame(0xA1, text) }),
            ("unknown opcode", 1002, { try $0.sendFrame(0x83, text) }),
            ("unknown control opcode", 1002, { try $0.sendFrame(0x8B, []) }),
            ("fragmented ping", 1002, { try $0.sendFrame(0x09, []) }),
            ("long ping", 1002, { try $0.sendFrame(0x89, [UInt8](repeating: 0, count: 126)) }),
            ("continuation of nothing", 1002, { try $0.sendFrame(0x80, text) }),
            (
                "text inside a text", 1002,
                {
                    try $0.sendFrame(0x01, text)
                    try $0.sendFrame(0x81, text)
                }
            ),
            ("wrong UTF-8", 1007, { try $0.sendFrame(0x81, [0xC3, 0x28]) }),
            ("half a character", 1007, { try $0.sendFrame(0x81, [0xC3]) }),
            ("surrogate", 1007, { try $0.sendFrame(0x81, [0xED, 0xA0, 0x80]) }),
            ("too long", 1009, { try $0.sendFrame(0x82, [UInt8](repeating: 32, count: 4_097)) }),
            (
                "too long in pieces", 1009,
                {
                    try $0.sendFrame(0x01, [UInt8](repeating: 32, count: 4_000))
                    try $0.sendFrame(0x80, [UInt8](repeating: 32, count: 97))
                }
            ),
            // Only announced, in a header that nothing follows.
            (
                "huge", 1009,
                { try $0.connection.send([0x82, 0xFF, 0x7F] + [UInt8](repeating: 0xFF, count: 7)) }
            ),
            (
                "negative", 1009,
                { try $0.connection.send([0x82, 0xFF] + [UInt8](repeating: 0xFF, count: 12)) }
            ),
            ("close without a whole code", 1002, { try $0.sendFrame(0x88, [3]) }),
            ("close with a forbidden code", 1002, { try $0.sendFrame(0x88, [3, 0xEE]) }),
            ("close with bad text", 1007, { try $0.sendFrame(0x88, [3, 0xE8, 0xFF]) }),
            (
                deflate ? "no deflate" : "not agreed", deflate ? 1007 : 1002,
                { try $0.sendFrame(0xC1, [0xFF, 0xFF]) }
            ),
        ]
        for row in table {
            let client = try scene.open(deflate: deflate)
            try row.send(client)
            #expect(try client.ending().code == row.code, "\(row.name)")
            #expect(try client.connection.receiveToEnd().isEmpty, "\(row.name)")
        }
        if deflate {
            // A bomb: what it inflates to counts.
            let bomb = try scene.open(deflate: true)
            try bomb.send(String(repeating: " ", count: 4_097), compressed: true)
            #expect(try bomb.ending().code == 1009)
        }
        let others = try scene.open()
        try others.say(#"{"type":"ping"}"#)
        #expect(try others.hear().type == "pong")
        #expect(try scene.metric(#"jobwire_message_refusals_total{reason="bad_text"}"#) >= 4)
        #expect(try scene.metric(#"jobwire_message_refusals_total{reason="too_big"}"#) >= 4)
        #expect(try scene.metric(#"jobwire_closes_total{code="1009"}"#) >= 4)
    }

    @Test("a message in many pieces, with pings between them, is one message")
    func fragments() throws {
        let scene = try Scene()
        let client = try scene.open()
        let text = Array(#"{"type":"ping","id":"häppchen"}"#.utf8)
        for (index, byte) in text.enumerated() {
            try client.sendFrame(index == 0 ? 0x01 : index == text.count - 1 ? 0x80 : 0x00, [byte])
            if index % 7 == 0 {
                try client.ping([UInt8(index)])
                #expect(try client.next() == .pong([UInt8(index)]))
            }
        }
        #expect(try client.hear().id as? String == "häppchen")
    }

    @Test("a client's close is answered with its own code, and then the stream ends")
    func closing() throws {
        let scene = try Scene()
        for code in [1000, 1001, 3000, 4999, nil] as [UInt16?] {
            let client = try scene.open()
            try client.close(code)
            #expect(try client.ending().code == code)
            #expect(throws: ConnectionFault.ended) { try client.next() }
        }
        #expect(try scene.metric(#"jobwire_closes_total{code="1000"}"#) == 1)
        #expect(try scene.metric(#"jobwire_closes_total{code="1005"}"#) == 1)
        try scene.waitForMetric("jobwire_connections", 1)
    }

    @Test("a client that talks too much is closed with 4429, and the others are not disturbed")
    func messageRate() throws {
        let scene = try Scene { ($0.messagesPerSecondMax, $0.messagesBurstMax) = (1, 20) }
        for isPing in [false, true] {
            let client = try scene.open()
            for _ in 0..<40 {
                if isPing { try client.ping() } else { try client.say(#"{"type":"ping"}"#) }
            }
            var pongs = 0
            let ending = try client.ending { _ in pongs += 1 }
            #expect(ending == .init(code: 4429, reason: "too many messages"))
            #expect(pongs == (isPing ? 0 : 20))
        }
        let quiet = try scene.open()
        for _ in 0..<20 {
            try quiet.say(#"{"type":"ping"}"#)
            #expect(try quiet.hear().type == "pong")
        }
        #expect(try scene.metric("jobwire_rate_limited_total") == 2)
    }

    @Test("the server pings, and drops a peer that answers nothing for two of them")
    func halfOpen() throws {
        let scene = try Scene { $0.pingInterval = .milliseconds(500) }
        let crowd = Crowd()
        try crowd.add {
            // Reads, and so answers pings, until the event comes.
            let answering = try scene.follow("j1")
            #expect(try answering.hear(throughSeq: 1).count == 4)
        }
        try scene.waitForMetric("jobwire_subscriptions", 1)
        let silent = try scene.open()
        silent.answersPings = false
        #expect(try silent.next() == .ping([]))
        while true {
            do {
                #expect(try silent.next() == .ping([]))
            } catch ConnectionFault.ended {
                break
            }
        }
        #expect(try scene.metric(#"jobwire_dropped_total{reason="silent_peer"}"#) == 1)
        try scene.publish("j1", "1")
        try crowd.join()
    }

    @Test("a client that vanishes leaves nothing behind", arguments: [1, 3])
    func vanishing(loops: Int) throws {
        let scene = try Scene(loops: loops)
        for round in 0..<40 {
            let connection = try scene.connect()
            switch round % 5 {
            case 0: try connection.send(Array("GET /api/v1/ws HT".utf8))
            case 1: _ = try scene.follow("j\(round)", over: connection)
            case 2: try scene.follow("j\(round)", over: connection).hear(until: "live")
            case 3:
                let client = try scene.open(over: connection)
                try client.say(subscribe((0..<50).map { "k\($0)" }))
            default:
                try connection.sendRequest(
                    "/api/v1/jobs/j1", headers: [Token.header(try Token.of(jobs: "*"))])
            }
        }
        try scene.waitForMetric("jobwire_connections", 1)
        try scene.waitForMetric("jobwire_subscriptions", 0)
        #expect(try scene.metric("jobwire_jobs") == 0)
        // Half a close is a close, too: nobody writes to who will not ask again.
        let client = try scene.open()
        client.connection.shutDownSending()
        #expect(throws: ConnectionFault.ended) { try client.next() }
    }

    @Test("one client's thousand subscriptions, over and over, do not stop the others")
    func greedySubscriber() throws {
        let scene = try Scene { $0.messagesBurstMax = 10_000 }
        let (messages, each) = (30, 1_000)
        let greedy = try scene.open()
        let other = try scene.follow("mine")
        try other.hear(until: "live")
        let message = subscribe((0..<each).map { "job-with-a-name-of-some-length-\($0)" })
        for _ in 0..<messages { try greedy.say(message) }
        let begin = ContinuousClock.now
        try scene.publish("mine", "1")
        _ = try other.hear(throughSeq: 1)
        let wait = ContinuousClock.now - begin
        var answers = 0
        while answers < messages * each {
            if try greedy.hear().type == "subscribed" { answers += 1 }
        }
        let all = ContinuousClock.now - begin
        #expect(wait < all / 2, "the other did not wait for all of it")
        #expect(try scene.metric("jobwire_subscriptions") == each + 1)
    }

    @Test("over TLS all is the same, and what is no TLS is let go")
    func overTLS() throws {
        let certificates = try Certificates()
        let scene = try Scene(loops: 3) {
            $0.serve(certificates)
            $0.handshakeTimeout = .seconds(5)
        }
        let trust = TestTLS(
            caFile: certificates.certificate("authority"), serverName: "server.test")
        for garbage in [
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\u{16}\u{3}\u{1}\u{0}\u{5}hello", "\u{0}\u{0}",
        ] {
            let connection = try scene.connect()
            try connection.send(Array(garbage.utf8))
            connection.shutDownSending()
            _ = try? connection.receiveToEnd()
        }
        let client = try scene.follow("j1", over: Connection(port: scene.port, tls: trust))
        try client.hear(until: "live")
        try scene.publish("j1", String(repeating: "x", count: 100_000))
        #expect(try client.hear(throughSeq: 1).last?.text.utf8.count ?? 0 > 100_000)
        #expect(throws: ConnectionFault.self, "a client that trusts another authority") {
            _ = try Connection(
                port: scene.port,
                tls: TestTLS(
                    caFile: certificates.certificate("stranger"), serverName: "server.test"))
        }
        let page = try Connection(port: scene.port, tls: trust).request("/metrics").text
        #expect(page.contains(#"jobwire_handshake_refusals_total{reason="tls"} 4"#))
    }
}
