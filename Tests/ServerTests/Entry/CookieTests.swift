// A token in a cookie: where it is found, from which pages it counts, and how it is set.

import Settings
import Support
import Testing
import Wire

@testable import Server

@Suite("Cookies")
struct CookieTests {
    static let name = "jobwire"
    static let ours = "https://app.example.com"

    private func scene(_ change: (inout Settings) -> Void = { _ in }) throws -> Scene {
        try Scene {
            $0.tokenCookie = Self.name
            $0.allowedOrigins = [Self.ours]
            change(&$0)
        }
    }

    private func head(_ lines: [String]) throws -> RequestHead {
        let text = (["GET / HTTP/1.1", "Host: x"] + lines).joined(separator: "\r\n") + "\r\n\r\n"
        return try #require(try HeadReader().read(Array(text.utf8).span)).0
    }

    @Test("one cookie of the name is found among others, and only by its whole name")
    func found() throws {
        let table: [(lines: [String], value: String?)] = [
            ([], nil), (["Cookie:"], nil), (["Cookie: t=v"], "v"), (["Cookie: t=\"v\""], "v"),
            (["Cookie: a=b; t=v; c=d"], "v"), (["Cookie: a=b;t=v;c=d"], "v"),
            (["Cookie: a=b;\tt = v ;"], "v"), (["Cookie: t="], ""), (["Cookie: t=\"\""], ""),
            (["Cookie: t=a=b=="], "a=b=="), (["Cookie: a=1", "Cookie: t=v"], "v"),
            (["Cookie: T=v"], nil), (["Cookie: tt=v"], nil), (["Cookie: xt=v"], nil),
            (["Cookie: t"], nil), (["Cookie: =t=v"], nil), (["Cookie: \"t\"=v"], nil),
            (["Cookie: x=t=v"], nil), (["Cookie: ;;;=;;t=v;;"], "v"),
            (["Cookie: bad=\"; t=v"], "v"), (["Set-Cookie: t=v"], nil),
            (
                ["Cookie: t=" + String(repeating: "x", count: 8_000)],
                String(repeating: "x", count: 8_000)
            ),
        ]
        let cookie = try #require(TokenCookie("t"))
        for row in table {
            #expect(try cookie.value(in: head(row.lines)) == row.value, "\(row.lines)")
        }
        #expect(TokenCookie("") == nil)
    }

    @Test("what could be two tokens, or is none, is refused")
    func refused() throws {
        let cookie = try #require(TokenCookie("t"))
        let table: [(lines: [String], fault: CookieFault)] = [
            (["Cookie: t=v; t=v"], .ambiguous), (["Cookie: t=v; a=b; t=w"], .ambiguous),
            (["Cookie: t=v", "Cookie: t=w"], .ambiguous), (["Cookie: t=; t=v"], .ambiguous),
            (["Cookie: t=\"v"], .malformed), (["Cookie: t=v\""], .malformed),
            (["Cookie: t=\""], .malformed), (["Cookie: t=a b"], .malformed),
            (["Cookie: t=a,b"], .malformed), (["Cookie: t=a\\b"], .malformed),
            (["Cookie: t=\"a\"b\""], .malformed), (["Cookie: t=é"], .malformed),
            (["Cookie: t=a\tb"], .malformed),
        ]
        for row in table {
            let head = try head(row.lines)
            #expect(throws: row.fault, "\(row.lines)") { try cookie.value(in: head) }
        }
    }

    /// A browser's words about where a request comes from.
    private enum Sender: String, CaseIterable {
        case own, named, foreign, null, plainOwn
        case silent, fetchOwn, typed, fetchSite, fetchCross

        func lines(_ scene: Scene) -> [String] {
            switch self {
            case .own: ["Origin: http://localhost"]
            case .plainOwn: ["Origin: http://localhost:80"]
            case .named: ["Origin: \(ours)"]
            case .foreign: ["Origin: https://evil.example", "Sec-Fetch-Site: same-origin"]
            case .null: ["Origin: null"]
            case .silent: []
            case .fetchOwn: ["Sec-Fetch-Site: same-origin"]
            case .typed: ["Sec-Fetch-Site: none"]
            case .fetchSite: ["Sec-Fetch-Site: same-site"]
            case .fetchCross: ["Sec-Fetch-Site: cross-site"]
            }
        }

        /// Whether a cookie counts that comes with a plain GET, and with anything else.
        var counts: (reading: Bool, changing: Bool) {
            switch self {
            case .own, .named: (true, true)
            case .silent, .fetchOwn, .typed: (true, false)
            case .foreign, .null, .plainOwn, .fetchSite, .fetchCross: (false, false)
            }
        }
    }

    @Test("a cookie counts from our own page and from named origins only", arguments: [1, 3])
    func origins(loops: Int) throws {
        // Where pages from everywhere may come with a token, one with a cookie still may not.
        for allowed in [[Self.ours], ["*", Self.ours], []] {
            let scene = try scene {
                $0.allowedOrigins = allowed; $0.loops = loops
            }
            let token = try Token.of(jobs: "j1", scope: .jobsPublish)
            let cookie = "Cookie: a=b; jobwire=\(token)"
            for sender in Sender.allCases {
                let isKnown = sender != .named || allowed == [Self.ours]
                let headers = sender.lines(scene) + [cookie]
                for method in ["GET", "HEAD", "POST"] {
                    let path = "/api/v1/jobs/j1" + (method == "POST" ? "/events" : "")
                    let answer = try scene.connect().request(
                        path, method: method, headers: headers,
                        body: method == "POST" ? Array("{}".utf8) : nil)
                    let counts = method == "POST" ? sender.counts.changing : sender.counts.reading
                    #expect(
                        answer.status == (counts && isKnown ? 200 : 403),
                        "\(allowed) \(sender) \(method)")
                }
                let client = try WebSocketClient(
                    port: scene.port, HandshakeTests.path, headers: headers)
                if sender.counts.changing && isKnown {
                    #expect(try client.hear().type == "connected", "\(allowed) \(sender)")
                } else {
                    #expect(try client.ending().code == 4403, "\(allowed) \(sender)")
                }
            }
        }
    }

    @Test("over TLS a page by plain http is not our own, though its host is")
    func plainPage() throws {
        let certificates = try Certificates()
        let tls = TestTLS(caFile: certificates.certificate("authority"), serverName: "server.test")
        let scene = try scene { $0.serve(certificates) }
        let cookie = "Cookie: jobwire=\(try Token.of(jobs: "j1"))"
        for (origin, status) in [("https://localhost", 200), ("http://localhost", 403)] {
            let connection = try Connection(port: scene.port, tls: tls)
            let answer = try connection.request(
                "/api/v1/jobs/j1", headers: [cookie, "Origin: \(origin)"])
            #expect(answer.status == status)
            #expect(answer.header("strict-transport-security") == "max-age=2592000")
        }
        let signIn = try Connection(port: scene.port, tls: tls).request(
            "/api/v1/session", method: "POST", headers: [Token.header(try Token.of(jobs: "j1"))])
        #expect(signIn.header("set-cookie")?.hasSuffix("; Secure") == true)
    }

    @Test("a refused cookie says why, and without the setting a cookie is nothing")
    func reasons() throws {
        let token = try Token.of(jobs: "j1")
        let own = "Origin: http://localhost"
        let table: [(headers: [String], code: String, status: Int)] = [
            (["Cookie: jobwire=\(token); jobwire=\(token)", own], "cookie_ambiguous", 401),
            (["Cookie: jobwire=\"\(token)", own], "cookie_malformed", 401),
            (["Cookie: jobwire=", own], "token_missing", 401),
            (["Cookie: jobwire=x", own], "token_malformed", 401),
            (
                ["Cookie: jobwire=\(try Token.of(jobs: "j1", for: -3_600))", own], "token_expired",
                401
            ),
            (["Cookie: jobwire=\(token)", "Origin: null"], "origin_refused", 403),
            (["Cookie: other=\(token)", own], "token_missing", 401),
        ]
        let scene = try scene()
        for row in table {
            let answer = try scene.connect().request("/api/v1/jobs/j1", headers: row.headers)
            #expect(answer.status == row.status && answer.text.contains("\"\(row.code)\""))
        }
        let post = try scene.connect().request(
            "/api/v1/jobs/j1/events", method: "POST", headers: ["Cookie: jobwire=\(token)"],
            body: Array("{}".utf8))
        #expect(post.status == 403 && post.text.contains("cookie_origin_missing"))
        #expect(try scene.metric(#"jobwire_auth_refusals_total{reason="cookie"}"#) == 3)

        let without = try Scene()
        let answer = try without.connect().request(
            "/api/v1/jobs/j1", headers: ["Cookie: jobwire=\(token)", own])
        #expect(answer.status == 401 && answer.text.contains("token_missing"))
    }

    @Test("a token is traded for a cookie with the right attributes, which then opens all doors")
    func session() throws {
        let scene = try scene()
        let token = try Token.of(jobs: "j1", for: 600)
        let connection = try scene.connect()
        let answer = try connection.request(
            "/api/v1/session", method: "POST",
            headers: [Token.header(token), "Origin: http://localhost"])
        #expect(answer.status == 200 && answer.text.hasPrefix(#"{"expires_at":"20"#))
        #expect(answer.header("cache-control") == "no-store")
        let parts = try #require(answer.header("set-cookie")).split(separator: "; ").map(
            String.init)
        #expect(parts[0] == "jobwire=\(token)")
        #expect(Array(parts[1...3]) == ["Path=/", "HttpOnly", "SameSite=Strict"])
        let age = try #require(Int(parts[4].dropFirst("Max-Age=".count)))
        #expect(595...600 ~= age && parts.count == 5)

        let cookie = "Cookie: \(parts[0])"
        #expect(try connection.request("/api/v1/jobs/j1", headers: [cookie]).status == 200)
        let socket = try WebSocketClient(
            port: scene.port, HandshakeTests.path, headers: [cookie, "Origin: http://localhost"])
        #expect(try socket.hear().type == "connected")
        let stream = try EventStreamClient(
            scene, path: "/api/v1/jobs/j1/events", token: nil,
            headers: [cookie, "Sec-Fetch-Site: same-origin"])
        #expect(stream.head.status == 200)

        let end = try connection.request("/api/v1/session", method: "DELETE", headers: [cookie])
        #expect(end.status == 204)
        #expect(
            end.header("set-cookie") == "jobwire=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0")
        #expect(!scene.log.lines.contains { $0.contains(token) })
    }

    @Test("a session is not begun or ended for a foreign page, nor with a bad token")
    func noSession() throws {
        let scene = try scene { ($0.httpLineBytesMax, $0.httpHeadBytesMax) = (16_384, 32_768) }
        let token = Token.header(try Token.of(jobs: "j1"))
        let long = Token.header(try Token.of(jobs: String(repeating: "x", count: 3_000)))
        let table: [(method: String, headers: [String], status: Int, code: String)] = [
            ("POST", [], 401, "token_missing"),
            ("POST", [Token.header("bad")], 401, "token_malformed"),
            ("POST", [token, "Origin: https://evil.example"], 403, "origin_refused"),
            ("POST", [token, "Sec-Fetch-Site: cross-site"], 403, "origin_refused"),
            ("POST", [long], 400, "bad_request"),
            ("DELETE", ["Origin: https://evil.example"], 403, "origin_refused"),
            ("GET", [token], 405, "method_not_allowed"),
            ("PUT", [token], 405, "method_not_allowed"),
        ]
        for row in table {
            let answer = try scene.connect().request(
                "/api/v1/session", method: row.method, headers: row.headers)
            #expect(answer.status == row.status && answer.text.contains(row.code), "\(row)")
            #expect(answer.header("set-cookie") == nil)
        }
        let forAll = try self.scene { $0.allowedOrigins = ["*"] }
        let foreign = try forAll.connect().request(
            "/api/v1/session", method: "POST", headers: [token, "Origin: https://evil.example"])
        #expect(foreign.status == 403 && foreign.header("access-control-allow-credentials") == nil)
        let plain = try Scene()
        let without = try plain.connect().request(
            "/api/v1/session", method: "POST", headers: [token])
        #expect(without.status == 404 && without.text.contains("no_sessions"))
    }

    @Test("names that browsers take over TLS only are set so")
    func secureNames() throws {
        for (name, isSecure) in [("__Host-t", true), ("__secure-t", true), ("host-t", false)] {
            let cookie = try #require(TokenCookie(name))
            #expect(cookie.setting("v", for: nil, isSecure: false).contains("; Secure") == isSecure)
            #expect(cookie.clearing(isSecure: true).hasSuffix("Max-Age=0; Secure"))
        }
    }
}
