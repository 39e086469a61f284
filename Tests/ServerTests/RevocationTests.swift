// Who revokes a token, and what becomes of those who came with it: every way in, every loop.

import Settings
import Support
import Testing
import Tokens

@Suite("Revocation")
struct RevocationTests {
    static let admin = Grant.Scope.admin

    /// One token of each kind that a revocation may mean, and what revokes it.
    struct Way: CustomTestStringConvertible, Sendable {
        let name: String
        let make: @Sendable () throws -> String
        let body: @Sendable (_ connection: String) -> String
        var testDescription: String { name }
    }

    static let ways: [Way] = [
        Way(
            name: "by its id",
            make: { try Token.of(jobs: "*", subject: "ann", id: "t-1") },
            body: { _ in #"{"jti":"t-1"}"# }),
        Way(
            name: "by its subject",
            make: { try Token.of(jobs: "*", subject: "bob", issuedAt: wallSeconds() - 1) },
            body: { _ in #"{"sub":"bob"}"# }),
        Way(
            name: "by its subject, not saying when it was issued",
            make: { try Token.of(jobs: "*", subject: "bob") },
            body: { _ in #"{"sub":"bob"}"# }),
        Way(
            name: "by its connection, without a jti",
            make: { try Token.of(jobs: "*", subject: "eve", for: 3_599) },
            body: { #"{"connection":"\#($0)"}"# }),
        Way(
            name: "by its connection, with a jti",
            make: { try Token.of(jobs: "*", id: "t-2") },
            body: { #"{"connection":"\#($0)"}"# }),
    ]

    @Test(
        "a revoked token ends sockets, streams and polls on every loop, is refused from then on, and no other is",
        arguments: [1, 3], ways)
    func ends(loops: Int, way: Way) throws {
        let scene = try Scene(loops: loops)
        let token = try way.make()
        let first = try scene.follow("j1", token: token)
        try first.hear(until: "live")
        let id = try scene.connection(of: token)
        var sockets = [first]
        for _ in 0..<loops * 2 {
            sockets.append(try scene.follow("j1", token: token))
            sockets.append(try scene.open(token: token))
        }
        let streams = try (0..<loops * 2).map { _ in
            try EventStreamClient(scene, "j1", token: token)
        }
        let queues = try (0..<loops).map { _ in
            try EventStreamClient(scene, "*", of: "queues", token: token)
        }
        let polls = try (0..<loops * 2).map { _ in
            let connection = try scene.connect()
            try connection.sendRequest(
                "/api/v1/jobs/j1/events?wait=30", headers: [Token.header(token)])
            return connection
        }
        let others = try (0..<loops * 2).map { number in
            try scene.follow(
                "j1", token: Token.of(jobs: "*", subject: "another-\(number)", id: "u-\(number)"))
        }
        for stream in streams + queues { try stream.hear { $0.type == "connected" } }
        for other in others { try other.hear(until: "live") }

        let answer = try scene.revoke(way.body(id))
        #expect(answer.status == 200, "\(answer.text)")
        for socket in sockets {
            let ending = try socket.ending()
            #expect(ending.code == 4401 && ending.reason.contains("revoked"))
        }
        for stream in streams + queues {
            let last = try #require(try stream.ending().last)
            #expect(last.type == "notice" && last.text("code") == "token_revoked")
        }
        for poll in polls {
            let answer = try poll.answer()
            #expect(answer.status == 401 && answer.text.contains("token_revoked"))
        }
        try scene.waitForEachLoop()
        // Also where it was seen before, and by message.
        for _ in 0..<loops * 2 {
            let again = try scene.connect().request(
                "/api/v1/jobs/j1", headers: [Token.header(token)])
            #expect(again.status == 401 && again.text.contains("token_revoked"))
            #expect(try scene.follow("j1", token: token).ending().code == 4401)
            let late = try WebSocketClient(over: scene.connect(), "/api/v1/ws")
            try late.say(#"{"type":"auth","data":{"token":"\#(token)"}}"#)
            #expect(try late.ending().code == 4401)
        }
        try scene.publish("j1", "1")
        for other in others { _ = try other.hear(throughSeq: 1) }
        try scene.waitForMetric("jobwire_revocations", 1)
        #expect(
            try scene.metric(#"jobwire_auth_refusals_total{reason="revoked"}"#)
                == sockets.count + streams.count + queues.count + polls.count + loops * 6)
        #expect(try scene.metric("jobwire_subscriptions") == others.count)
    }

    @Test(
        "a fresh token of the same subject, issued later, is good, and a revoked one refreshes nothing"
    )
    func refresh() throws {
        let scene = try Scene()
        let now = wallSeconds()
        let old = try Token.of(jobs: "*", subject: "ann", id: "old", issuedAt: now - 10)
        let stolen = try Token.of(jobs: "*", subject: "ann", id: "stolen", issuedAt: now - 10)
        let fresh = try Token.of(jobs: "*", subject: "ann", id: "new", issuedAt: now - 2)
        let socket = try scene.open(token: old)
        #expect(try scene.revoke(#"{"jti":"stolen"}"#).status == 200)
        try socket.say(#"{"type":"auth","id":1,"data":{"token":"\#(stolen)"}}"#)
        let rejected = try socket.hear()
        #expect(rejected.type == "rejected" && rejected.text("code") == "token_revoked")
        try socket.say(#"{"type":"auth","data":{"token":"\#(fresh)"}}"#)
        #expect(try socket.hear().type == "authenticated")
        // It has the fresh token now, which was issued later.
        #expect(try scene.revoke(#"{"sub":"ann","issued_until":\#(now - 5)}"#).status == 200)
        #expect(try scene.open(token: fresh).hearPong())
        #expect(try socket.hearPong())
        #expect(try scene.follow("j1", token: old).ending().code == 4401)
        #expect(try scene.revoke(#"{"sub":"ann"}"#).status == 200)
        #expect(try socket.ending().code == 4401)
    }

    @Test(
        "who may not, or says it wrongly, is told so and revokes nothing",
        arguments: [
            ("", 400), ("[]", 400), ("null", 400), ("{", 400), ("{}", 400), (#"{"jti":5}"#, 400),
            (#"{"jti":""}"#, 400), (#"{"jti":null}"#, 400), (#"{"jti":"a","sub":"b"}"#, 400),
            (#"{"jti":"a","jti":"b"}"#, 400), (#"{"subject":"a"}"#, 400), (#"{"iss":"a"}"#, 400),
            (#"{"jti":"a","issued_until":1}"#, 400), (#"{"jti":"a","expires_at":1}"#, 400),
            (#"{"jti":"a","expires_at":"tomorrow"}"#, 400), (#"{"jti":"a","expires_at":-1}"#, 400),
            (#"{"jti":"a","expires_at":1e400}"#, 400),
            (#"{"jti":"a","expires_at":"9999-12-31T23:59:59Z"}"#, 400),
            (#"{"sub":"a","issued_until":9999999999}"#, 400),
            (#"{"sub":"a","issued_until":"x"}"#, 400),
            (#"{"connection":"x"}"#, 400), (#"{"connection":"abcdefgh-1","iss":"i"}"#, 400),
            (#"{"connection":"abcdefgh-1"}"#, 404),
            (#"{"jti":"\#(String(repeating: "x", count: 1_025))"}"#, 400),
        ])
    func refused(body: String, status: Int) throws {
        let scene = try Self.shared.get()
        let answer = try scene.revoke(body)
        #expect(answer.status == status && answer.text.contains(#""error""#), "\(answer.text)")
        #expect(try scene.listed().contains(#""count":0"#))
    }
    private static let shared = Result { try Scene() }

    @Test("only an administrator may revoke, and see what is revoked")
    func rights() throws {
        let scene = try Scene()
        let scopes: [(token: String?, status: Int)] = [
            (nil, 401), ("nonsense", 401), (try Token.of(jobs: "*", for: -3_600), 401),
            (try Token.of(jobs: "*"), 403),
            (try Token.of(jobs: "*", queues: ["*"], scope: [.jobsRead, .jobsPublish]), 403),
        ]
        for (token, status) in scopes {
            for method in ["GET", "POST", "HEAD"] {
                let answer = try scene.connect().request(
                    "/api/v1/revocations", method: method,
                    headers: token.map { [Token.header($0)] } ?? [],
                    body: method == "POST" ? Array(#"{"jti":"a"}"#.utf8) : nil)
                #expect(answer.status == status)
            }
        }
        #expect(try scene.listed().contains(#""count":0"#))
        let deletes = try scene.connect().request(
            "/api/v1/revocations", method: "DELETE",
            headers: [Token.header(try Token.of(scope: .admin))])
        #expect(deletes.status == 405)
    }

    @Test("what is revoked is listed, what counts longest first")
    func list() throws {
        let scene = try Scene(loops: 2) { $0.revocationExpiry = .seconds(60) }
        let year = wallSeconds() + 31_000_000
        #expect(try scene.revoke(#"{"jti":"a\"b","iss":"i","expires_at":\#(year)}"#).status == 200)
        let answer = try scene.revoke(#"{"sub":"s","expires_at":"2031-01-06T12:00:01Z"}"#)
        #expect(
            answer.text.contains(#""sub":"s","issued_until":""#)
                && answer.text.contains(#""expires_at":"2031-01-06T12:00:01.000Z"}"#))
        #expect(try scene.revoke(#"{"jti":"short"}"#).status == 200)
        try scene.waitForEachLoop()
        let list = try scene.listed()
        let places = ["\"s\"", #"a\"b"#, "short"].compactMap { list.firstRange(of: $0)?.lowerBound }
        #expect(places.count == 3 && places == places.sorted(), "\(list)")
        let one = try scene.listed("?limit=1")
        #expect(one.contains(#""count":3"#) && !one.contains("short"))
    }

    @Test("of more than there may be the next is refused, and one that counts already is not")
    func full() throws {
        let scene = try Scene { $0.revocationsMax = 2 }
        for id in ["a", "b", "a"] { #expect(try scene.revoke(#"{"jti":"\#(id)"}"#).status == 200) }
        let answer = try scene.revoke(#"{"jti":"c"}"#)
        #expect(answer.status == 507 && answer.text.contains("revocations_full"))
        #expect(try scene.open(token: Token.of(jobs: "*", id: "c")).hearPong())
    }

    @Test(
        "with Redis away a token is revoked here at once, and whoever asked is told that no other bridge knows"
    )
    func redisAway() throws {
        let scene = try Scene(loops: 2)
        let sockets = try (0..<4).map { _ in try scene.open(token: Token.of(jobs: "*", id: "t")) }
        scene.redis.stop()
        try scene.log.wait(for: "fleet_lost")
        let answer = try scene.revoke(#"{"jti":"t"}"#)
        #expect(answer.status == 503 && answer.text.contains("this bridge only"))
        for socket in sockets { #expect(try socket.ending().code == 4401) }
        try scene.redis.start()
        try scene.log.wait(for: "revocations_put_back")
        let other = try Scene(redis: scene.redis)
        #expect(try other.follow("j", token: Token.of(jobs: "*", id: "t")).ending().code == 4401)
    }

    @Test(
        "a bridge that starts without Redis lets nobody in until it knows what is revoked",
        arguments: Settings.History.allCases)
    func awaited(history: Settings.History) throws {
        let redis = try RedisServer()
        redis.stop()
        let server = try RunningServer(Scene.settings(redis, loops: 2) { $0.history = history })
        let token = try Token.of(jobs: "*")
        func connect() throws -> Connection {
            try Connection(port: server.port)
        }
        func follow() throws -> WebSocketClient {
            try WebSocketClient(
                over: connect(), "/api/v1/ws", headers: [Token.header(token)])
        }
        for _ in 0..<4 {
            let ending = try follow().ending()
            #expect(ending.code == 1013 && ending.reason.contains("revoked"))
            let answer = try connect().request(
                "/api/v1/jobs/j", headers: [Token.header(token)])
            #expect(answer.status == 503 && answer.text.contains("token_revocations_awaited"))
            // A bad token is a bad one all the same.
            let bad = try connect().request("/api/v1/jobs/j", headers: [Token.header("x")])
            #expect(bad.status == 401)
            let ready = try connect().request("/readyz")
            #expect(ready.status == 503 && ready.text.contains(#""revocations":false"#))
            #expect(try connect().request("/healthz").status == 200)
        }
        try redis.start()
        try server.log.wait(for: "revocations_known")
        for _ in 0..<8 {
            let jobs = try connect().request("/api/v1/jobs", headers: [Token.header(token)])
            #expect(!jobs.text.contains("awaited"))
        }
        #expect(try connect().request("/readyz").text.contains(#""revocations":true"#))
    }

    @Test(
        "a Redis user who may not read revocations costs a warning that says what to grant, not the service"
    )
    func forbidden() throws {
        let redis = try RedisServer(users: [
            "user ann on >secret &job:*:updates &feed:*:updates &jobwire:control:0 +ping +subscribe +psubscribe +publish +info"
        ])
        let scene = try Scene(redis: redis) {
            $0.redisURL = Secret("redis://ann:secret@127.0.0.1:\(redis.port)")
        }
        try scene.log.wait(for: "fleet_not_allowed")
        #expect(scene.log.lines.contains { $0.contains("~jobwire:fleet:*") })
        let socket = try scene.open(token: Token.of(jobs: "*", id: "t"))
        #expect(try socket.hearPong())
        let answer = try scene.revoke(#"{"jti":"t"}"#)
        #expect(answer.status == 503 && answer.text.contains("redis_not_allowed"))
        #expect(try socket.ending().code == 4401)
    }

    @Test("an event stream is told before its token ends, once, and then that it has")
    func expiring() throws {
        let scene = try Scene { $0.tokenLeeway = .zero }
        for path in ["/api/v1/jobs/j1/events", "/api/v1/queues/*/events"] {
            let stream = try EventStreamClient(
                scene, path: path, token: Token.of(jobs: "*", for: 3))
            let heard = try stream.ending()
            #expect(heard.first?.type == "connected")
            #expect(heard.count { $0.type == "token_expiring" } == 1)
            #expect(heard.last?.text("code") == "token_expired")
            #expect(heard.contains { $0.type == "token_expiring" && $0.text("expires_at") != nil })
        }
        let later = try EventStreamClient(scene, "j1", token: Token.of(jobs: "*", for: 600))
        try later.hear { $0.type == "live" }
        try scene.publish("j1", "1")
        try later.hear { $0.seq == 1 }
    }
}

extension Scene {
    /// Each has taken the mail that was on its way: a list of connections is asked of one after the other.
    fileprivate func waitForEachLoop() throws {
        let admin = Token.header(try Token.of(scope: .admin, id: "admin"))
        let answer = try connect().request("/api/v1/connections?subject=nobody", headers: [admin])
        try #require(answer.status == 200)
    }

    fileprivate func revoke(_ body: String) throws -> HTTPAnswer {
        try connect().request(
            "/api/v1/revocations", method: "POST",
            headers: [Token.header(try Token.of(scope: .admin, id: "admin"))],
            body: Array(body.utf8))
    }

    fileprivate func listed(_ query: String = "") throws -> String {
        let answer = try connect().request(
            "/api/v1/revocations" + query, headers: [Token.header(try Token.of(scope: .admin))])
        try #require(answer.status == 200)
        return answer.text
    }

    /// The id of the first connection that was made: it is the first socket's.
    fileprivate func connection(of token: String) throws -> String {
        let line = try #require(log.lines.first { $0.contains(" listening ") })
        let node = try #require(line.split(separator: "node=").last)
        return "\(node.prefix(8))-1"
    }
}

extension WebSocketClient {
    fileprivate func hearPong() throws -> Bool {
        try say(#"{"type":"ping"}"#)
        return try hear().type == "pong"
    }
}
