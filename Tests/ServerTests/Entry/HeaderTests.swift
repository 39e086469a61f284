// What answers tell browsers: who may read them, and what must not be done with them.

import Settings
import Support
import Testing
import Wire

@testable import Server

@Suite("Headers for browsers")
struct HeaderTests {
    static let ours = "https://app.example.com"

    @Test("every answer forbids guessing, framing and loading into foreign pages, also a refusal")
    func always() throws {
        let scene = try Scene { $0.handshakeTimeout = .milliseconds(300) }
        let token = try Token.of(jobs: "j1")
        let data = ["/healthz", "/readyz", "/metrics", "/nothing", "/api/v1/jobs", "/api/v1/ws"]
        let seen = [
            "/api/v1/jobs/j1", "/api/v1/jobs/j1/events", "/api/v1/jobs/j1/log", "/api/v1/jobs",
        ].map { $0 + "?token=\(token)" }
        for path in data + seen {
            try check(try scene.connect().request(path), path)
        }
        let stream = try EventStreamClient(scene, "j1")
        try check(stream.head, "a stream")
        let broken = try scene.connect()
        try broken.send(Array("GET / HTTP/1.1\r\n\r\n".utf8))
        try check(try broken.answer(), "no request at all")
        let slow = try scene.connect()
        try check(try slow.answer(), "408")

        for file in PageAssets.files {
            let page = try scene.connect().request(file.path)
            #expect(page.status == 200 && page.header("x-content-type-options") == "nosniff")
            let policy = try #require(page.header("content-security-policy"))
            #expect(
                policy.hasPrefix("default-src 'none'") && policy.contains("frame-ancestors 'none'"))
            #expect(!policy.contains("unsafe") && !policy.contains("*") && !policy.contains("http"))
            #expect(page.header("cross-origin-opener-policy") == "same-origin")
            #expect(page.header("x-frame-options") == "DENY")
            #expect(page.header("referrer-policy") == "no-referrer")
            #expect(page.header("access-control-allow-origin") == nil)
        }
        // Without TLS a promise of it would lock everybody out.
        let plain = try scene.connect().request("/")
        #expect(plain.header("strict-transport-security") == nil)
    }

    private func check(_ answer: HTTPAnswer, _ what: String) throws {
        for (name, value) in [
            ("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
        ] {
            #expect(
                answer.headers.filter { $0.name == name }.map(\.value) == [value],
                "\(what): \(name)")
        }
    }

    @Test("nothing that a token unlocked is kept for anybody else")
    func caching() throws {
        let scene = try Scene { ($0.tokenCookie, $0.allowedOrigins) = ("t", [Self.ours]) }
        let token = try Token.of(jobs: "j1", feeds: "f1")
        try scene.publish("j1", #"{"type":"complete","data":{"status":"completed"}}"#)
        try scene.settle("j1", at: 1)
        for (path, rule) in [
            ("jobs", "no-store"), ("jobs/j1", "private, no-cache"), ("jobs/j1/log", "no-store"),
            ("jobs/j1/events", "private, max-age=60"), ("jobs/j2", "no-store"),
            ("feeds/f1/events", "private, no-cache"),
        ] {
            let answer = try scene.connect().request(
                "/api/v1/\(path)", headers: [Token.header(token)])
            #expect(answer.header("cache-control") == rule, "\(path)")
            let vary = answer.headers.filter { $0.name == "vary" }.map(\.value)
            #expect(vary == ["accept, authorization, cookie, origin"], "\(path)")
        }
        // The same address, another cookie: a browser must ask again.
        let connection = try scene.connect()
        let tag = try #require(
            try connection.request("/api/v1/jobs/j1", headers: ["Cookie: t=\(token)"]).header(
                "etag"))
        let other = try connection.request(
            "/api/v1/jobs/j1",
            headers: ["Cookie: t=\(try Token.of(jobs: "x"))", "If-None-Match: \(tag)"])
        #expect(other.status == 403)
    }

    static let routes: [(path: String, methods: [String])] = [
        ("jobs", ["GET", "HEAD"]), ("jobs/j1", ["GET", "HEAD"]),
        ("jobs/j1/events", ["GET", "HEAD", "POST"]), ("jobs/j1/log", ["GET", "HEAD"]),
        ("feeds/f1/events", ["GET", "HEAD"]), ("queues/q/events", ["GET"]),
        ("session", ["POST", "DELETE"]), ("tickets", ["POST"]),
        ("revocations", ["GET", "HEAD", "POST"]),
    ]

    @Test("a browser that asks before it asks is told what may come, for every route")
    func preflight() throws {
        let scene = try Scene { ($0.tokenCookie, $0.allowedOrigins) = ("t", [Self.ours]) }
        for (path, methods) in Self.routes {
            for method in methods + ["PATCH"] {
                let answer = try scene.connect().request(
                    "/api/v1/\(path)", method: "OPTIONS",
                    headers: [
                        "Origin: \(Self.ours)", "Access-Control-Request-Method: \(method)",
                        "Access-Control-Request-Headers: authorization,content-type,idempotency-key",
                    ])
                #expect(answer.status == 204 && answer.body.isEmpty, "\(path)")
                #expect(answer.header("access-control-allow-origin") == Self.ours)
                #expect(answer.header("access-control-allow-credentials") == "true")
                let told = answer.header("access-control-allow-methods")?.components(", ") ?? []
                #expect(told.contains(method) == (method != "PATCH"), "\(method) \(path)")
                let headers = answer.header("access-control-allow-headers")?.components(", ") ?? []
                for header in ["authorization", "content-type", "idempotency-key", "last-event-id"]
                {
                    #expect(headers.contains(header))
                }
            }
            let foreign = try scene.connect().request(
                "/api/v1/\(path)", method: "OPTIONS",
                headers: ["Origin: https://evil.example", "Access-Control-Request-Method: GET"])
            #expect(foreign.status == 403)
            #expect(foreign.header("access-control-allow-origin") == nil)
        }
    }

    @Test("credentials are for named origins with cookies alone, never beside a star")
    func credentials() throws {
        let token = Token.header(try Token.of(jobs: "j1"))
        let table: [(allowed: [String], cookie: String, origin: String, to: String?, with: Bool)] =
            [
                ([Self.ours], "t", Self.ours, Self.ours, true),
                ([Self.ours], "", Self.ours, Self.ours, false),
                ([Self.ours], "t", "http://localhost", nil, false),
                (["*"], "t", Self.ours, "*", false),
                (["*", Self.ours], "t", Self.ours, "*", false),
                (["*"], "", "null", "*", false), ([], "t", Self.ours, nil, false),
            ]
        for row in table {
            let scene = try Scene {
                ($0.allowedOrigins, $0.tokenCookie) = (row.allowed, row.cookie)
            }
            for path in ["jobs/j1", "jobs/j2", "jobs/%zz"] {
                let answer = try scene.connect().request(
                    "/api/v1/\(path)", headers: [token, "Origin: \(row.origin)"])
                #expect(answer.header("access-control-allow-origin") == row.to, "\(row)")
                #expect(
                    answer.header("access-control-allow-credentials") == (row.with ? "true" : nil),
                    "\(row)")
                #expect((answer.header("access-control-expose-headers") == nil) == (row.to == nil))
            }
        }
    }

    @Test("a promise of TLS is as long as the setting says")
    func transport() throws {
        var settings = Settings()
        (settings.tlsCertificate, settings.hstsMaxAge) = ("c.pem", .seconds(7))
        let told = { (settings: Settings) in
            SecurityHeaders(settings).page.first { $0.name == "strict-transport-security" }?.value
        }
        #expect(told(settings) == "max-age=7")
        settings.hstsMaxAge = .zero
        #expect(told(settings) == nil)
    }
}

extension String {
    fileprivate func components(_ separator: String) -> [String] {
        split(separator: separator).map(String.init)
    }
}
