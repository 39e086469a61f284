// Redis goes away and comes back while clients stay connected.

import Settings
import Support
import Testing

@Suite("Redis lost and found")
struct RedisLossTests {
    @Test(
        "clients are told that Redis is lost and back, and where something may be missing",
        arguments: [1, 3])
    func lostAndBack(loops: Int) throws {
        let scene = try Scene(loops: loops)
        let clients = try (0..<loops * 2).map { _ in try scene.follow("j1") }
        let idle = try scene.follow("never")
        let many = try scene.open()
        for client in clients + [idle] { try client.hear(until: "live") }
        try scene.waitUntilReady()
        try scene.publish("j1", "1")
        for client in clients { _ = try client.hear(throughSeq: 1) }

        scene.redis.stop()
        for client in clients + [idle, many] {
            let notice = try client.hear()
            #expect(notice.type == "notice" && notice.text("code") == "redis_lost")
            #expect(notice.text("level") == "warning")
        }
        let notReady = try scene.connect().request("/readyz")
        #expect(
            notReady.status == 503 && notReady.text.contains(#""updates":"no_subscription""#))
        // Who comes in the meantime is served from memory, and has the gap behind what it got. It is told
        // first, where its loop has to ask for the job, or behind the history that its loop has.
        let late = try scene.follow("j1")
        var told: [Heard] = []
        while !Set(told.map(\.type)).isSuperset(of: ["live", "notice"]) {
            told.append(try late.hear())
        }
        #expect(told.compactMap(\.seq) == [1])
        #expect(told.compactMap { $0.text("code") } == ["redis_lost"])

        try scene.redis.start()
        for client in clients + [late] {
            let heard = [try client.hear(), try client.hear()]
            #expect(Set(heard.map(\.type)) == ["notice", "gap"])
            let gap = try #require(heard.first { $0.type == "gap" })
            #expect(gap.text("reason") == "unrecorded")
            #expect(gap.number("from") == 2 && gap.number("to") == 2)
        }
        #expect(try idle.hear().text("code") == "redis_back")
        #expect(try many.hear().text("code") == "redis_back")
        let publisher = try Publisher(port: scene.redis.port)
        try publisher.publish(["3"], to: "j1")
        for client in clients + [late] { #expect(try client.hear().seq == 3) }
        try scene.waitUntilReady()
        // Who comes later sees the gap in its place, as an entry of the history.
        var ledger = Ledger()
        for heard in try scene.follow("j1").hear(until: "live") { ledger.see(heard) }
        #expect(ledger.seqs == [1, 3] && ledger.gaps.map(\.reason) == ["unrecorded"])
        #expect(scene.log.count("redis_lost") > 0)
        #expect(try scene.metric("jobwire_redis_reconnects_total") > 0)
    }

    @Test(
        "events behind a killed subscription come behind its gap, in every client's ledger",
        arguments: [1, 3])
    func killed(loops: Int) throws {
        let scene = try Scene(loops: loops) { $0.patterns = ["job:*:updates", "other:*"] }
        let rounds = 5
        let crowd = Crowd()
        for client in 0..<loops * 3 {
            try crowd.add {
                var ledger = Ledger()
                let socket = try scene.follow(client % 2 == 0 ? "a" : "b")
                var isOver = false
                while !isOver {
                    let heard = try socket.hear()
                    ledger.see(heard)
                    isOver = heard.text.contains("the end")
                }
                let gaps = ledger.gaps.count { $0.reason == "unrecorded" }
                #expect((rounds...rounds * 2).contains(gaps), "\(gaps) gaps")
            }
        }
        try scene.waitForMetric("jobwire_subscriptions", loops * 3)
        for round in 1...rounds {
            for job in ["a", "b"] { try scene.publish(job, "1", "2") }
            try scene.redis.ask("client", "kill", "type", "pubsub")
            // Without pause, so that some are heard the moment a pattern stands.
            while scene.log.count("redis_ready") <= round {
                for job in ["a", "b"] { try scene.publish(job, "3") }
            }
        }
        for job in ["a", "b"] { try scene.publish(job, "the end") }
        try crowd.join()
    }

    @Test("a bridge that may not publish proves its subscription by PING")
    func noPublish() throws {
        let redis = try RedisServer(users: [
            "user default on nopass +@all ~* &*",
            "user jw on >pw +@all -publish ~* &*",
        ])
        let scene = try Scene(redis: redis) {
            $0.redisURL = Secret("redis://jw:pw@127.0.0.1:\(redis.port)")
        }
        try scene.waitUntilReady()
        #expect(scene.log.count("probe_not_allowed") == 1)
        try scene.publish("j1", "1")
        try scene.settle("j1", at: 1)
    }

    @Test("a server that starts before Redis serves as soon as Redis does")
    func redisComesLater() throws {
        let redis = try RedisServer()
        redis.stop()
        let server = try RunningServer(Scene.settings(redis))
        try server.log.wait(for: "redis_lost")
        #expect(try Connection(port: server.port).request("/readyz").status == 503)
        #expect(try Connection(port: server.port).request("/healthz").status == 200)
        func follow() throws -> WebSocketClient {
            try WebSocketClient(
                port: server.port, "/api/v1/ws/jobs/j1/updates",
                headers: [Token.header(try Token.of(jobs: "j1"))])
        }
        // Until it is known what is revoked nobody is let in, and whoever comes again is.
        #expect(try follow().ending().code == 1013)
        try redis.start()
        try server.log.wait(for: "redis_ready")
        try server.log.wait(for: "revocations_known")
        let client = try follow()
        try client.hear(until: "live")
        try Publisher(port: redis.port).publish(["1"], to: "j1")
        #expect(
            try client.hear(throughSeq: 1).allSatisfy {
                ["live", "notice", "message"].contains($0.type)
            })
    }

    @Test(
        "who comes while Redis is away is told so at once, and served later",
        arguments: [1, 3], [true, false])
    func away(loops: Int, isFrozen: Bool) throws {
        let scene = try Scene(loops: loops) {
            $0.history = .redis
            ($0.redisReplyTimeout, $0.redisConnectTimeout) = (
                .milliseconds(300), .milliseconds(300)
            )
        }
        let early = try scene.follow("j1")
        try early.hear(until: "live")
        try scene.publish("j1", "1")
        _ = try early.hear(throughSeq: 1)

        if isFrozen { scene.redis.freeze() } else { scene.redis.stop() }
        #expect(try early.hear().text("code") == "redis_lost")
        // A job that this server has no history of.
        let (many, stream) = (try scene.open(), try EventStreamClient(scene, "j2"))
        let sockets = try (0..<loops * 2).map { _ in try scene.follow("j2") }
        try many.say(#"{"type":"subscribe","data":{"job_id":"j2"}}"#)
        for told in try sockets.map({ try $0.hear() }) + [many.hear(), stream.next().heard] {
            #expect(told.type == "notice" && told.text("code") == "redis_lost")
        }
        let (connection, header) = (try scene.connect(), Token.header(try Token.of(jobs: "*")))
        for path in ["", "/j1", "/j1/events", "/j1/events?wait=5", "/j1/log"] {
            let answer = try connection.request("/api/v1/jobs" + path, headers: [header])
            #expect(answer.status == 503 && answer.text.contains("redis_unavailable"), "\(path)")
            #expect(answer.header("retry-after") == "1")
        }
        let publisher = Token.header(try Token.of(jobs: "*", scope: .jobsPublish))
        let posted = try connection.request(
            "/api/v1/jobs/j1/events", method: "POST", headers: [publisher], body: Array("{}".utf8))
        #expect(posted.status == 503 && posted.text.contains("redis_unavailable"))

        if isFrozen { scene.redis.thaw() } else { try scene.redis.start() }
        for socket in sockets {
            let heard = try socket.hear(until: "live")
            #expect(heard.contains { $0.type == "connected" })
        }
        _ = try many.hear(until: "subscribed")
        #expect(try stream.hear { $0.type == "live" }.contains { $0.type == "connected" })
    }

    @Test("a Redis that is only a replica counts as away, for clients and for readiness")
    func replica() throws {
        let primary = try RedisServer()
        let redis = try RedisServer(configuration: ["replicaof 127.0.0.1 \(primary.port)"])
        let server = try RunningServer(Scene.settings(redis) { $0.history = .redis })
        try server.log.wait(for: "redis_is_a_replica")
        // What is revoked can be read there as well; before that nobody is let in.
        try server.log.wait(for: "revocations_known")
        let client = try WebSocketClient(
            port: server.port, "/api/v1/ws/jobs/j1/updates",
            headers: [Token.header(try Token.of(jobs: "j1"))])
        #expect(try client.hear().text("code") == "redis_lost")
        #expect(try Connection(port: server.port).request("/readyz").status == 503)
        try redis.ask("REPLICAOF", "NO", "ONE")
        #expect(try client.hear(until: "live").contains { $0.type == "connected" })
    }
}
