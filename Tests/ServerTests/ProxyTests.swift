// Behind proxies: whose word counts for a client's address, and what stands before TLS.

import Settings
import Support
import Testing

@Suite("Behind proxies")
struct ProxyTests {
    /// The address that the log has for a refused client.
    private func logged(_ scene: Scene, _ headers: [String], preamble: String = "") throws -> String
    {
        let before = scene.log.count("refused")
        let connection = try Connection(port: scene.port, preamble: Array(preamble.utf8))
        _ = try connection.request("/api/v1/jobs/j1", headers: headers)
        try scene.log.wait(for: "refused", count: before + 1)
        let line = try #require(scene.log.lines.last { $0.contains(" refused ") })
        let word = try #require(line.split(separator: " ").first { $0.hasPrefix("peer=") })
        return String(word.dropFirst(5))
    }

    @Test("the word of a trusted proxy names the client, anybody else's changes nothing")
    func forwardedFor() throws {
        let trusting = try Scene { $0.trustedProxies = ["127.0.0.0/8"] }
        let table: [(headers: [String], client: String)] = [
            (["X-Forwarded-For: 192.0.2.1"], "192.0.2.1"),
            (["X-Forwarded-For: 6.6.6.6, 192.0.2.1"], "192.0.2.1"),
            (["X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 192.0.2.1, 127.0.0.9"], "192.0.2.1"),
            (["x-forwarded-for: \"[2001:db8::1]\""], "127.0.0.1"),
            (["X-Forwarded-For: [2001:db8::1]:7"], "[2001:db8::1]:7"),
        ]
        for row in table {
            #expect(try logged(trusting, row.headers).hasPrefix(row.client), "\(row.headers)")
        }
        #expect(try trusting.metric("jobwire_forwarded_unreadable_total") == 1)

        let distrusting = try Scene { $0.trustedProxies = ["10.0.0.0/8", "::1"] }
        for row in table { #expect(try logged(distrusting, row.headers).hasPrefix("127.0.0.1:")) }
        #expect(try distrusting.metric("jobwire_forwarded_unreadable_total") == 0)
    }

    @Test(
        "each client behind a proxy has its own limit, and cannot escape it by another name",
        arguments: [1, 3])
    func limitPerClient(loops: Int) throws {
        let scene = try Scene(loops: loops) {
            $0.trustedProxies = ["127.0.0.1"]
            $0.connectionsPerAddressMax = 2
        }
        func follow(as forwarded: String) throws -> WebSocketClient {
            try WebSocketClient(
                port: scene.port, "/api/v1/ws/jobs/j1/updates",
                headers: [Token.header(try Token.of(jobs: "j1")), "X-Forwarded-For: \(forwarded)"])
        }
        var inside: [WebSocketClient] = []
        for client in [
            "192.0.2.1", "1.2.3.4, 192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2:1",
        ] {
            inside.append(try follow(as: client))
            #expect(try inside.last?.hear().type == "connected")
        }
        for client in ["192.0.2.1", "5.6.7.8, 192.0.2.1", "192.0.2.1:99, 127.0.0.1", "2001:db8::3"]
        {
            #expect(
                try follow(as: client).ending()
                    == .init(code: 4429, reason: "too many connections"), "\(client)")
        }
        // What is asked without a lasting use is not counted, and lets go of nothing.
        let connection = try scene.connect()
        for _ in 0..<3 {
            let answer = try connection.request("/healthz", headers: ["X-Forwarded-For: 192.0.2.1"])
            #expect(answer.status == 200)
        }
        try inside[0].close()
        _ = try inside[0].ending()
        try scene.waitForMetric("jobwire_connections", inside.count + 1)
        #expect(try follow(as: "192.0.2.1").hear().type == "connected")
    }

    @Test(
        "a client is who the PROXY header says, with TLS behind it or without",
        arguments: [true, false])
    func proxyProtocol(tls: Bool) throws {
        let certificates = try Certificates()
        let scene = try Scene {
            $0.trustedProxies = ["127.0.0.1"]
            $0.proxyProtocol = true
            $0.connectionsPerAddressMax = 1
            if tls {
                $0.tlsCertificate = certificates.certificate("server")
                $0.tlsKey = certificates.keyFile("server")
            }
        }
        func follow(_ preamble: [UInt8], _ headers: String...) throws -> WebSocketClient {
            let connection = try Connection(
                port: scene.port,
                tls: tls
                    ? TestTLS(
                        caFile: certificates.certificate("authority"), serverName: "server.test")
                    : nil,
                preamble: preamble)
            return try WebSocketClient(
                over: connection, "/api/v1/ws/jobs/j1/updates",
                headers: [Token.header(try Token.of(jobs: "j1"))] + headers)
        }
        let line = { (address: String) in Array("PROXY TCP4 \(address) 127.0.0.1 1234 80\r\n".utf8)
        }
        let binary: [UInt8] =
            [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10, 0x21, 0x11, 0, 15]
            + [192, 0, 2, 3, 127, 0, 0, 1, 4, 0, 0, 80, 0xE0, 0, 0]
        let first = try follow(line("192.0.2.1"))
        #expect(try first.hear().type == "connected")
        // It is the client who is limited, and a name that it gives itself is worth nothing.
        #expect(try follow(line("192.0.2.1"), "X-Forwarded-For: 192.0.2.99").ending().code == 4429)
        let second = try follow(line("192.0.2.2"))
        #expect(try second.hear().type == "connected")
        let third = try follow(binary)
        #expect(try third.hear().type == "connected")
        #expect(try follow(binary).ending().code == 4429)
        #expect(try follow(line("192.0.2.3")).ending().code == 4429)
        // A proxy behind a proxy may name the client in the head.
        let fourth = try follow(line("127.0.0.1"), "X-Forwarded-For: 192.0.2.4")
        #expect(try fourth.hear().type == "connected")
        // Whom a proxy does not name is not believed, and counts as the proxy.
        let unknown = try follow(Array("PROXY UNKNOWN\r\n".utf8), "X-Forwarded-For: 192.0.2.5")
        #expect(try unknown.hear().type == "connected")
        #expect(
            try follow(Array("PROXY UNKNOWN\r\n".utf8), "X-Forwarded-For: 192.0.2.6").ending().code
                == 4429)

        for preamble in ["", "PROXY TCP9 a b 1 2\r\n", "PROXY TCP4 192.0.2.1 127.0.0.1 1234 80\n"] {
            #expect(throws: (any Error).self) { try follow(Array(preamble.utf8)) }
        }
        try scene.log.wait(for: "proxy_header_refused", count: 3)
        withExtendedLifetime([first, second, third, fourth, unknown]) {}
    }

    @Test("who is no trusted proxy may not begin with a PROXY header", arguments: [true, false])
    func strangers(isOn: Bool) throws {
        let scene = try Scene {
            $0.proxyProtocol = isOn
            $0.trustedProxies = [isOn ? "10.0.0.1" : "127.0.0.1"]
        }
        let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10, 0x20, 0, 0, 0]
        for preamble in [
            Array("PROXY TCP4 192.0.2.1 127.0.0.1 1 80\r\n".utf8), Array("PROXY UNKNOWN\r\n".utf8),
            signature,
        ] {
            let connection = try Connection(port: scene.port, preamble: preamble)
            try connection.sendRequest("/healthz")
            #expect(try connection.answer().status == 400)
        }
        #expect(try scene.connect().request("/healthz").status == 200)
    }

    @Test("a proxy that does not introduce its client in time is let go")
    func silentProxy() throws {
        let scene = try Scene {
            $0.proxyProtocol = true
            $0.trustedProxies = ["127.0.0.1"]
            $0.handshakeTimeout = .milliseconds(100)
        }
        for preamble in ["", "PROXY TCP4 192."] {
            let connection = try Connection(port: scene.port, preamble: Array(preamble.utf8))
            #expect(throws: ConnectionFault.ended) { try connection.receive() }
        }
    }
}
