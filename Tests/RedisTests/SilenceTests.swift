// A subscription that stands still on a real Redis: frozen itself, or behind a relay that holds every byte.
// The timeouts are short, so that each standstill lasts much longer than they do.

import Loop
import Support
import Testing

@testable import Redis

@Suite("A subscription that stands still")
struct SilenceTests {
    @Test("loses nothing when Redis goes on")
    func frozen() throws {
        let server = try RedisServer()
        let (scene, subscriber) = try subscribed(
            to: server, options: options(grace: .milliseconds(500)))
        let publisher = try Publisher(server)
        for round in 0..<2 {
            server.freeze()
            publisher.publish(100)
            try scene.run("silence") { scene.silences.last == true }
            scene.pass(Self.standstill)
            #expect(subscriber.state == .ready && subscriber.isSilent)
            server.thaw()
            try scene.run("all messages") { scene.events.count == 1 + 100 * (round + 1) }
            try scene.run("an end of silence") { scene.silences.last == false }
            try scene.wait("one connection") { try server.subscriptions == 1 }
        }
        #expect(scene.events == [.ready] + publisher.published)
        stop(subscriber)
    }

    @Test("loses nothing when the network goes on")
    func heldAll() throws {
        let server = try RedisServer()
        let (scene, relay, subscriber) = try relayed(to: server)
        let publisher = try Publisher(server)
        for round in 0..<2 {
            relay.ask { $0.holdAll() }
            publisher.publish(100)
            try scene.run("silence") { scene.silences.last == true }
            scene.pass(Self.standstill)
            relay.ask { $0.letAllGo() }
            try scene.run("all messages") { scene.events.count == 1 + 100 * (round + 1) }
            try scene.wait("one connection") { try server.subscriptions == 1 }
        }
        #expect(scene.events == [.ready] + publisher.published)
        stop(subscriber)
    }

    @Test("hears all once when it goes on after its successor stands")
    func speaksInGrace() throws {
        let server = try RedisServer()
        let (scene, relay, subscriber) = try relayed(to: server, grace: .seconds(3_600))
        relay.ask { $0.hold(0) }
        try scene.wait("a successor") { try server.subscriptions == 2 }
        #expect(try server.ask("publish", "control", "x") == "2\n")
        relay.ask { $0.letGo(0) }
        try scene.runUntil(.heard("control", nil, "x"))
        try scene.wait("one connection") { try server.subscriptions == 1 }
        #expect(try server.ask("publish", "control", "y") == "1\n")
        try scene.runUntil(.heard("control", nil, "y"))
        #expect(
            scene.events == [.ready, .heard("control", nil, "x"), .heard("control", nil, "y")])
        stop(subscriber)
    }

    @Test("is given up for its successor when it does not go on")
    func isGivenUp() throws {
        let server = try RedisServer()
        let (scene, relay, subscriber) = try relayed(to: server, grace: .milliseconds(500))
        relay.ask { $0.hold(0) }
        #expect(try scene.runUntilLost() == .timedOut(.reply))
        try scene.runUntil(.ready)
        #expect(subscriber.state == .ready && !subscriber.isSilent)
        // What the old one still brings is not heard.
        try server.ask("publish", "control", "y")
        try scene.runUntil(.heard("control", nil, "y"))
        relay.ask { $0.letGo(0) }
        try scene.wait("one connection") { try server.subscriptions == 1 }
        try server.ask("publish", "control", "x")
        try scene.runUntil(.heard("control", nil, "x"))
        #expect(
            scene.events
                == [
                    .ready, .lost(.timedOut(.reply)), .ready, .heard("control", nil, "y"),
                    .heard("control", nil, "x"),
                ])
        stop(subscriber)
    }

    @Test("hands on nothing that only its successor heard before it took over")
    func ends() throws {
        let server = try RedisServer()
        let (scene, relay, subscriber) = try relayed(to: server, grace: .seconds(3_600))
        relay.ask { $0.hold(0) }
        try scene.wait("a successor") { try server.subscriptions == 2 }
        let unheard = String(repeating: "x", count: 100_000)
        try server.ask("publish", "control", unheard)
        try scene.wait("the message") { relay.ask { $0.passedBytes(1) } > unheard.utf8.count }
        relay.ask { $0.close(0) }
        guard case .connectionLost = try scene.runUntilLost() else {
            Issue.record("\(scene.losses)")
            return
        }
        try scene.runUntil(.ready)
        try server.ask("publish", "control", "y")
        try scene.runUntil(.heard("control", nil, "y"))
        #expect(!scene.events.contains(.heard("control", nil, unheard)))
        #expect(relay.count == 2)
        stop(subscriber)
    }

    @Test("is followed by its successor when it ends, though that stands still as well")
    func endsEarly() throws {
        let server = try RedisServer()
        let (scene, relay, subscriber) = try relayed(to: server)
        relay.ask { $0.holdAll() }
        try scene.run("silence") { scene.silences.last == true }
        relay.ask { $0.close(0) }
        guard case .connectionLost = try scene.runUntilLost() else {
            Issue.record("\(scene.losses)")
            return
        }
        #expect(subscriber.state != .ready && !subscriber.isSilent)
        relay.ask { $0.letAllGo() }
        try scene.runUntil(.ready)
        try server.ask("publish", "control", "x")
        try scene.runUntil(.heard("control", nil, "x"))
        stop(subscriber)
    }

    @Test("leaves no connection behind when it is stopped")
    func isStopped() throws {
        let server = try RedisServer()
        let (scene, relay, subscriber) = try relayed(to: server, grace: .seconds(3_600))
        relay.ask { $0.hold(0) }
        try scene.wait("a successor") { try server.subscriptions == 2 }
        stop(subscriber)
        relay.ask { $0.letGo(0) }
        try scene.wait("no connection") { try server.subscriptions == 0 }
        subscriber.ask { $0.start() }
        try scene.run("ready again") { scene.events == [.ready, .ready] }
        stop(subscriber)
    }

    // MARK: -

    /// Much longer than an answer is waited for, and than a new connection takes.
    private static let standstill: Duration = .seconds(2)

    private func options(grace: Duration) -> RedisOptions {
        var options = RedisOptions.quick
        (options.pingInterval, options.replyTimeout) = (.milliseconds(50), .milliseconds(500))
        options.successionGrace = grace...max(grace, .seconds(10))
        return options
    }

    private func relayed(
        to server: RedisServer, grace: Duration = .milliseconds(500)
    ) throws -> (Scene, Remote<Relay>, Remote<RedisSubscriber>) {
        let (scene, address) = (try Scene(), try server.address())
        let subject = try scene.onLoop { loop in Result { try Relay.to(address, on: loop) } }.get()
        let relay = Remote(scene: scene, subject: subject)
        let subscriber = scene.subscriber(relay.address, options(grace: grace))
        try scene.runUntil(.ready)
        return (scene, relay, subscriber)
    }
}

/// Publishes on a connection of its own, which waits for Redis as long as it takes.
private final class Publisher {
    private let scene: Scene
    private let commands: Remote<RedisCommands>
    private(set) var published: [Event] = []

    init(_ server: RedisServer) throws {
        scene = try Scene()
        var options = RedisOptions()
        options.replyTimeout = .seconds(3_600)
        commands = scene.commands(try server.address(), options)
        try scene.runUntil(.ready)
    }

    deinit { commands.ask { $0.stop() } }

    func publish(_ count: Int) {
        let texts = (0..<count).map { "\(published.count + $0)" }
        published += texts.map { .heard("job:1:updates", 0, $0) }
        commands.ask { commands in
            for text in texts { commands.send(bytes("PUBLISH", "job:1:updates", text)) { _ in } }
        }
    }
}

extension RedisServer {
    /// How many connections have subscribed to all that is asked for.
    fileprivate var subscriptions: Int {
        get throws {
            try ask("client", "list", "type", "pubsub").split(separator: "\n")
                .count { $0.contains(" sub=1 psub=1 ") }
        }
    }
}
