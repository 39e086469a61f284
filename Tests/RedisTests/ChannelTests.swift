// Channels that depend on the server, and such that are asked for later.

import Support
import Testing

@testable import Redis

@Suite("The channels of a subscription")
struct ChannelTests {
    @Test("asks for the channels of the server that it finds")
    func channelsOfServer() throws {
        let server = try RedisServer()
        let scene = try Scene()
        let subscriber = scene.subscriber(try server.address(), .quick) { server in
            ["of:\(server.reign ?? "nobody")"]
        }
        var reigns: Set<String> = []
        for round in 1...2 {
            try scene.runUntil(.ready)
            let reign = try #require(subscriber.server?.reign)
            #expect(try server.ask("info", "server").contains("run_id:\(reign)"))
            let receivers = reigns.map { try? server.ask("publish", "of:\($0)", "x") }
            #expect(receivers.allSatisfy { $0 == "0\n" })
            try server.ask("publish", "of:\(reign)", "\(round)")
            try scene.runUntil(.heard("of:\(reign)", nil, "\(round)"))
            reigns.insert(reign)
            server.stop()
            try server.start()
        }
        #expect(reigns.count == 2)
        stop(subscriber)
    }

    @Test("hears one channel more, until it leaves it or the connection is lost")
    func later() throws {
        let server = try RedisServer()
        let (scene, subscriber) = try subscribed(to: server)
        func receivers() throws -> String { try server.ask("publish", "extra", "x") }
        #expect(try receivers() == "0\n")
        for _ in 1...2 {
            subscriber.ask { $0.subscribe(to: "extra") }
            try scene.runUntil(.changed("extra", .subscribed))
            #expect(try receivers() == "1\n")
            try scene.runUntil(.heard("extra", nil, "x"))
            subscriber.ask { $0.unsubscribe(from: "extra") }
            try scene.runUntil(.changed("extra", .unsubscribed))
            #expect(try receivers() == "0\n")
        }
        subscriber.ask { $0.subscribe(to: "extra") }
        try scene.runUntil(.changed("extra", .subscribed))
        try server.ask("client", "kill", "type", "pubsub")
        _ = try scene.runUntilLost()
        subscriber.ask { $0.subscribe(to: "extra") }
        try hearsAgain(server, scene)
        #expect(try receivers() == "0\n")
        stop(subscriber)
        subscriber.ask { $0.subscribe(to: "extra") }
    }

    @Test("is told that it may not hear a channel more, and hears the others as before")
    func mayNotHearLater() throws {
        let server = try RedisServer(users: [
            "user default on nopass ~* &* +@all",
            "user jw on >pw +@all &job:*:updates &control",
        ])
        let scene = try Scene()
        let subscriber = scene.subscriber(try server.address("jw:pw@"), .quick)
        try scene.runUntil(.ready)
        subscriber.ask { $0.subscribe(to: "secret") }
        try scene.runUntil(.changed("secret", .refused(.noPermission(needs: "&secret"))))
        try server.ask("publish", "job:1:updates", "{}")
        try scene.runUntil(.heard("job:1:updates", 0, "{}"))
        #expect(scene.losses.isEmpty)
        stop(subscriber)
    }
}
