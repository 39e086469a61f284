// Plain HTTP: answers, their order, and what is refused before it can do harm.

import Settings
import Support
import Testing

@Suite("HTTP")
struct HTTPTests {
    @Test("health, readiness, metrics and the page are for everybody", arguments: [1, 3])
    func open(loops: Int) throws {
        let scene = try Scene(loops: loops)
        let connection = try scene.connect()
        for path in ["/healthz", "/health"] {
            let answer = try connection.request(path)
            #expect(answer.status == 200 && answer.text == #"{"status":"ok"}"#)
        }
        try scene.waitUntilReady()
        let ready = try connection.request("/readyz")
        #expect(ready.status == 200)
        #expect(
            ready.text
                == #"{"ready":true,"updates":"flow","keys":true,"revocations":true,"draining":false}"#
        )
        let metrics = try connection.request("/metrics")
        #expect(metrics.header("content-type")?.hasPrefix("text/plain; version=0.0.4") == true)
        #expect(metrics.text.contains(#"jobwire_redis_subscriber_state{state="ready"} 1"#))
        let page = try connection.request("/")
        #expect(page.header("content-type")?.hasPrefix("text/html") == true)
        #expect(page.header("content-security-policy")?.contains("default-src 'none'") == true)
        #expect(try connection.request("/healthz", method: "HEAD").header("content-length") == "15")
    }

    @Test("other paths and methods have the right status and say why in JSON")
    func statuses() throws {
        let scene = try Scene()
        let token = Token.header(try Token.of(jobs: "j1"))
        let table: [(method: String, target: String, headers: [String], status: Int)] = [
            ("GET", "/nothing", [], 404), ("POST", "/nothing", [], 404),
            ("POST", "/healthz", [], 405), ("DELETE", "/api/v1/jobs/j1", [token], 405),
            ("GET", "/api/v1/jobs/j1", [], 401),
            ("GET", "/api/v1/jobs/j1", [Token.header("x")], 401),
            ("GET", "/api/v1/jobs/j2", [token], 403), ("GET", "/api/v1/jobs/a%20b", [token], 400),
            ("GET", "/api/v1/jobs/%zz", [token], 400),
            ("GET", "/api/v1/jobs/j1?token=%zz", [], 400),
            ("GET", "/api/v1/ws/queues/q", [], 426), ("GET", "/API/v1/jobs/j1", [token], 404),
            ("GET", "/api/v1/jobs/j1/", [token], 404), ("GET", "//healthz", [], 404),
        ]
        for row in table {
            let answer = try scene.connect().request(
                row.target, method: row.method, headers: row.headers)
            #expect(answer.status == row.status, "\(row)")
            #expect(answer.text.hasPrefix(#"{"error":{"code":""#), "\(row)")
            #expect((answer.header("www-authenticate") == "Bearer") == (row.status == 401))
        }
    }

    @Test("a job's snapshot has a tag, and 304 for who has it", arguments: [1, 3])
    func snapshot(loops: Int) throws {
        let scene = try Scene(loops: loops)
        let token = Token.header(try Token.of(jobs: "j1"))
        let unknown = try scene.connect().request("/api/v1/jobs/j1", headers: [token])
        #expect(try Heard(unknown.text).top("status") as? String == "unknown")
        try scene.publish("j1", #"{"type":"progress","data":{"progress":45}}"#)
        try scene.settle("j1", at: 1)
        for _ in 0..<loops * 2 {
            let connection = try scene.connect()
            let answer = try connection.request("/api/v1/jobs/j1", headers: [token])
            #expect(answer.status == 200 && answer.text.contains(#""progress":45"#))
            let tag = try #require(answer.header("etag"))
            for tags in [tag, "W/\(tag)", "\"x\", \(tag)", "*"] {
                let again = try connection.request(
                    "/api/v1/jobs/j1", headers: [token, "If-None-Match: \(tags)"])
                #expect(again.status == 304 && again.body.isEmpty && again.header("etag") == tag)
            }
            let other = try connection.request(
                "/api/v1/jobs/j1", headers: [token, "If-None-Match: \"x\""])
            #expect(other.status == 200)
        }
    }

    @Test(
        "pipelined requests are answered in their order, whoever has to be asked",
        arguments: [1, 3])
    func pipelining(loops: Int) throws {
        let scene = try Scene(loops: loops)
        let token = Token.header(try Token.of(jobs: "*"))
        for _ in 0..<loops * 2 {
            let connection = try scene.connect()
            var requests = ""
            for index in 0..<50 {
                requests += "GET /api/v1/jobs/j\(index) HTTP/1.1\r\nHost: x\r\n\(token)\r\n\r\n"
                requests += "GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
            }
            try connection.send(Array(requests.utf8))
            for index in 0..<50 {
                #expect(try connection.answer().text.contains(#""job_id":"j\#(index)""#))
                #expect(try connection.answer().text == #"{"status":"ok"}"#)
            }
        }
    }

    @Test("what two readers could understand differently is refused, and ends the connection")
    func smuggling() throws {
        let scene = try Scene()
        let table: [(request: String, status: Int)] = [
            ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na", 400),
            ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\na", 400),
            ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na", 400),
            ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x1\r\n\r\na", 400),
            ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\n\r\n", 413),
            (
                "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                400
            ),
            ("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
            ("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", 501),
            ("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400),
            ("GET / HTTP/1.1\nHost: x\n\n", 400), ("GET / HTTP/1.1\r\nHost: x\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: x\rX: y\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\n Host: x\r\n\r\n", 400), ("GET / HTTP/1.1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: x y\r\n\r\n", 400),
            ("GET / HTTP/1.0\r\nHost: x\r\n\r\n", 505),
            ("GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505), ("GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
            ("GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
            ("GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
            ("GET /\u{0} HTTP/1.1\r\nHost: x\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: x\r\nX\u{0}: 1\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\n\r\n", 417),
            ("GET /\(String(repeating: "a", count: 9_000)) HTTP/1.1\r\nHost: x\r\n\r\n", 414),
            (
                "GET / HTTP/1.1\r\nHost: x\r\nX: \(String(repeating: "a", count: 9_000))\r\n\r\n",
                431
            ),
            (
                "GET / HTTP/1.1\r\nHost: x\r\n" + String(repeating: "X: 1\r\n", count: 101)
                    + "\r\n", 431
            ),
            ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}", 400), ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        ]
        for row in table {
            let connection = try scene.connect()
            // What follows must never be taken for a request.
            try connection.send(
                Array((row.request + "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").utf8))
            let answers = String(decoding: try connection.receiveToEnd(), as: UTF8.self)
            let name = row.request.prefix(80)
            #expect(answers.hasPrefix("HTTP/1.1 \(row.status) "), "\(name) \(answers.prefix(80))")
            #expect(answers.split(separator: "HTTP/1.1 ").count == 1, "\(name)")
            #expect(answers.contains("connection: close"), "\(name)")
        }
        let refusals = try scene.metric(#"jobwire_handshake_refusals_total{reason="bad_request"}"#)
        #expect(refusals == table.count)
        try scene.waitForMetric("jobwire_connections", 1)
    }

    @Test("a head that comes too slowly is answered 408, one that never begins is closed")
    func slowHead() throws {
        let scene = try Scene { $0.handshakeTimeout = .milliseconds(500) }
        for beginning in [
            "GET /healthz HTTP/1.1\r\nHost:", "",
            "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab",
        ] {
            let connection = try scene.connect()
            try connection.send(Array(beginning.utf8))
            #expect(try connection.answer().status == 408)
            #expect(try connection.receiveToEnd().isEmpty)
        }
        // Byte by byte is no excuse: the time begins with the connection.
        let dripping = try scene.connect()
        #expect(throws: ConnectionFault.self) {
            for _ in 0..<1_000_000 { try dripping.send(Array("X".utf8)) }
        }
        #expect(try scene.metric(#"jobwire_handshake_refusals_total{reason="timed_out"}"#) >= 3)
        try scene.waitForMetric("jobwire_connections", 1)
    }

    @Test("a connection that is idle between requests is closed after a while")
    func keepAlive() throws {
        let scene = try Scene {
            ($0.keepAliveTimeout, $0.handshakeTimeout) = (.milliseconds(1_500), .milliseconds(500))
        }
        let connection = try scene.connect()
        for _ in 0..<3 { #expect(try connection.request("/healthz").status == 200) }
        #expect(try connection.receiveToEnd().isEmpty)
        #expect(try scene.metric(#"jobwire_handshake_refusals_total{reason="timed_out"}"#) == 0)
        // A head that comes slowly is given no more time because it is the second.
        let second = try scene.connect()
        #expect(try second.request("/healthz").status == 200)
        try second.send(Array("GET /".utf8))
        #expect(try second.answer().status == 408)
        let asked = try scene.connect().request("/healthz", headers: ["Connection: close"])
        #expect(asked.status == 200 && asked.header("connection") == "close")
    }

    @Test(
        "empty lines between requests are no requests, and the longest token has room in a header")
    func leniency() throws {
        let scene = try Scene()
        let connection = try scene.connect()
        try connection.send(Array("\r\n".utf8))
        for _ in 0..<2 {
            #expect(
                try connection.request("/healthz", body: Array("ab\r\n\r\n".utf8)).status == 200)
            try connection.send(Array("\r\n\r\n".utf8))
        }
        let longest = String(repeating: "a", count: 8_192)
        let answer = try connection.request(
            "/api/v1/jobs", headers: ["Authorization: Bearer \(longest)"])
        #expect(answer.status == 401)
    }

    @Test("a client that waits for 100 gets it before it sends the body")
    func expect() throws {
        let scene = try Scene()
        let connection = try scene.connect()
        try connection.sendRequest(
            "/healthz", headers: ["Expect: 100-continue", "Content-Length: 2"])
        #expect(try connection.answerHead().status == 100)
        try connection.send([1, 2])
        #expect(try connection.answer().status == 200)
    }

    @Test("beyond the limits a socket is closed with 4429, a request answered 429")
    func connectionLimits() throws {
        for perAddress in [true, false] {
            let scene = try Scene {
                if perAddress { $0.connectionsPerAddressMax = 3 } else { $0.connectionsMax = 3 }
            }
            let inside = try (0..<3).map { _ in try scene.follow("j1") }
            for client in inside { #expect(try client.hear().type == "connected") }
            let refused = try scene.follow("j1")
            #expect(try refused.ending() == .init(code: 4429, reason: "too many connections"))
            #expect(try scene.connect().request("/healthz").status == 429)
            try inside[0].close()
            _ = try inside[0].ending()
            try eventually("a place is free") {
                try scene.connect().request("/healthz", headers: ["Connection: close"]).status
                    == 200
            }
            let reason = perAddress ? "address_max" : "connections_max"
            #expect(try scene.metric("jobwire_handshake_refusals_total{reason=\"\(reason)\"}") >= 2)
        }
    }

    @Test("connections that say nothing are let go, and cost nothing then")
    func silent() throws {
        let scene = try Scene(loops: 3) { $0.handshakeTimeout = .milliseconds(500) }
        let silent = try (0..<400).map { _ in try scene.connect() }
        for connection in silent { #expect(try connection.answer().status == 408) }
        try scene.waitForMetric("jobwire_connections", 1)
    }
}
