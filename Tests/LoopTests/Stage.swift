// A stage for tests: a loop on the test's own thread, with owners that note what they hear.

import Bytes
import Support
import Testing

@testable import Loop

/// An owner that notes everything and does what the test says.
final class Actor: StreamOwner {
    var opened = 0
    var drained = 0
    var ends: [StreamEnd] = []
    var bytes: [UInt8] = []
    var mayShakeHands = true
    var onOpen: (Stream) -> Void = { _ in }
    var onBytes: (Stream, [UInt8]) -> Void = { _, _ in }
    var onDrain: (Stream) -> Void = { _ in }
    var onEnd: (Stream, StreamEnd) -> Void = { _, _ in }
    /// How much of what is lent is consumed.
    var consumes: ([UInt8]) -> Int = { $0.count }

    func streamMayShakeHands(_ stream: Stream) -> Bool { mayShakeHands }

    func streamOpened(_ stream: Stream) {
        opened += 1
        onOpen(stream)
    }

    func stream(_ stream: Stream, received lent: Span<UInt8>) -> Int {
        let lent = lent.copied
        let count = consumes(lent)
        bytes += lent.prefix(count)
        onBytes(stream, lent)
        return count
    }

    func streamDrained(_ stream: Stream) {
        drained += 1
        onDrain(stream)
    }

    func streamClosed(_ stream: Stream, _ end: StreamEnd) {
        ends.append(end)
        onEnd(stream, end)
    }
}

/// A listener's owner that gives every stream to the actor the test makes for it.
final class Door: ListenerOwner {
    var exhausted: [SystemError] = []
    var recovered = 0
    var onAccept: (Stream) -> Void
    var onRecover: () -> Void = {}

    init(_ onAccept: @escaping (Stream) -> Void) { self.onAccept = onAccept }

    func listener(_ listener: Listener, accepted stream: Stream) { onAccept(stream) }

    func listenerExhausted(_ listener: Listener, _ error: SystemError) {
        exhausted.append(error)
    }

    func listenerRecovered(_ listener: Listener) {
        recovered += 1
        onRecover()
    }
}

/// A timer that runs a closure.
final class Alarm: TimerTarget {
    let ring: (TimerID) -> Void
    init(_ ring: @escaping (TimerID) -> Void) { self.ring = ring }
    func timerFired(_ id: TimerID) { ring(id) }
}

extension Loop {
    /// Runs, and fails the test when nothing has stopped the loop in time.
    func runInTime(sourceLocation: SourceLocation = #_sourceLocation) {
        let guardTimer = arm(
            Alarm { [unowned self] _ in
                Issue.record("the loop was not stopped in time", sourceLocation: sourceLocation)
                stop()
            }, after: .seconds(Patience.seconds))
        run()
        disarm(guardTimer)
    }

    /// Two streams that are connected to each other, each with its owner.
    func pair(_ left: any StreamOwner, _ right: any StreamOwner) throws -> (Stream, Stream) {
        let (first, second) = try Descriptor.socketPair()
        let streams = try (
            Stream.accepted(first, from: .unix, on: self, tls: nil),
            Stream.accepted(second, from: .unix, on: self, tls: nil)
        )
        streams.0.setOwner(left)
        streams.1.setOwner(right)
        streams.0.opens()
        streams.1.opens()
        return streams
    }

    func listenOnLoopback(tls: TLSServer? = nil, owner: Door) throws -> Endpoint {
        let listener = try listen(on: .parse("127.0.0.1:0"), tls: tls, owner: owner)
        return .tcp(host: "127.0.0.1", port: listener.port)
    }
}

extension Span<UInt8> {
    var copied: [UInt8] { indices.map { self[$0] } }
}

func shared(_ text: String) -> SharedBytes { SharedBytes(Array(text.utf8)) }

/// Bytes that tell where they belong.
func pattern(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
}
