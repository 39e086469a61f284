// What is no Redis, or a broken one, is called by its name and tried again; it never hangs or
// floods us. The listeners here are fakes, because no real Redis does these things.

import Bytes
import Loop
import Testing

@testable import Redis

@Suite("A listener that is no Redis")
struct ImpostorTests {
    @Test(
        "is named for what it is",
        arguments: [
            (
                "HTTP/1.1 400 Bad Request\r\n\r\n",
                RedisFault.notRedis("Protocol error, got \"H\" as reply type byte")
            ),
            ("\u{15}\u{3}\u{3}", .tlsExpected),
            ("+PONG\r\n+PONG\r\n", .notRedis("an odd answer to its first command")),
            ("+hello\r\n", .notRedis("an odd answer to its first command")),
            (
                "-DENIED Redis is running in protected mode\r\n",
                .refused("DENIED Redis is running in protected mode")
            ),
            ("+PONG\r\n$2\r\nhi\r\n-NOPERM\r\n:1\r\n", .protocolBroken("an answer to no question")),
            ("+PONG\r\n-x\r\n-x\r\n+OK\r\n", .protocolBroken("an answer to no question")),
        ])
    func named(answer: String, fault: RedisFault) throws {
        let scene = try Scene()
        let port = try scene.onLoop { Impostor.port(on: $0, answering: Array(answer.utf8)) }.get()
        let subscriber = scene.subscriber(address(port), .quick)
        #expect(try scene.runUntilLost() == fault)
        #expect(try scene.runUntilLost() == fault)
        subscriber.ask { $0.stop() }
    }

    @Test("is left when it never answers")
    func silent() throws {
        var options = RedisOptions.quick
        options.replyTimeout = .milliseconds(50)
        let scene = try Scene()
        let port = try scene.onLoop { Impostor.port(on: $0, answering: []) }.get()
        let subscriber = scene.subscriber(address(port), options)
        #expect(try scene.runUntilLost() == .timedOut(.reply))
        subscriber.ask { $0.stop() }
    }

    @Test("is left when it hangs up at once")
    func hangsUp() throws {
        let scene = try Scene()
        let port = try scene.onLoop { Impostor.port(on: $0, answering: nil) }.get()
        let subscriber = scene.subscriber(address(port), .quick)
        guard case .connectionLost(let why)? = try scene.runUntilLost() else {
            Issue.record("\(scene.losses)")
            return
        }
        #expect(why.contains("before it answered"))
        subscriber.ask { $0.stop() }
    }

    @Test("is left when it sends a line or a string without end")
    func endless() throws {
        for (start, fault) in [
            ("+", RedisFault.notRedis("a line of more than 65536 bytes")),
            ("+PONG\r\n$99999999999\r\n", .oversized(limit: 64 << 20)),
        ] {
            let scene = try Scene()
            let endless = Array(start.utf8) + Array(repeating: 120, count: 100_000)
            let port = try scene.onLoop { Impostor.port(on: $0, answering: endless) }.get()
            let subscriber = scene.subscriber(address(port), .quick)
            #expect(try scene.runUntilLost() == fault)
            subscriber.ask { $0.stop() }
        }
    }

    @Test("is no reason to wait when it is stopped in the middle of anything")
    func stoppedAnywhere() throws {
        for answer in [[], Array("+PONG\r\n".utf8), Array("+PONG\r\n-x\r\n-x\r\n".utf8)] {
            let scene = try Scene()
            let port = try scene.onLoop { Impostor.port(on: $0, answering: answer) }.get()
            let subscriber = scene.subscriber(address(port), .quick)
            subscriber.ask { $0.stop() }
            #expect(subscriber.state == .stopped)
            #expect(scene.losses.isEmpty)
        }
    }

    private func address(_ port: Int) -> RedisAddress {
        RedisAddress(endpoint: .tcp(host: "127.0.0.1", port: port))
    }
}

/// Answers the first bytes it gets with always the same; nil: hangs up instead.
private final class Impostor: ListenerOwner, StreamOwner {
    private let answer: [UInt8]?
    private var listener: Listener?
    private var answered: Set<ObjectIdentifier> = []

    private init(answer: [UInt8]?) { self.answer = answer }

    static func port(on loop: Loop, answering answer: [UInt8]?) -> Result<Int, any Error> {
        Result {
            let impostor = Impostor(answer: answer)
            let listener = try loop.listen(
                on: ListenAddress.parse("127.0.0.1:0"), tls: nil, owner: impostor)
            impostor.listener = listener
            return listener.port
        }
    }

    func listener(_ listener: Listener, accepted stream: Stream) { stream.setOwner(self) }
    func listenerExhausted(_ listener: Listener, _ error: SystemError) {}
    func listenerRecovered(_ listener: Listener) {}
    func streamOpened(_ stream: Stream) {}

    func stream(_ stream: Stream, received bytes: Span<UInt8>) -> Int {
        guard let answer else {
            stream.close()
            return bytes.count
        }
        if answered.insert(ObjectIdentifier(stream)).inserted { stream.send(SharedBytes(answer)) }
        return bytes.count
    }

    func streamDrained(_ stream: Stream) {}
    func streamClosed(_ stream: Stream, _ end: StreamEnd) {
        answered.remove(ObjectIdentifier(stream))
    }
}
