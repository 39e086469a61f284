// How many may come, and how fast: what those are told who are one too many.

import Loop
import Support
import Testing

@testable import Server

@Suite("Limits of who comes")
struct LimitsTests {
    static let path = "/api/v1/ws/jobs/j1/updates"
    static let upgrade = [
        "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]

    @Test(
        "a subject has so many sockets and event streams, of one issuer, and others their own",
        arguments: [1, 3])
    func perSubject(loops: Int) throws {
        let scene = try Scene(loops: loops) { $0.connectionsPerSubjectMax = 3 }
        let own = try Token.of(jobs: "j1", subject: "u1")
        var inside = try (0..<2).map { _ in try scene.follow("j1", token: own) }
        for client in inside { #expect(try client.hear().type == "connected") }
        let stream = try scene.connect()
        try stream.sendRequest(
            "/api/v1/jobs/j1/events", headers: [Token.header(own), "Accept: text/event-stream"])
        #expect(try stream.answerHead().status == 200)

        let refused = try scene.follow("j1", token: own)
        #expect(
            try refused.ending()
                == .init(code: 4429, reason: "too many connections of this token's subject"))
        let late = try WebSocketClient(port: scene.port, "/api/v1/ws")
        try late.say(#"{"type":"auth","data":{"token":"\#(own)"}}"#)
        #expect(try late.ending().code == 4429)
        for (headers, target) in [
            (["Accept: text/event-stream"], "/api/v1/jobs/j1/events"),
            ([], "/api/v1/jobs/j1/events?wait=30"),
        ] {
            let answer = try scene.connect().request(target, headers: headers + [Token.header(own)])
            #expect(answer.status == 429 && answer.header("retry-after") == "1")
            #expect(answer.text.contains("too_many_of_subject"))
        }
        // What is answered at once holds nothing.
        let brief = try scene.connect().request("/api/v1/jobs/j1", headers: [Token.header(own)])
        #expect(brief.status == 200)
        for token in [try Token.of(jobs: "j1", subject: "u2"), try Token.of(jobs: "j1")] {
            for _ in 0..<3 { inside.append(try scene.follow("j1", token: token)) }
        }
        inside.append(try scene.follow("j1", token: try Token.of(jobs: "j1")))
        for client in inside[2...] { #expect(try client.hear().type == "connected") }
        #expect(try scene.metric(#"jobwire_handshake_refusals_total{reason="subject_max"}"#) == 4)

        try inside[0].close()
        _ = try inside[0].ending()
        try scene.waitForMetric("jobwire_connections", inside.count + 1)
        #expect(try scene.follow("j1", token: own).hear().type == "connected")
    }

    @Test("a long-poll counts while it waits, and its connection goes on")
    func longPoll() throws {
        let scene = try Scene { $0.connectionsPerSubjectMax = 1 }
        let token = try Token.of(jobs: "j1", subject: "u1")
        let connection = try scene.connect()
        for _ in 0..<3 {
            let answer = try connection.request(
                "/api/v1/jobs/j1/events?wait=1", headers: [Token.header(token)])
            #expect(answer.status == 200)
        }
        #expect(try scene.follow("j1", token: token).hear().type == "connected")
    }

    @Test(
        "handshakes beyond the rate are told to come later, by one address or by all",
        arguments: [true, false])
    func rate(perAddress: Bool) throws {
        let scene = try Scene {
            if perAddress {
                ($0.handshakesPerAddressPerSecondMax, $0.handshakesPerAddressBurstMax) = (1, 5)
            } else {
                ($0.handshakesPerSecondMax, $0.handshakesBurstMax) = (1, 5)
            }
            $0.explainedRefusalsPerSecondMax = 3
        }
        let begin = ContinuousClock.now
        var refused = 0
        var last: HTTPAnswer?
        for _ in 0..<30 {
            let connection = try scene.connect()
            try connection.sendRequest(
                Self.path, headers: Self.upgrade + [Token.header(try Token.of(jobs: "j1"))])
            let answer = try connection.answerHead()
            guard answer.status == 429 else { continue }
            refused += 1
            last = answer
        }
        // A slow machine lets in and explains more, so many a second.
        let seconds = Int((ContinuousClock.now - begin) / .seconds(1)) + 1
        #expect(last?.header("retry-after") == "1")
        let reason = perAddress ? "address_rate" : "rate"
        let all = try scene.metric("jobwire_handshake_refusals_total{reason=\"\(reason)\"}")
        #expect(all >= 30 - (5 + seconds))
        #expect(
            1...(3 + 3 * seconds) ~= all - refused,
            "some were told by a WebSocket, and no more than may be")
        #expect(1...10 * (seconds + 1) ~= scene.log.count("limited"))
        // Whom it does not concern is served.
        #expect(try scene.connect().request("/healthz").status == 200)
    }

    @Test("a socket that is refused for its rate says when to come again")
    func told() throws {
        let scene = try Scene {
            ($0.handshakesPerAddressPerSecondMax, $0.handshakesPerAddressBurstMax) = (1, 1)
        }
        _ = try scene.follow("j1").hear()
        var ending: WebSocketClient.Message?
        // A machine that took a second for it let the next one in.
        for _ in 0..<3 {
            ending = try scene.follow("j1").next()
            if case .close = ending { break }
        }
        #expect(ending == .close(4429, reason: "too many handshakes, come back in 1 s"))
    }

    @Test("over TLS it counts before hands are shaken, and once with the WebSocket that follows")
    func rateOverTLS() throws {
        let certificates = try Certificates()
        let scene = try Scene {
            ($0.handshakesPerAddressPerSecondMax, $0.handshakesPerAddressBurstMax) = (1, 4)
            $0.serve(certificates)
        }
        let trust = TestTLS(
            caFile: certificates.certificate("authority"), serverName: "server.test")
        func connect() throws -> Connection { try Connection(port: scene.port, tls: trust) }
        let begin = ContinuousClock.now
        for _ in 0..<3 {
            #expect(try scene.follow("j1", over: connect()).hear().type == "connected")
        }
        // The fourth asks for metrics, too.
        let fourth = try connect()
        var refused = 0
        for _ in 0..<20 where (try? connect()) == nil { refused += 1 }
        let seconds = Int((ContinuousClock.now - begin) / .seconds(1)) + 1
        #expect(refused >= 20 - seconds)
        let line = "jobwire_handshake_refusals_total{reason=\"address_rate\"} \(refused)"
        #expect(try fourth.request("/metrics").text.contains(line))
    }

    @Test(
        "who brings bad tokens by HTTP is soon not looked at, with good ones neither, and others are"
    )
    func guessing() throws {
        let scene = try Scene {
            ($0.handshakesPerAddressPerSecondMax, $0.handshakesPerAddressBurstMax) = (1, 5)
            $0.trustedProxies = ["127.0.0.1"]
        }
        func ask(_ token: String?, from client: String) throws -> HTTPAnswer {
            try scene.connect().request(
                "/api/v1/jobs/j1",
                headers: ["X-Forwarded-For: \(client)"] + (token.map { [Token.header($0)] } ?? []))
        }
        let good = try Token.of(jobs: "j1")
        for _ in 0..<30 { #expect(try ask(good, from: "192.0.2.1").status == 200) }
        // Nobody guesses without a token.
        for _ in 0..<30 { #expect(try ask(nil, from: "192.0.2.1").status == 401) }
        let answers = try (0..<30).map { _ in try ask("bad", from: "192.0.2.1").status }
        #expect(answers.prefix(5) == [401, 401, 401, 401, 401])
        #expect(Set(answers) == [401, 429] && answers.count { $0 == 401 } < 15)
        // As long as that lasts a right guess looks like a wrong one.
        var right = try ask(good, from: "192.0.2.1")
        for _ in 0..<5 where right.status != 429 {
            for _ in 0..<3 { _ = try ask("bad", from: "192.0.2.1") }
            right = try ask(good, from: "192.0.2.1")
        }
        #expect(right.status == 429 && right.header("retry-after") == "1")
        #expect(right.text.contains("too_many_handshakes"))
        #expect(try ask(good, from: "192.0.2.2").status == 200)
    }

    @Test("jobs, feeds and queues of a socket count together, answered or not")
    func subscriptions() throws {
        let scene = try Scene { $0.subscriptionsPerConnectionMax = 4 }
        let client = try scene.open(
            token: try Token.of(jobs: "*", feeds: "*", queues: ["q1", "q2"]))
        // In one message, so that none is answered before the last is asked for.
        try client.say(#"{"type":"subscribe","data":{"jobs":["1","2"]}}"#)
        try client.say(#"{"type":"subscribe","data":{"queue":"q1"}}"#)
        try client.say(#"{"type":"subscribe","data":{"feed":"f1"}}"#)
        for (id, subject) in [
            ("a", #""queue":"q2""#), ("b", #""job_id":"3""#), ("c", #""feed":"f2""#),
        ] {
            try client.say(#"{"type":"subscribe","id":"\#(id)","data":{\#(subject)}}"#)
            let refused = try #require(try client.hear(until: "rejected").last)
            #expect(refused.text("code") == "too_many_subscriptions" && refused.id as? String == id)
        }
        try client.say(#"{"type":"unsubscribe","data":{"queue":"q1"}}"#)
        try client.say(#"{"type":"subscribe","id":"d","data":{"job_id":"3"}}"#)
        #expect(try client.hear { $0.id as? String == "d" }.last?.type == "subscribed")
        // Again what is there already is one more for nobody.
        try client.say(#"{"type":"subscribe","id":"e","data":{"job_id":"3"}}"#)
        #expect(try client.hear { $0.id as? String == "e" }.last?.type == "subscribed")
    }

    @Test(
        "an address is forgotten when many others have come, and never are more remembered than may be"
    )
    func addressTable() throws {
        let limits = HandshakeLimits(.init(perAddressPerSecond: 1, perAddressBurst: 1), at: .now())
        let now = Instant.now()
        func address(_ number: Int) throws -> PeerAddress {
            try #require(
                PeerAddress(parsing: "10.\(number >> 16).\(number >> 8 & 255).\(number & 255)"))
        }
        #expect(limits.take(try address(0), at: now) == .allowed)
        #expect(limits.take(try address(0), at: now) == .tooManyFromAddress(retryAfter: 1))
        for number in 1..<20_000 { #expect(limits.take(try address(number), at: now) == .allowed) }
        #expect(limits.mayTry(try address(0), at: now) == .tooManyFromAddress(retryAfter: 1))

        var table = RecentAddresses(max: 100)
        for number in 0..<10_000 {
            table[try address(number)] = Allowance(at: now)
            #expect(try table.count <= 100 && table[address(number)] != nil)
            // Who keeps coming is kept.
            #expect(try number == 0 || table[address(0)] != nil)
            table[try address(0)] = Allowance(at: now)
        }
    }
}
