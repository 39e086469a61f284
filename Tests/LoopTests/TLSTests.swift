// TLS carries the same bytes, and lets nobody in whom a certificate should keep out.

import Bytes
import Support
import Testing

@testable import Loop

@Suite("TLS")
struct TLSTests {
    private let files: Certificates
    init() throws { files = try Certificates() }

    @Test(
        "an echo over TLS brings back what was sent, for sizes around a record",
        arguments: [1, 16_383, 16_384, 16_385, 1_000_000])
    func echo(size: Int) throws {
        let loop = try Loop()
        let echo = Actor()
        echo.onBytes = { stream, lent in stream.send(SharedBytes(lent)) }
        let endpoint = try loop.listenOnLoopback(
            tls: server("server"), owner: Door { $0.setOwner(echo) })
        let sent = pattern(size)
        let client = Actor()
        client.onBytes = { [unowned client] stream, _ in
            if client.bytes.count == size { stream.finish() }
        }
        client.onEnd = { _, _ in loop.stop() }
        let stream = loop.connect(
            to: endpoint, tls: try self.client(), timeout: .seconds(5), owner: client)
        for start in stride(from: 0, to: size, by: 5000) {
            stream.send(SharedBytes(Array(sent[start..<min(start + 5000, size)])))
        }
        loop.runInTime()
        #expect(client.bytes == sent)
        #expect(client.opened == 1 && echo.opened == 1)
        #expect(echo.ends == [.closedByPeer])
    }

    @Test("a slow reader over TLS gets everything in order")
    func slowReader() throws {
        let loop = try Loop()
        let sent = pattern(3_000_000)
        let reader = Actor()
        let sender = Actor()
        sender.onOpen = { stream in
            for start in stride(from: 0, to: sent.count, by: 30_000) {
                stream.send(SharedBytes(Array(sent[start..<start + 30_000])))
            }
        }
        sender.onDrain = { $0.finish() }
        let endpoint = try loop.listenOnLoopback(
            tls: server("server"), owner: Door { $0.setOwner(sender) })
        reader.onEnd = { _, _ in loop.stop() }
        let stream = loop.connect(
            to: endpoint, tls: try client(), timeout: .seconds(5), owner: reader)
        stream.readBudgetBytes = 20_000
        loop.runInTime()
        #expect(reader.bytes.count == sent.count && reader.bytes == sent)
        #expect(reader.ends == [.closedByPeer])
    }

    @Test("the first words may come with the end of the handshake")
    func firstWords() throws {
        let loop = try Loop()
        let greeter = Actor()
        greeter.onOpen = { stream in
            stream.send(shared("hello"))
            stream.finish()
        }
        let endpoint = try loop.listenOnLoopback(
            tls: server("server"), owner: Door { $0.setOwner(greeter) })
        let (bytes, end) = try visit(loop, endpoint, with: client())
        #expect(bytes == Array("hello".utf8) && end == .closedByPeer)
    }

    @Test("a server with another name is refused", arguments: ["other.test", "127.0.0.2"])
    func wrongName(name: String) throws {
        let end = try refusal(of: client(name: name))
        let words = name == "other.test" ? "hostname mismatch" : "IP address mismatch"
        #expect(end == .tls(words))
    }

    @Test("without a name the certificate must name the address that was connected to")
    func ownAddress() throws {
        let loop = try Loop()
        let (bytes, _) = try visit(loop, greeting(loop), with: client(name: nil))
        #expect(bytes == Array("hello".utf8))
    }

    @Test("a server of an authority we do not trust is refused")
    func wrongAuthority() throws {
        let end = try refusal(of: client(authority: "stranger"))
        guard case .tls(let reason) = end else { throw end }
        #expect(reason.contains("certificate"))
    }

    @Test("a plain server, and one that only closes, are refused with a reason")
    func notTLS() throws {
        for words in ["+OK plain\r\n", ""] {
            let loop = try Loop()
            let plain = Actor()
            plain.onOpen = { stream in
                stream.send(shared(words))
                stream.finish()
            }
            let endpoint = try loop.listenOnLoopback(owner: Door { $0.setOwner(plain) })
            let (_, end) = try visit(loop, endpoint, with: client())
            guard case .tls = end else { throw end }
        }
    }

    @Test("a client that speaks no TLS does not open, and the others are served")
    func plainClient() throws {
        let loop = try Loop()
        let greeter = Actor()
        let endpoint = try loop.listenOnLoopback(
            tls: server("server"), owner: Door { $0.setOwner(greeter) })
        let client = Actor()
        client.onEnd = { _, _ in loop.stop() }
        loop.connect(to: endpoint, timeout: .seconds(5), owner: client)
            .send(shared("GET / HTTP/1.1\r\n\r\n"))
        loop.runInTime()
        #expect(greeter.opened == 0)
        guard case .tls = try #require(greeter.ends.first) else { throw greeter.ends[0] }
    }

    @Test("a handshake that never ends is given up in time, which is not that of TCP alone")
    func handshakeTimeout() throws {
        let loop = try Loop()
        let mute = Actor()
        let endpoint = try loop.listenOnLoopback(owner: Door { $0.setOwner(mute) })
        let client = Actor()
        client.onEnd = { _, _ in loop.stop() }
        let begun = Instant.now()
        _ = loop.connect(
            to: endpoint, tls: try self.client(), timeout: .milliseconds(80),
            dialTimeout: .milliseconds(10), owner: client)
        loop.runInTime()
        #expect(client.ends == [.timedOut] && client.opened == 0)
        #expect(Instant.now() - begun >= .milliseconds(80))
    }

    @Test("of many that shake hands at once a few have their turn in each tick, and all in the end")
    func handshakesInTurn() throws {
        var limits = LoopLimits()
        limits.handshakeStepsPerTickMax = 1
        let loop = try Loop(limits: limits)
        let greeter = Actor()
        let endpoint = try loop.listenOnLoopback(
            tls: server("server"), owner: Door { $0.setOwner(greeter) })
        let clients = (0..<10).map { _ in Actor() }
        let tls = try client()
        for client in clients {
            _ = loop.connect(to: endpoint, tls: tls, timeout: .seconds(5), owner: client)
        }
        var (before, most) = (0, 0)
        loop.afterFlush = {
            (most, before) = (max(most, greeter.opened - before), greeter.opened)
            if greeter.opened == clients.count { loop.stop() }
        }
        loop.runInTime()
        #expect(greeter.opened == clients.count && most == 1)
    }

    @Test("whoever may not shake hands is closed before that has cost anything")
    func mayNot() throws {
        let loop = try Loop()
        let strict = Actor()
        strict.mayShakeHands = false
        let endpoint = try loop.listenOnLoopback(
            tls: server("server"), owner: Door { $0.setOwner(strict) })
        let (bytes, end) = try visit(loop, endpoint, with: client())
        #expect(bytes == [] && end != .closedByUs)
        #expect(strict.opened == 0 && strict.ends == [.closedByUs])
    }

    @Test("where a client certificate is required, one without is refused and one with is not")
    func clientCertificate() throws {
        for shows in [false, true] {
            let loop = try Loop()
            let server = try TLSServer(
                certificateFile: files.certificate("server"), keyFile: files.keyFile("server"),
                clientCAFile: files.certificate("authority"))
            let greeter = Actor()
            greeter.onOpen = { stream in
                stream.send(shared("hello"))
                stream.finish()
            }
            let endpoint = try loop.listenOnLoopback(
                tls: server, owner: Door { $0.setOwner(greeter) })
            let client = try TLSClient(
                caFile: files.certificate("authority"), serverName: "server.test",
                certificateFile: shows ? files.certificate("client") : nil,
                keyFile: shows ? files.keyFile("client") : nil)
            let (bytes, end) = try visit(loop, endpoint, with: client)
            #expect(bytes == (shows ? Array("hello".utf8) : []))
            #expect((end == .closedByPeer) == shows)
        }
    }

    @Test("a reload serves the new certificate; one that cannot be read leaves the old in place")
    func reload() throws {
        let server = try server("server")
        // The renewed one names another server, so that a client can tell them apart.
        #expect(try isServed("server.test", by: server))
        try files.replace("server", with: "renewed")
        #expect(try isServed("server.test", by: server), "not before the reload")
        try server.reload()
        #expect(try isServed("renewed.test", by: server))
        #expect(try !isServed("server.test", by: server))
        try files.spoil("server")
        #expect(throws: TLSFault.self) { try server.reload() }
        #expect(try isServed("renewed.test", by: server))
    }

    private func isServed(_ name: String, by server: TLSServer) throws -> Bool {
        let loop = try Loop()
        let (bytes, _) = try visit(loop, greeting(loop, server), with: client(name: name))
        return bytes == Array("hello".utf8)
    }

    @Test(
        "files that are no certificate, no key or no pair are refused, with the file's name",
        arguments: [("nothing", "server"), ("server", "nothing"), ("server", "client")])
    func badFiles(certificate: String, key: String) throws {
        let fault = #expect(throws: TLSFault.self) {
            try TLSServer(
                certificateFile: files.certificate(certificate), keyFile: files.keyFile(key))
        }
        let blamed = certificate == "nothing" ? "nothing.pem" : "\(key).key"
        #expect(fault?.description.contains(blamed) == true)
    }

    // MARK: - Parts

    private func server(_ name: String) throws -> TLSServer {
        try TLSServer(certificateFile: files.certificate(name), keyFile: files.keyFile(name))
    }

    private func client(
        name: String? = "server.test", authority: String = "authority"
    ) throws -> TLSClient {
        try TLSClient(
            caFile: files.certificate(authority), serverName: name, certificateFile: nil,
            keyFile: nil)
    }

    private func greeting(_ loop: Loop, _ server: TLSServer? = nil) throws -> Endpoint {
        let greeter = Actor()
        greeter.onOpen = { stream in
            stream.send(shared("hello"))
            stream.finish()
        }
        return try loop.listenOnLoopback(
            tls: server ?? self.server("server"), owner: Door { $0.setOwner(greeter) })
    }

    private func refusal(of client: TLSClient) throws -> StreamEnd {
        let loop = try Loop()
        let (bytes, end) = try visit(loop, greeting(loop), with: client)
        #expect(bytes == [])
        return end
    }

    private func visit(
        _ loop: Loop, _ endpoint: Endpoint, with tls: TLSClient
    ) throws -> ([UInt8], StreamEnd) {
        let client = Actor()
        client.onEnd = { _, _ in loop.stop() }
        _ = loop.connect(to: endpoint, tls: tls, timeout: .seconds(5), owner: client)
        loop.runInTime()
        return (client.bytes, try #require(client.ends.first))
    }
}
