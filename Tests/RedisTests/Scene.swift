// A scene for tests against a real Redis: a loop on the test's own thread, and an owner that notes
// what it hears. The loop runs until what the test waits for has happened; nothing sleeps.

import Loop
import Support
import Testing

@testable import Redis

final class Scene {
    enum Event: Equatable {
        case ready
        case heard(channel: String, pattern: Int?, payload: [UInt8])
        case lost(RedisFault)
        case retrying(Duration)
        case answer(RedisCommands.Answer)

        static func heard(_ channel: String, _ pattern: Int?, _ payload: String) -> Event {
            .heard(channel: channel, pattern: pattern, payload: Array(payload.utf8))
        }
    }

    let loop: Loop
    private(set) var events: [Event] = []
    private(set) var reads = 0
    private var isOver: () -> Bool = { true }
    private var isLate = false

    init() throws { loop = try Loop() }

    /// Runs the loop until `isOver`, which is asked after each event. A test that would hang fails.
    func run(_ what: String, until isOver: @escaping () -> Bool) throws {
        self.isOver = isOver
        if isOver() { return }
        let timer = loop.arm(self, after: .seconds(20))
        loop.run()
        loop.disarm(timer)
        try #require(!isLate, "waited in vain until \(what); heard: \(events.suffix(5))")
    }

    func runUntil(_ event: Event) throws { try run("\(event)") { self.events.last == event } }

    /// Runs until the connection is lost (again) and returns why.
    func runUntilLost() throws -> RedisFault? {
        let count = losses.count
        try run("a loss") { self.losses.count > count }
        return losses.last
    }

    var losses: [RedisFault] {
        events.compactMap { if case .lost(let fault) = $0 { fault } else { nil } }
    }

    var answers: [RedisCommands.Answer] {
        events.compactMap { if case .answer(let answer) = $0 { answer } else { nil } }
    }

    func note(_ event: Event) {
        events.append(event)
        if isOver() { loop.stop() }
    }

    func forget() { events = [] }
}

extension Scene: TimerTarget {
    func timerFired(_ id: TimerID) {
        isLate = true
        loop.stop()
    }
}

extension Scene: RedisSubscriberOwner {
    func subscriberReady(_ subscriber: RedisSubscriber) { note(.ready) }

    func subscriber(
        _ subscriber: RedisSubscriber, heard channel: Span<UInt8>, pattern: Int?,
        payload: Span<UInt8>
    ) {
        let bytes = payload.indices.map { payload[$0] }
        note(.heard(channel: channel.text, pattern: pattern, payload: bytes))
    }

    func subscriberReadDone(_ subscriber: RedisSubscriber) {
        reads += 1
        if isOver() { loop.stop() }
    }

    func subscriberLost(_ subscriber: RedisSubscriber, _ fault: RedisFault) { note(.lost(fault)) }

    func subscriberRetrying(after delay: Duration) { note(.retrying(delay)) }
}

extension Scene: RedisCommandsOwner {
    func commandsReady(_ commands: RedisCommands) { note(.ready) }
    func commandsLost(_ commands: RedisCommands, _ fault: RedisFault) { note(.lost(fault)) }
    func commandsRetrying(after delay: Duration) { note(.retrying(delay)) }
}

extension RedisOptions {
    /// Short waits, so that tests of many failures are quick.
    static var quick: RedisOptions {
        var options = RedisOptions()
        options.backoffBase = .milliseconds(10)
        options.backoffCap = .milliseconds(50)
        return options
    }
}

extension RedisServer {
    func address(_ login: String = "", tls: Bool = false) throws -> RedisAddress {
        try RedisAddress(
            parsing: tls ? "rediss://\(login)localhost:\(tlsPort)" : "redis://\(login)127.0.0.1:\(port)")
    }
}

func bytes(_ words: String...) -> [[UInt8]] { words.map { Array($0.utf8) } }
