// A subscription against a real Redis: heard over every kind of socket, kept through every break.

import Loop
import Support
import Testing

@testable import Redis

@Suite("RedisSubscriber")
struct SubscriberTests {
    enum Way: CaseIterable { case tcp, ipv6, unix, tls, tlsWithClientCertificate }

    @Test("hears patterns and channels over every kind of socket", arguments: Way.allCases)
    func everyWay(way: Way) throws {
        let server = try RedisServer(
            tls: way == .tlsWithClientCertificate
                ? .clientCertificateRequired : way == .tls ? .on : .off,
            users: ["user default off", "user jw on >p%w +@all ~* &*"])
        let url =
            switch way {
            case .tcp: "redis://jw:p%25w@127.0.0.1:\(server.port)/2"
            case .ipv6: "redis://jw:p%25w@[::1]:\(server.port)"
            case .unix: "unix://jw:p%25w@\(server.socketPath)?db=3"
            case .tls, .tlsWithClientCertificate: "rediss://jw:p%25w@127.0.0.1:\(server.tlsPort)"
            }
        var options = RedisOptions.quick
        options.tls.caFile = server.certificates?.certificate("authority")
        if way == .tlsWithClientCertificate {
            options.tls.serverName = "server.test"
            options.tls.certificateFile = server.certificates?.certificate("client")
            options.tls.keyFile = server.certificates?.keyFile("client")
        }
        let scene = try Scene()
        let subscriber = scene.subscriber(
            try RedisAddress(parsing: url), options, patterns: ["job:*:updates", "feed:*"])
        try scene.runUntil(.ready)
        #expect(subscriber.state == .ready)
        #expect(subscriber.server?.runID?.utf8.count == 40)
        #expect(subscriber.server?.role == .primary)

        let user = ["--no-auth-warning", "--user", "jw", "--pass", "p%w"]
        try server.ask("publish", "job:1:updates", "{}", user: user)
        try server.ask("publish", "feed:x", "y", user: user)
        try server.ask("publish", "control", "z", user: user)
        try scene.runUntil(.heard("control", nil, "z"))
        #expect(
            scene.events == [
                .ready, .heard("job:1:updates", 0, "{}"), .heard("feed:x", 1, "y"),
                .heard("control", nil, "z"),
            ])
        #expect(scene.reads > 0)
        stop(subscriber)
    }

    @Test("hears a message of 10 MB")
    func tenMegabytes() throws {
        let server = try RedisServer()
        let (scene, subscriber) = try subscribed(to: server)
        let script = "return redis.call('publish', 'job:1:updates', string.rep('x', 10485760))"
        try server.ask("eval", script, "0")
        let payload = [UInt8](repeating: 120, count: 10 << 20)
        try scene.run("10 MB") { scene.events.count == 2 }
        #expect(scene.events.last == .heard(channel: "job:1:updates", pattern: 0, payload: payload))
        stop(subscriber)
    }

    @Test("drops a connection that brings a message above the limit, and hears the next")
    func oversized() throws {
        let server = try RedisServer()
        var options = RedisOptions.quick
        options.bulkBytesMax = 1 << 20
        let (scene, subscriber) = try subscribed(to: server, options: options)
        try server.ask(
            "eval", "redis.call('publish', 'job:1:updates', string.rep('x', 1048577))", "0")
        #expect(try scene.runUntilLost() == .oversized(limit: 1 << 20))
        try hearsAgain(server, scene)
        stop(subscriber)
    }

    @Test("subscribes again after Redis killed the connection")
    func killed() throws {
        let server = try RedisServer()
        let (scene, subscriber) = try subscribed(to: server)
        for _ in 0..<3 {
            try server.ask("client", "kill", "type", "pubsub")
            guard case .connectionLost = try scene.runUntilLost() else {
                Issue.record("\(scene.events)")
                return
            }
            try hearsAgain(server, scene)
        }
        stop(subscriber)
    }

    @Test("subscribes again after the server was stopped and started, however long it was away")
    func restarted() throws {
        let server = try RedisServer()
        let (scene, subscriber) = try subscribed(to: server)
        let runID = subscriber.server?.runID
        server.stop()
        try scene.run("five failed tries") {
            scene.losses.filter { if case .connectFailed = $0 { true } else { false } }.count == 5
        }
        try server.start()
        try hearsAgain(server, scene)
        #expect(subscriber.server?.runID != runID)
        stop(subscriber)
    }

    @Test("lives through a script that does not end, and loses nothing that is published then")
    func busy() throws {
        let server = try RedisServer(configuration: ["lua-time-limit 10"])
        var options = RedisOptions.quick
        (options.pingInterval, options.replyTimeout) = (.milliseconds(20), .seconds(20))
        let (scene, subscriber) = try subscribed(to: server, options: options)
        let other = try Scene()
        let commands = other.commands(try server.address(), .quick)
        try other.runUntil(.ready)
        let answer = other.answer
        commands.ask {
            $0.send(bytes("EVAL", "while true do end", "0"), answer)
            $0.send(bytes("PUBLISH", "job:1:updates", "{}"), answer)
        }
        try scene.wait("Redis is busy") { try server.ask("ping").hasPrefix("BUSY") }
        let before = scene.reads
        try scene.run("ten answers to a PING") { scene.reads >= before + 10 }
        try server.ask("script", "kill")
        try scene.runUntil(.heard("job:1:updates", 0, "{}"))
        #expect(scene.events == [.ready, .heard("job:1:updates", 0, "{}")])
        #expect(try server.ask("info", "errorstats").contains("errorstat_BUSY:"))
        commands.ask { $0.stop() }
        stop(subscriber)
    }

    @Test("stays subscribed while pings are answered and nobody publishes")
    func quiet() throws {
        let server = try RedisServer()
        var options = RedisOptions.quick
        (options.pingInterval, options.replyTimeout) = (.milliseconds(20), .seconds(5))
        let (scene, subscriber) = try subscribed(to: server, options: options)
        let before = scene.reads
        // Nothing is published: what is read now are pongs.
        try scene.run("ten pongs") { scene.reads >= before + 10 }
        #expect(scene.events == [.ready])
        stop(subscriber)
    }

    @Test("subscribes again after Redis dropped it for lagging")
    func outputBufferLimit() throws {
        let server = try RedisServer(configuration: [
            "client-output-buffer-limit pubsub 100kb 0 0"
        ])
        let (scene, subscriber) = try subscribed(to: server)
        let flood =
            "for i = 1, 3000 do redis.call('publish', 'job:1:updates', string.rep('x', 10000)) end"
        try server.ask("eval", flood, "0")
        guard case .connectionLost = try scene.runUntilLost() else {
            Issue.record("\(scene.losses)")
            return
        }
        try hearsAgain(server, scene)
        stop(subscriber)
    }

    @Test(
        "says which right the user lacks",
        arguments: [
            ("+@all &job:*", "&job:*:updates"), ("+@all &job:*:updates", "&control"),
            ("+@all -psubscribe &*", "+psubscribe"), ("+@all -subscribe &*", "+subscribe"),
            ("+@all -ping &*", "+ping"),
        ])
    func lacksRight(rights: String, needed: String) throws {
        let server = try RedisServer(users: [
            "user default on nopass ~* &* +@all", "user jw on >pw \(rights)",
        ])
        let scene = try Scene()
        let subscriber = scene.subscriber(try server.address("jw:pw@"), .quick)
        #expect(try scene.runUntilLost() == .noPermission(needs: needed))
        #expect(scene.losses.last?.description.contains(needed) == true)
        // Once the operator did what the message says, the next try is heard.
        try server.ask(
            "acl", "setuser", "jw", "resetchannels", "+@all", "&control", "&job:*:updates")
        try hearsAgain(server, scene)
        stop(subscriber)
    }

    @Test("needs no more rights than its own")
    func leastRights() throws {
        let server = try RedisServer(users: [
            "user default on nopass ~* &* +@all",
            "user jw on >pw +psubscribe +subscribe +ping &job:*:updates &control",
        ])
        let scene = try Scene()
        let subscriber = scene.subscriber(try server.address("jw:pw@"), .quick)
        try scene.runUntil(.ready)
        #expect(subscriber.server == RedisIdentity())
        stop(subscriber)
    }

    @Test("tells wrong passwords, missing ones and needless ones apart")
    func passwords() throws {
        let locked = try RedisServer(configuration: ["requirepass right"])
        let open = try RedisServer()
        for (address, fault) in [
            (try locked.address(), RedisFault.authRequired),
            (try locked.address(":wrong@"), .wrongPassword),
            (try locked.address("nobody:right@"), .wrongPassword),
            (try open.address(":p@"), .authNotConfigured),
        ] {
            let scene = try Scene()
            let subscriber = scene.subscriber(address, .quick)
            #expect(try scene.runUntilLost() == fault)
            stop(subscriber)
        }
    }

    @Test("speaks of TLS when one side speaks it and the other does not")
    func tlsMismatch() throws {
        let server = try RedisServer(tls: .clientCertificateRequired)
        let certificates = try #require(server.certificates)
        func fault(_ url: String, _ change: (inout RedisOptions) -> Void = { _ in }) throws
            -> RedisFault?
        {
            var options = RedisOptions.quick
            options.tls.caFile = certificates.certificate("authority")
            options.tls.certificateFile = certificates.certificate("client")
            options.tls.keyFile = certificates.keyFile("client")
            change(&options)
            let scene = try Scene()
            let subscriber = scene.subscriber(try RedisAddress(parsing: url), options)
            defer { stop(subscriber) }
            return try scene.runUntilLost()
        }
        #expect(
            try fault("redis://127.0.0.1:\(server.tlsPort)")?.description.contains("TLS") == true)
        // A plain Redis takes a TLS greeting for a command whose end has not come, and waits.
        let plain = try fault("rediss://127.0.0.1:\(server.port)") {
            $0.connectTimeout = .milliseconds(200)
        }
        #expect(plain == .timedOut(.connect))
        #expect(plain?.description.contains("TLS") == true)
        let good = "rediss://127.0.0.1:\(server.tlsPort)"
        for (what, found) in [
            ("an authority we do not know", try fault(good) { $0.tls.caFile = nil }),
            ("another name", try fault(good) { $0.tls.serverName = "elsewhere" }),
            (
                "no client certificate",
                try fault(good) { ($0.tls.certificateFile, $0.tls.keyFile) = (nil, nil) }
            ),
            ("a missing file", try fault(good) { $0.tls.caFile = "/nowhere.pem" }),
        ] {
            guard case .tlsFailed = found else {
                Issue.record("\(what): \(String(describing: found))")
                continue
            }
        }
    }

    @Test("finds an exhausted Redis, a missing database and a wrong socket path")
    func otherRefusals() throws {
        let server = try RedisServer(configuration: ["databases 4"])
        let scene = try Scene()
        let database = scene.subscriber(
            try RedisAddress(parsing: "redis://127.0.0.1:\(server.port)/4"), .quick)
        #expect(try scene.runUntilLost() == .noSuchDatabase(4))
        stop(database)

        let path = scene.subscriber(try RedisAddress(parsing: "unix:///nowhere/redis.sock"), .quick)
        guard case .connectFailed = try scene.runUntilLost() else {
            Issue.record("\(scene.losses)")
            return
        }
        stop(path)

        try server.ask("config", "set", "maxclients", "1")
        let first = try Scene()
        let taken = first.subscriber(try server.address(), .quick)
        try first.runUntil(.ready)
        let late = scene.subscriber(try server.address(), .quick)
        #expect(try scene.runUntilLost() == .refused("ERR max number of clients reached"))
        stop(late)
        stop(taken)
    }
}
