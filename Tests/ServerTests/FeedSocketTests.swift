// One feed on a socket, over HTTP or by message, and the aliases that lead to it: who may follow it, and
// what others are told.

import Settings
import Support
import Testing

@testable import Server

@Suite("Feeds and aliases")
struct FeedSocketTests {
    static let aliases = [
        "/ws=jobs", "/ws/dashboard=feed:dashboard", "/ws/admin=feed:dashboard@admin",
        "/api/ws/readers=jobs@jobs:read",
    ]

    private func socket(
        _ scene: Scene, _ path: String, _ token: String?
    ) throws -> WebSocketClient {
        try WebSocketClient(
            over: try scene.connect(), path, headers: token.map { [Token.header($0)] } ?? [])
    }

    @Test("a feed's socket begins with what is known of the feed", arguments: [1, 3])
    func connected(loops: Int) throws {
        let scene = try Scene(loops: loops) { $0.aliases = Self.aliases }
        let token = try Token.of(feeds: "dashboard")
        for path in ["/api/v1/ws/feeds/dashboard", "/ws/dashboard", "/ws/dashboard?history=none"] {
            let connected = try socket(scene, path, token).hear()
            #expect(connected.type == "connected" && connected.job == nil, "\(path)")
            #expect(connected.top("feed") as? String == "dashboard", "\(path)")
            #expect(connected.text("feed") == "dashboard", "\(path)")
            #expect(connected.text("status") == "unknown" && connected.number("seq") == 0)
        }
    }

    @Test("who may not follow a feed is told the same by each way to it", arguments: [1, 3])
    func rights(loops: Int) throws {
        let scene = try Scene(loops: loops) { $0.aliases = Self.aliases }
        let refused: [(token: String?, code: UInt16)] = [
            (try Token.of(feeds: "dash", "dashboards"), 4403), (try Token.of(jobs: "*"), 4403),
            (try Token.of(jobs: "dashboard", scope: .jobsRead), 4403),
            (try Token.of(feeds: "dashboard", for: -3_600), 4401),
        ]
        for (token, code) in refused {
            for path in ["/api/v1/ws/feeds/dashboard", "/ws/dashboard"] {
                #expect(try socket(scene, path, token).ending().code == code, "\(path)")
            }
            for accept in ["application/json", "text/event-stream"] {
                let answer = try scene.connect().request(
                    "/api/v1/feeds/dashboard/events",
                    headers: ["Accept: \(accept)"] + (token.map { [Token.header($0)] } ?? []))
                #expect(answer.status == Int(code) - 4000, "\(accept)")
            }
        }
        #expect(try scene.connect().request("/api/v1/feeds/dashboard/events").status == 401)
        let many = try scene.open(token: try Token.of(jobs: "*", subject: "u1"))
        try many.say(#"{"type":"subscribe","id":1,"data":{"feed":"dashboard"}}"#)
        let rejected = try many.hear()
        #expect(rejected.text("code") == "forbidden" && rejected.top("feed") != nil)
        #expect(rejected.text("message") == "the token does not cover this feed")
    }

    @Test(
        "an alias with a scope takes tokens of that scope, whenever they come", arguments: [1, 3])
    func scope(loops: Int) throws {
        let scene = try Scene(loops: loops) { $0.aliases = Self.aliases }
        let plain = try Token.of(feeds: "dashboard", subject: "u1")
        let reader = try Token.of(feeds: "dashboard", subject: "u1", scope: .jobsRead)
        let admin = try Token.of(subject: "u1", scope: .admin)
        for (path, allowed) in [
            ("/ws/admin", [admin]), ("/ws/dashboard", [plain, reader, admin]),
            ("/api/ws/readers", [reader, admin]), ("/ws", [plain, reader, admin]),
        ] {
            for token in [plain, reader, admin] {
                for isMessage in [false, true] {
                    let client = try socket(scene, path, isMessage ? nil : token)
                    if isMessage { try client.say(auth(token)) }
                    guard allowed.contains(token) else {
                        let end = try client.ending()
                        #expect(end.code == 4403, "\(path)")
                        #expect(end.reason == "the token has not the scope that this path needs")
                        continue
                    }
                    #expect(try client.hear().type == "connected", "\(path)")
                }
            }
        }
        let client = try socket(scene, "/ws/admin", admin)
        try client.hear(until: "connected")
        try client.say(auth(admin))
        try client.hear(until: "authenticated")
        try client.say(auth(plain))
        #expect(try client.ending().code == 4403)
        try scene.waitForMetric("jobwire_subscriptions", 0)
    }

    @Test("what is published of a feed comes by each way, the same bytes", arguments: [1, 3])
    func heard(loops: Int) throws {
        let scene = try Scene(loops: loops) {
            ($0.aliases, $0.feeds) = (["/ws/all=feed:all"], ["all=everything:*", "feed:*:updates"])
        }
        let token = try Token.of(jobs: "*", feeds: "*", subject: "u1")
        let client = try socket(scene, "/ws/all", token)
        try client.hear(until: "live")
        let many = try scene.open(token: token)
        try many.say(#"{"type":"subscribe","data":{"feed":"all","jobs":["all"]}}"#)
        for _ in 0..<2 { try many.hear(until: "live") }
        let payload = Array(#"{"event":"node","feed":"x","job_id":5,"data":{"b":1}}"#.utf8)
        try scene.publisher.publish([payload, payload], channel: "everything:here")
        try scene.publisher.publish([payload], channel: "feed:other:updates")
        try scene.publish("all", "1")
        let heard = try client.hear(throughSeq: 2).filter { $0.seq != nil }
        #expect(
            heard[0].text.hasPrefix(
                #"{"seq":1,"feed":"all","type":"node","event":"node","worker_feed":"x","job_id":5,"#
            ))
        var seen: [Heard] = []
        while seen.count < 3 {
            let next = try many.hear()
            if next.seq != nil { seen.append(next) }
        }
        #expect(seen.filter { $0.top("feed") != nil }.map(\.text) == heard.map(\.text))
        #expect(seen.contains { $0.seq == 1 && $0.job == "all" })
        let page = try scene.connect().request(
            "/api/v1/feeds/all/events", headers: [Token.header(token)])
        #expect(page.status == 200)
        #expect(page.text.contains(heard.map(\.text).joined(separator: ",")))
        let last = try scene.connect().request(
            "/api/v1/feeds/all/events?before=99&limit=1", headers: [Token.header(token)])
        #expect(last.text.contains(heard[1].text) && !last.text.contains(heard[0].text))
        let stream = try EventStreamClient(scene, "all", "history=1", of: "feeds", token: token)
        #expect(try stream.next().heard.top("feed") as? String == "all")
        let event = try stream.next()
        #expect(event.heard.text == heard[1].text && event.id?.hasSuffix(":2") == true)
        let cut = try socket(scene, "/ws/all?history=1", token)
        #expect(try cut.hear(until: "live").compactMap(\.seq) == [2])
    }

    @Test(
        "a feed that is none of the server's is not there, for who might follow it",
        arguments: [1, 3])
    func missing(loops: Int) throws {
        let scene = try Scene(loops: loops) { $0.feeds = ["a=news", "b=news:*"] }
        let token = try Token.of(jobs: "*", feeds: "*")
        for name in ["a", "b"] {
            #expect(
                try socket(scene, "/api/v1/ws/feeds/\(name)", token).hear().type == "connected")
        }
        let end = try socket(scene, "/api/v1/ws/feeds/c", token).ending()
        #expect(end == .init(code: 4404, reason: "there is no such feed"))
        let late = try socket(scene, "/api/v1/ws/feeds/c", nil)
        try late.say(auth(token))
        #expect(try late.ending().code == 4404)
        let other = try Token.of(jobs: "*", feeds: "a", scope: .jobsRead)
        for name in ["b", "c"] {
            let refused = try socket(scene, "/api/v1/ws/feeds/\(name)", other).ending()
            #expect(refused == .init(code: 4403, reason: "the token does not cover this feed"))
        }
        for (accept, token, status) in [
            ("application/json", token, 404), ("text/event-stream", token, 404),
            ("application/json", other, 403), ("text/event-stream", other, 403),
        ] {
            let answer = try scene.connect().request(
                "/api/v1/feeds/c/events",
                headers: ["Accept: \(accept)", "Connection: close", Token.header(token)])
            #expect(answer.status == status, "\(accept)")
            #expect(answer.text.contains("no_such_feed") == (status == 404))
        }
        let many = try scene.open(token: token)
        try many.say(#"{"type":"subscribe","id":1,"data":{"feed":"c","jobs":["c"]}}"#)
        try many.say(#"{"type":"ping"}"#)
        let rejected = try #require(
            try many.hear(until: "pong").first { $0.type == "rejected" })
        #expect(rejected.text("code") == "no_such_feed" && rejected.top("feed") as? String == "c")
        try scene.publish("c", "1")
        #expect(try many.hear(throughSeq: 1).last?.job == "c")
    }

    @Test("a feed's name that can be none is a bad request")
    func names() throws {
        let scene = try Scene()
        let token = try Token.of(feeds: "*")
        for name in ["a%2Fb", "%20", ".", "..", "a*", "%FF", String(repeating: "x", count: 129)] {
            let end = try socket(scene, "/api/v1/ws/feeds/\(name)", token).ending()
            #expect(end.code == 4400, "\(name)")
            #expect(name == "%FF" || end.reason.hasPrefix("a feed's name "), "\(end.reason)")
            let answer = try scene.connect().request(
                "/api/v1/feeds/\(name)/events", headers: [Token.header(token)])
            #expect(answer.status == 400, "\(name)")
        }
    }

    @Test("an alias is a WebSocket only, and no other path is one")
    func paths() throws {
        let scene = try Scene { $0.aliases = Self.aliases }
        let token = try Token.of(feeds: "*", scope: .admin)
        let asked = try scene.connect().request("/ws/dashboard", headers: [Token.header(token)])
        #expect(asked.status == 426)
        for path in ["/ws/", "/ws/dashboard/", "/WS", "/ws/other", "/ws%2Fdashboard", "/api/ws"] {
            let answer = try scene.connect().request(path, headers: [Token.header(token)])
            #expect(answer.status == 404, "\(path)")
        }
    }

    @Test("no alias may be in the way of a route of the server's own")
    func reserved() throws {
        let file = try #require(PageAssets.files.first { $0.path == "/openapi.json" })
        let described = file.body.matches(of: /"(\/[a-z0-9.\/{}]+)": \{/).map { String($0.1) }
        #expect(described.count > 8)
        for path in described + PageAssets.files.map(\.path) + ["/api/v1/ws", "/health"] {
            let plain = path.replacing(/[{}]/, with: "")
            #expect(throws: AliasFault.self, "\(plain)") { try Alias(reading: plain + "=jobs") }
        }
    }

    private func auth(_ token: String) -> String {
        #"{"type":"auth","data":{"token":"\#(token)"}}"#
    }
}
