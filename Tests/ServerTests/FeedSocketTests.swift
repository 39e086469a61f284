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
