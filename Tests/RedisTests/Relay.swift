// A way to Redis that can stand still: every byte passes through it, until it holds some connections or all
// of them, those to come included. What it holds it neither loses nor closes.

import Bytes
import Loop

@testable import Redis

final class Relay: ListenerOwner {
    private let loop: Loop
    private let target: Endpoint
    private var listener: Listener?
    private var ways: [Way] = []
    private var holdsNew = false

    private init(_ loop: Loop, to target: Endpoint) { (self.loop, self.target) = (loop, target) }

    static func to(_ address: RedisAddress, on loop: Loop) throws -> Relay {
        let relay = Relay(loop, to: address.endpoint)
        relay.listener = try loop.listen(on: .parse("127.0.0.1:0"), owner: relay)
        return relay
    }

    var address: RedisAddress {
        RedisAddress(endpoint: .tcp(host: "127.0.0.1", port: listener?.port ?? 0))
    }

    /// How many connections there have been.
    var count: Int { ways.count }

    /// What has come through from Redis.
    func passedBytes(_ index: Int) -> Int { ways[index].passedBytes }

    func hold(_ index: Int) { ways[index].hold() }
    func letGo(_ index: Int) { ways[index].letGo() }
    func close(_ index: Int) { ways[index].close() }

    func holdAll() {
        holdsNew = true
        for way in ways { way.hold() }
    }

    func letAllGo() {
        holdsNew = false
        for way in ways { way.letGo() }
    }

    func listener(_ listener: Listener, accepted stream: Stream) {
        let way = Way(from: stream, to: target, on: loop)
        if holdsNew { way.hold() }
        ways.append(way)
    }

    func listenerExhausted(_ listener: Listener, _ error: SystemError) {}
    func listenerRecovered(_ listener: Listener) {}
}

/// Two streams; what one brings the other sends.
private final class Way: StreamOwner {
    private let near: Stream
    private var far: Stream?
    private(set) var passedBytes = 0

    init(from near: Stream, to target: Endpoint, on loop: Loop) {
        self.near = near
        near.setOwner(self)
        far = loop.connect(to: target, timeout: .seconds(30), owner: self)
    }

    func hold() {
        near.pauseReading()
        far?.pauseReading()
    }

    func letGo() {
        near.resumeReading()
        far?.resumeReading()
    }

    func close() {
        near.close()
        far?.close()
    }

    func streamOpened(_ stream: Stream) {}

    func stream(_ stream: Stream, received bytes: Span<UInt8>) -> Int {
        (stream === near ? far : near)?.send(SharedBytes(bytes))
        if stream !== near { passedBytes += bytes.count }
        return bytes.count
    }

    func streamDrained(_ stream: Stream) {}

    func streamClosed(_ stream: Stream, _ end: StreamEnd) {
        (stream === near ? far : near)?.finish()
    }
}
