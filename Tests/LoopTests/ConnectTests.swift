// Connecting ends in one of two ways, in time, and the second has a reason people can read.

import Bytes
import Support
import Testing

@testable import Loop

@Suite("Connecting")
struct ConnectTests {
    @Test("a port nobody listens on is refused, with the address and the reason in words")
    func refused() throws {
        let loop = try Loop()
        let listener = try loop.listen(on: .parse("127.0.0.1:0"), owner: Door { _ in })
        let port = listener.port
        listener.close()
        let end = try connect(loop, to: .tcp(host: "127.0.0.1", port: port))
        #expect(end == .connectFailed("127.0.0.1:\(port): Connection refused"))
    }

    @Test("an address that never answers is given up in time")
    func timeout() throws {
        let loop = try Loop()
        let silent = try SilentPort()
        let end = try connect(
            loop, to: .tcp(host: "127.0.0.1", port: silent.port), timeout: .milliseconds(60))
        #expect(end == .timedOut)
        let other = try connect(
            Loop(), to: .tcp(host: "127.0.0.1", port: silent.port), timeout: .seconds(3_600),
            dialTimeout: .milliseconds(60))
        #expect(other == .timedOut)
    }

    @Test("an address that never answers does not hide the next one of the same name")
    func nextAddress() throws {
        let loop = try Loop()
        let silent = try SilentPort()
        let greeter = Actor()
        greeter.onOpen = { $0.send(shared("hello")) }
        let good = try loop.listen(on: .parse("127.0.0.1:0"), owner: Door { $0.setOwner(greeter) })
        let client = Actor()
        client.onBytes = { _, _ in loop.stop() }
        let stream = Stream.connecting(on: loop, owner: client)
        let connector = Connector(
            stream, to: .tcp(host: "127.0.0.1", port: 1), tls: nil, timeout: .milliseconds(400),
            dialTimeout: .milliseconds(400))
        stream.connect(with: connector) {
            $0.found(
                [
                    SocketAddress(host: "127.0.0.1", port: UInt16(silent.port)),
                    SocketAddress(host: "127.0.0.1", port: UInt16(good.port)),
                ].compactMap(\.self))
        }
        loop.runInTime()
        #expect(client.bytes == Array("hello".utf8))
        #expect(stream.peer.description == "127.0.0.1:\(good.port)")
    }

    @Test("a name is looked up, and one that does not exist says so")
    func names() throws {
        let loop = try Loop()
        let listener = try loop.listen(on: .parse("127.0.0.1:0"), owner: Door { $0.finish() })
        let client = Actor()
        client.onOpen = { _ in loop.stop() }
        let endpoint = Endpoint.tcp(host: "localhost", port: listener.port)
        _ = loop.connect(to: endpoint, timeout: .seconds(10), owner: client)
        loop.runInTime()
        #expect(client.opened == 1)

        let end = try connect(
            Loop(), to: .tcp(host: "no-such-name.invalid", port: 1), timeout: .seconds(15))
        guard case .connectFailed(let reason) = end else {
            // A resolver that cannot be reached takes its time.
            #expect(end == .timedOut)
            return
        }
        #expect(reason.hasPrefix("no-such-name.invalid:1: "))
    }

    @Test("more names at a time than the limit are refused at once")
    func lookupsAreBounded() throws {
        var limits = LoopLimits()
        limits.lookupsMax = 0
        let end = try connect(Loop(limits: limits), to: .tcp(host: "localhost", port: 1))
        #expect(end == .connectFailed("localhost:1: too many names are being looked up"))
    }

    @Test(
        "what cannot be connected to says why",
        arguments: [
            (Endpoint.tcp(host: "127.0.0.1", port: 70_000), "127.0.0.1:70000: no such port"),
            (.tcp(host: "127.0.0.1", port: -1), "127.0.0.1:-1: no such port"),
            (.unix(path: ""), "unix:: the path is not usable"),
            (.unix(path: "/nowhere/at/all"), "unix:/nowhere/at/all: No such file or directory"),
        ])
    func unusable(endpoint: Endpoint, reason: String) throws {
        #expect(try connect(Loop(), to: endpoint) == .connectFailed(reason))
    }

    @Test("closing while connecting ends it once, and nothing opens")
    func closeWhileConnecting() throws {
        for host in ["127.0.0.1", "localhost"] {
            let loop = try Loop()
            let listener = try loop.listen(on: .parse("127.0.0.1:0"), owner: Door { $0.finish() })
            let client = Actor()
            client.onEnd = { _, _ in
                _ = loop.arm(Alarm { _ in loop.stop() }, after: .milliseconds(50))
            }
            let endpoint = Endpoint.tcp(host: host, port: listener.port)
            loop.connect(to: endpoint, timeout: .seconds(5), owner: client).close()
            loop.runInTime()
            #expect(client.ends == [.closedByUs] && client.opened == 0)
        }
    }

    private func connect(
        _ loop: Loop, to endpoint: Endpoint, timeout: Duration = .seconds(5),
        dialTimeout: Duration? = nil
    ) throws -> StreamEnd {
        let client = Actor()
        client.onEnd = { _, _ in loop.stop() }
        client.onOpen = { _ in loop.stop() }
        _ = loop.connect(
            to: endpoint, timeout: timeout, dialTimeout: dialTimeout, owner: client)
        #expect(client.ends == [], "never from within the call")
        loop.runInTime()
        return try #require(client.ends.first)
    }
}
