// Listeners accept on every kind of address, in turns, and survive running out of descriptors.

import Bytes
import CLinux
import Support
import Testing

@testable import Loop

@Suite("Listener")
struct ListenerTests {
    @Test(
        "accepts on each kind of address, and names the peer",
        arguments: [
            ("127.0.0.1:0", "127.0.0.1"), ("[::1]:0", "::1"), (":0", "127.0.0.1"),
            ("localhost:0", "127.0.0.1"), ("0.0.0.0:0", "127.0.0.1"),
        ])
    func addresses(listen: String, ip: String) throws {
        let loop = try Loop()
        let greeter = Actor()
        var peer: PeerAddress?
        let door = Door { stream in
            peer = stream.peer
            stream.setOwner(greeter)
        }
        greeter.onOpen = { $0.send(shared("hello")) }
        let listener = try loop.listen(on: .parse(listen), owner: door)
        let client = Actor()
        client.onBytes = { _, _ in loop.stop() }
        _ = loop.connect(
            to: .tcp(host: ip, port: listener.port), timeout: .seconds(5), owner: client)
        loop.runInTime()
        #expect(client.bytes == Array("hello".utf8))
        #expect(peer?.ip == ip)
        #expect(peer.map { $0.port > 0 } == true)
    }

    @Test("accepts on a Unix socket, takes the place of a dead one's file, and takes its own away")
    func unixSocket() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/door"
        // What a killed process leaves behind: a bound file nobody listens on.
        do {
            let address = try #require(SocketAddress(unixPath: path))
            try Descriptor.socket(for: address).bind(to: address)
        }
        let loop = try Loop()
        let greeter = Actor()
        greeter.onOpen = { $0.send(shared("hello")) }
        let door = Door { $0.setOwner(greeter) }
        let listener = try loop.listen(on: .parse("unix:\(path)"), owner: door)
        #expect(throws: SystemError(call: .bind, code: EADDRINUSE)) {
            try Loop().listen(on: .parse("unix:\(path)"), owner: door)
        }
        let client = Actor()
        client.onBytes = { stream, _ in
            #expect(stream.peer.ip == "unix")
            loop.stop()
        }
        _ = loop.connect(to: .unix(path: path), timeout: .seconds(5), owner: client)
        loop.runInTime()
        #expect(client.bytes == Array("hello".utf8))
        listener.close()
        #expect(unsafe access(path, F_OK) != 0)
    }

    @Test("two loops listen on the same port")
    func reusePort() throws {
        let door = Door { _ in }
        let (first, second) = try (Loop(), Loop())
        let address = try ListenAddress.parse("127.0.0.1:0")
        let port = try first.listen(on: address, owner: door).port
        #expect(try second.listen(on: address.with(port: port), owner: door).port == port)
        for loop in [first, second] {
            loop.stop()
            loop.run()
        }
    }

    @Test("accepted sockets send small pieces at once, TCP_NODELAY")
    func noDelay() throws {
        let loop = try Loop()
        var noDelay: Int32?
        let door = Door { stream in
            noDelay = linux_get_option(stream.descriptor.raw, Int32(IPPROTO_TCP), TCP_NODELAY)
            loop.stop()
        }
        let endpoint = try loop.listenOnLoopback(owner: door)
        _ = loop.connect(to: endpoint, timeout: .seconds(5), owner: Actor())
        loop.runInTime()
        #expect(noDelay == 1)
    }

    @Test("a stream that nobody takes is closed")
    func nobodyTakes() throws {
        let loop = try Loop()
        let endpoint = try loop.listenOnLoopback(owner: Door { _ in })
        let client = Actor()
        client.onEnd = { _, _ in loop.stop() }
        _ = loop.connect(to: endpoint, timeout: .seconds(5), owner: client)
        loop.runInTime()
        #expect(client.ends == [.closedByPeer])
    }

    @Test("a crowd is let in a few at a time, so that who is inside has a turn between")
    func acceptBudget() throws {
        var limits = LoopLimits()
        limits.acceptsPerTickMax = 3
        let loop = try Loop(limits: limits)
        var (inThisTick, most, total) = (0, 0, 0)
        let guest = Actor()
        let door = Door { stream in
            inThisTick += 1
            total += 1
            stream.setOwner(guest)
            if total == 20 { loop.stop() }
        }
        loop.afterFlush = {
            most = max(most, inThisTick)
            inThisTick = 0
        }
        let endpoint = try loop.listenOnLoopback(owner: door)
        for _ in 0..<20 { _ = loop.connect(to: endpoint, timeout: .seconds(5), owner: guest) }
        loop.runInTime()
        #expect(total == 20 && most == 3)
    }

    @Test("out of descriptors: who comes is turned away, the owner is told once, and it recovers")
    func exhausted() async {
        await #expect(processExitsWith: .success) { try runOutOfDescriptors() }
    }

    @Test(
        "an address that is none is refused with the reason",
        arguments: [
            ("", ListenAddressFault.portMissing), ("8080", .portMissing),
            ("127.0.0.1:", .portNotANumber), ("127.0.0.1:x", .portNotANumber),
            ("127.0.0.1:65536", .portNotANumber), ("127.0.0.1:-1", .portNotANumber),
            ("127.0.0.1:+1", .portNotANumber), ("::1:8080", .notAnAddress),
            ("[127.0.0.1]:1", .notAnAddress), ("example.org:1", .notAnAddress),
            ("[::1:8080", .notAnAddress), ("unix:", .pathNotUsable),
            ("unix:" + String(repeating: "x", count: 108), .pathNotUsable),
        ])
    func badAddress(text: String, fault: ListenAddressFault) {
        #expect(throws: fault) { try ListenAddress.parse(text) }
    }
}

/// In a process of its own, because the limit is the whole process'.
private func runOutOfDescriptors() throws {
    let loop = try Loop()
    var inside: [Stream] = []
    let guest = Actor()
    guest.onEnd = { stream, _ in inside.removeAll { $0 === stream } }
    let door = Door { $0.setOwner(guest) }
    let endpoint = try loop.listenOnLoopback(owner: door)

    var (turnedAway, open) = (0, [Stream]())
    let visitor = Actor()
    func visit() { open.append(loop.connect(to: endpoint, timeout: .seconds(5), owner: visitor)) }
    visitor.onEnd = { stream, end in
        open.removeAll { $0 === stream }
        guard end == .closedByPeer else { return }
        turnedAway += 1
        // They take the descriptors that the first three left: still there is no room, the same episode.
        if turnedAway == 3 { for _ in 0..<3 { visit() } }
        if turnedAway == 6 {
            for stream in inside.prefix(2) { stream.close() }
            visit()
        }
    }
    // Room for the visitors' own sockets, none for the accepted ones.
    let toTheLimit = Alarm { _ in
        for _ in 0..<3 { visit() }
        loop.beforeFlush = {
            loop.beforeFlush = nil
            limitDescriptors()
        }
    }
    door.onAccept = { stream in
        stream.setOwner(guest)
        inside.append(stream)
        if inside.count == 4 { _ = loop.arm(toTheLimit, after: .zero) }
    }
    door.onRecover = { loop.stop() }
    for _ in 0..<4 { visit() }
    loop.runInTime()
    precondition(door.exhausted.map(\.code) == [EMFILE], "told once: \(door.exhausted)")
    precondition(door.recovered == 1, "told once that it is over")
}

/// No descriptor number beyond those in use.
private func limitDescriptors() {
    let next = dup(0)
    close(next)
    precondition(linux_limit_descriptors(rlim_t(next)) == 0)
}
