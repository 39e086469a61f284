// How a client gets in, and what it is told when it does not.

import Settings
import Support
import Testing

@Suite("Getting in")
struct HandshakeTests {
    static let path = "/api/v1/ws/jobs/j1/updates"

    @Test(
        "the JSON protocol is chosen where it is offered, and the token beside it is never echoed",
        arguments: [true, false])
    func subprotocols(isOffered: Bool) throws {
        let scene = try Scene()
        let token = try Token.of(jobs: "j1")
        let client = try WebSocketClient(
            port: scene.port, Self.path,
            protocols: ["bearer.\(token)", "other.v9"] + (isOffered ? ["jobwire.v1.json"] : []))
        #expect(client.chosenProtocol == (isOffered ? "jobwire.v1.json" : nil))
        #expect(!client.answer.headers.contains { $0.value.contains(token) })
        #expect(try client.hear().type == "connected")
    }

    @Test(
        "the first message of every socket is connected",
        arguments: [1, 3], ["/api/v1/ws", "/api/v1/ws/jobs/j1/updates"])
    func connectedFirst(loops: Int, path: String) throws {
        let scene = try Scene(loops: loops) { $0.pingInterval = .seconds(25) }
        let token = try Token.of(jobs: "j1", for: 3_600)
        // What is said in the same packet as the handshake has to wait for the greeting, too.
        for _ in 0..<12 {
            let client = try WebSocketClient(
                over: scene.connect(), path, headers: [Token.header(token)],
                trailing: maskedText(#"{"type":"ping","id":7}"#))
            let connected = try client.hear()
            #expect(connected.type == "connected")
            #expect(connected.text("server")?.hasPrefix("jobwire/") == true)
            #expect(connected.number("heartbeat_seconds") == 25)
            #expect(connected.text("expires_at")?.hasSuffix("Z") == true)
            #expect((connected.text("status") == "unknown") == (path != "/api/v1/ws"))
            #expect(try client.hear(until: "pong").last?.id as? Int == 7)
        }
    }

    @Test("a token is taken from each place that may hold it")
    func places() throws {
        let scene = try Scene()
        let token = try Token.of(jobs: "j1")
        let places: [(target: String, protocols: [String], headers: [String])] = [
            (Self.path, [], ["Authorization: Bearer \(token)"]),
            (Self.path, [], ["authorization: bearer \(token)"]),
            (Self.path, ["jobwire.v1.json", "bearer.\(token)"], []),
            (Self.path + "?token=\(token)", [], []),
            (Self.path + "?history=none&token=\(token)", [], []),
        ]
        for place in places {
            let client = try WebSocketClient(
                port: scene.port, place.target, protocols: place.protocols, headers: place.headers)
            #expect(try client.hear().type == "connected", "\(place)")
        }
    }

    @Test("the first token that is present decides, even where a good one follows")
    func precedence() throws {
        let scene = try Scene()
        let good = try Token.of(jobs: "j1")
        let places: [(target: String, protocols: [String], headers: [String])] = [
            (Self.path + "?token=\(good)", ["bearer.\(good)"], ["Authorization: Bearer bad"]),
            (Self.path + "?token=\(good)", ["bearer.\(good)"], ["Authorization: Basic YTpi"]),
            (Self.path + "?token=\(good)", ["bearer.bad"], []),
        ]
        for place in places {
            let client = try WebSocketClient(
                port: scene.port, place.target, protocols: place.protocols, headers: place.headers)
            #expect(try client.ending().code == 4401, "\(place)")
        }
        let good3 = try WebSocketClient(
            port: scene.port, Self.path + "?token=bad", protocols: ["bearer.bad"],
            headers: [Token.header(good)])
        #expect(try good3.hear().type == "connected")
    }

    @Test("a refused client completes the handshake and is told why", arguments: [1, 3])
    func refusals(loops: Int) throws {
        let scene = try Scene(loops: loops) { $0.allowedOrigins = ["https://ours.example"] }
        let token = try Token.of(jobs: "j1", "k-*")
        let table: [(target: String, headers: [String], code: UInt16)] = [
            (Self.path, [Token.header("bad")], 4401),
            (Self.path, [Token.header(try Token.of(jobs: "j1", for: -3_600))], 4401),
            ("/api/v1/ws/jobs/j2/updates", [Token.header(token)], 4403),
            ("/api/v1/ws/jobs/k/updates", [Token.header(token)], 4403),
            (Self.path, [Token.header(token), "Origin: https://theirs.example"], 4403),
            (Self.path, [Token.header(token), "Origin: null"], 4403),
            ("/api/v1/ws/jobs/a%20b/updates", [Token.header(token)], 4400),
            ("/api/v1/ws/jobs/a%2Fb/updates", [Token.header(token)], 4400),
            ("/api/v1/ws/jobs/..%00/updates", [Token.header(token)], 4400),
            ("/api/v1/ws/jobs/%zz/updates", [Token.header(token)], 4400),
            ("/api/v1/ws/jobs//updates", [Token.header(token)], 4400),
            (Self.path + "?after=x:y:z", [Token.header(token)], 4400),
            (Self.path + "?after=99999999999999999999", [Token.header(token)], 4400),
            (Self.path + "?history=some", [Token.header(token)], 4400),
            (Self.path + "?types=", [Token.header(token)], 4400),
            (Self.path + "?after=%zz", [Token.header(token)], 4400),
            (Self.path + "?progress_hz=0", [Token.header(token)], 4400),
        ]
        for row in table {
            let client = try WebSocketClient(port: scene.port, row.target, headers: row.headers)
            let ending = try client.ending()
            #expect(ending.code == row.code, "\(row.target) \(row.headers.count)")
            #expect(!ending.reason.isEmpty, "\(row.target)")
        }
        for (target, origin) in [
            (Self.path, "https://ours.example"), (Self.path, "http://localhost"),
        ] {
            let client = try WebSocketClient(
                port: scene.port, target, headers: [Token.header(token), "Origin: \(origin)"])
            #expect(try client.hear().type == "connected")
        }
        try scene.waitForMetric("jobwire_connections", 1)
    }

    @Test("every kind of bad token is refused, counted by its reason, and in no line of the log")
    func badTokens() throws {
        let scene = try Scene {
            $0.httpLineBytesMax = 32_768; $0.httpHeadBytesMax = 32_768
        }
        for (token, word) in try Token.bad() {
            let client = try WebSocketClient(
                port: scene.port, Self.path, headers: [Token.header(token)])
            let ending = try client.ending()
            #expect(ending.code == 4401, "\(word)")
            #expect(!ending.reason.contains(token))
            #expect(!scene.log.lines.contains { $0.contains(token) }, "\(word)")
        }
        for word in Set(try Token.bad().map(\.word)) {
            let metric = word == "tooLong" ? "too_long" : word
            let count = try Token.bad().count { $0.word == word }
            #expect(try scene.metric("jobwire_auth_refusals_total{reason=\"\(metric)\"}") == count)
        }
    }

    @Test(
        "a token that is let in is in no line of the log, wherever it was put", arguments: [1, 3])
    func silentLog(loops: Int) throws {
        let scene = try Scene(loops: loops)
        let token = try Token.of(jobs: "j1")
        _ = try WebSocketClient(
            port: scene.port, Self.path, protocols: ["bearer.\(token)"]
        ).hear()
        _ = try WebSocketClient(port: scene.port, Self.path + "?token=\(token)").hear()
        let client = try WebSocketClient(port: scene.port, "/api/v1/ws")
        try client.say(#"{"type":"auth","data":{"token":"\#(token)"}}"#)
        _ = try client.hear()
        _ = try scene.connect().request("/api/v1/jobs/j1?token=\(token)")
        _ = try scene.connect().request("/nothing?token=\(token) HTTP/1.1\r\nbroken")
        scene.server.stop()
        let signature = try #require(token.split(separator: ".").last)
        #expect(!scene.log.lines.contains { $0.contains(signature) })
        #expect(scene.log.count("stopped") == 1)
    }

    @Test("a token may come as the first message, and only then", arguments: [1, 3])
    func firstMessage(loops: Int) throws {
        let scene = try Scene(loops: loops)
        for path in ["/api/v1/ws", Self.path] {
            let client = try WebSocketClient(port: scene.port, path)
            try client.say(
                #"{"type":"auth","data":{"token":"\#(try Token.of(jobs: "j1"))"},"id":1}"#)
            #expect(try client.hear().type == "connected")
        }
        for first in [
            #"{"type":"ping"}"#, #"{"type":"subscribe","data":{"job_id":"j1"}}"#,
            #"{"type":"auth","data":{"token":"bad"}}"#, "not json", #"{"type":"auth","data":{}}"#,
        ] {
            let client = try WebSocketClient(port: scene.port, "/api/v1/ws")
            try client.say(first)
            var heard: [String] = []
            #expect(try client.ending { heard.append($0.type) }.code == 4401, "\(first)")
            #expect(heard.isEmpty, "nothing comes before connected but a close: \(first)")
        }
        let otherJob = try WebSocketClient(port: scene.port, Self.path)
        try otherJob.say(#"{"type":"auth","data":{"token":"\#(try Token.of(jobs: "j2"))"}}"#)
        #expect(try otherJob.ending().code == 4403)
    }

    @Test("who sends no token in time is closed with 4401")
    func authTimeout() throws {
        let scene = try Scene { $0.authTimeout = .milliseconds(500) }
        let client = try WebSocketClient(port: scene.port, "/api/v1/ws")
        #expect(try client.ending() == .init(code: 4401, reason: "no token came in time"))
        #expect(try scene.metric(#"jobwire_auth_refusals_total{reason="timed_out"}"#) == 1)
        // Who was let in is not closed by that time.
        let inTime = try WebSocketClient(port: scene.port, "/api/v1/ws")
        try inTime.say(#"{"type":"auth","data":{"token":"\#(try Token.of(jobs: "*"))"}}"#)
        #expect(try inTime.hear().type == "connected")
        let late = try WebSocketClient(port: scene.port, "/api/v1/ws")
        #expect(try late.ending().code == 4401)
        try inTime.say(#"{"type":"ping"}"#)
        #expect(try inTime.hear().type == "pong")
    }

    @Test("a request that is no handshake is told in HTTP what is missing")
    func noHandshake() throws {
        let scene = try Scene()
        let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        let all = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", key]
        let table: [(method: String, headers: [String], status: Int)] = [
            ("GET", [], 426),
            ("GET", Array(all.dropFirst()), 426),
            ("GET", [all[0], all[2], key], 400),
            ("GET", [all[0], all[1], "Sec-WebSocket-Version: 8", key], 426),
            ("GET", [all[0], all[1], all[2]], 400),
            ("GET", [all[0], all[1], all[2], "Sec-WebSocket-Key: short"], 400),
            ("POST", all, 405),
        ]
        for row in table {
            let answer = try scene.connect().request(
                Self.path, method: row.method, headers: row.headers)
            #expect(answer.status == row.status, "\(row)")
        }
    }
}

/// A text frame of up to 125 bytes, masked with a key of zeros.
func maskedText(_ text: String) -> [UInt8] {
    [0x81, 0x80 | UInt8(text.utf8.count), 0, 0, 0, 0] + Array(text.utf8)
}
