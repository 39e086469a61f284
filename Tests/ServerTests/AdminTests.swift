// What operators can do, on one bridge; what spans several is Tests/EndToEnd/test_admin.py's.

import Foundation
import Support
import Testing
import Tokens

@testable import Server

@Suite("An operator")
struct AdminTests {
    private let mine: String

    init() throws { mine = try Token.of(subject: "op", scope: .admin) }

    private static let routes = [
        ("POST", "/api/v1/broadcast", "may_not_broadcast"),
        ("GET", "/api/v1/connections", "may_not_list_connections"),
        ("DELETE", "/api/v1/connections/abcd1234-1", "may_not_disconnect"),
        ("GET", "/api/v1/stats", "may_not_read_stats"),
        ("POST", "/api/v1/revocations", "may_not_revoke"),
        ("GET", "/api/v1/revocations", "may_not_list_revocations"),
    ]

    private func ask(
        _ scene: Scene, _ method: String, _ path: String, token: String? = "",
        _ body: String? = nil
    ) throws -> HTTPAnswer {
        try scene.connect().request(
            path, method: method,
            headers: token.map { [Token.header($0.isEmpty ? mine : $0)] } ?? [],
            body: body.map { Array($0.utf8) })
    }

    private func broadcast(_ scene: Scene, _ body: String) throws -> HTTPAnswer {
        try ask(scene, "POST", "/api/v1/broadcast", body)
    }

    private func list(_ scene: Scene, _ query: String = "") throws -> [String: Any] {
        let answer = try ask(scene, "GET", "/api/v1/connections" + query)
        try #require(answer.status == 200, "\(answer.text)")
        return try answer.object()
    }

    private func rows(_ scene: Scene, _ query: String = "") throws -> [[String: Any]] {
        try #require(try list(scene, query)["connections"] as? [[String: Any]])
    }

    @Test("is let in by the scope admin and by nothing else, each route with its own refusal")
    func scope() throws {
        let scene = try Scene { $0.logRepeatsPerSecondMax = 1_000 }
        // Longer ones are no head of a request.
        let bad = try Token.bad().map(\.token).filter { $0.utf8.count < 8_000 }
        for (method, path, refusal) in Self.routes {
            // A body and a target that would be refused as well, were they looked at.
            func outcome(_ token: String?) throws -> (status: Int, code: String) {
                let answer = try ask(scene, method, path, token: token, method == "GET" ? nil : "{")
                let error = try? answer.object()["error"] as? [String: Any]
                return (answer.status, error?["code"] as? String ?? "")
            }
            #expect(try outcome(nil) == (401, "token_missing"))
            for token in bad {
                let (status, code) = try outcome(token)
                #expect(status == 401 && code.hasPrefix("token_"), "\(code)")
            }
            for token in [
                try Token.of(), try Token.of(jobs: "*", feeds: "*", queues: ["*"]),
                try Token.of(scope: .jobsRead), try Token.of(scope: [.jobsRead, .jobsPublish]),
            ] {
                #expect(try outcome(token) == (403, refusal))
            }
            let admitted = try outcome(mine)
            #expect(![401, 403].contains(admitted.status), "\(method) \(path): \(admitted)")
        }
        let attempts = Self.routes.count * (2 + bad.count + 4)
        #expect(scene.log.count("audit") == attempts)
    }

    @Test("is heard once by each who follows what is meant, and by nobody else", arguments: [1, 3])
    func targets(loops: Int) throws {
        let scene = try Scene(loops: loops) { $0.feeds = ["feed:*:updates"] }
        let all = try Token.of(
            jobs: "*", feeds: "*", queues: ["gpu"], scope: .jobsRead)
        let job = try scene.follow("a", token: all)
        let many = try scene.open(token: all)
        try many.say(#"{"type":"subscribe","data":{"jobs":["a","b"],"feed":"news","queue":"gpu"}}"#)
        for _ in 0..<4 { try many.hear(until: "subscribed") }
        let packed = try WebSocketClient(
            over: try scene.connect(), "/api/v1/ws/queues/gpu", headers: [Token.header(all)])
        let stream = try EventStreamClient(scene, "b", token: all)
        try job.hear(until: "live")
        try packed.hear(until: "connected")
        try stream.hear { $0.type == "live" }

        for (member, audience) in [
            ("", 4), (#","job_id":"a""#, 2), (#","job_id":"b""#, 2), (#","feed":"news""#, 1),
            (#","queue":"gpu""#, 2), (#","queue":"*""#, 0), (#","feed":"a""#, 0),
            (#","job_id":"gone""#, 0),
        ] {
            let answer = try broadcast(scene, #"{"message":"to \#(audience)"\#(member)}"#)
            #expect(answer.status == 200 && answer.text == #"{"reached":\#(audience),"bridges":0}"#)
        }
        _ = try broadcast(scene, #"{"message":"end"}"#)
        func notices(_ heard: [Heard]) -> [String] {
            heard.filter { $0.type == "notice" }.compactMap { $0.text("message") }
        }
        func isEnd(_ heard: Heard) -> Bool { heard.text("message") == "end" }
        #expect(try notices(job.hear(until: isEnd)) == ["to 4", "to 2", "end"])
        let heard = try many.hear(until: isEnd)
        #expect(notices(heard) == ["to 4", "to 2", "to 2", "to 1", "to 2", "end"])
        let about = heard.filter { $0.type == "notice" }.map {
            ($0.job ?? $0.top("feed") ?? $0.top("queue")) as? String
        }
        #expect(about == [nil, "a", "b", "news", "gpu", nil])
        #expect(heard.allSatisfy { $0.seq == nil })
        #expect(try notices(packed.hear(until: isEnd)) == ["to 4", "to 2", "end"])
        #expect(try notices(stream.hear(until: isEnd)) == ["to 4", "to 2", "end"])
    }

    @Test("reaches who sees a job in the view of its queue")
    func viewers() throws {
        let scene = try Scene()
        let viewer = try WebSocketClient(
            over: try scene.connect(), "/api/v1/ws/queues/*",
            headers: [Token.header(try Token.of(scope: .jobsRead))])
        try viewer.hear(until: "connected")
        try scene.publish("j", #"{"type":"status","data":{"status":"running"}}"#)
        _ = try viewer.hear(throughSeq: 1)
        #expect(
            try broadcast(scene, #"{"message":"x","job_id":"j"}"#).text
                == #"{"reached":1,"bridges":0}"#)
        #expect(try viewer.hear(until: "notice").last?.text("message") == "x")
    }

    @Test("says what he says: it is text in JSON, and neither more nor less")
    func text() throws {
        let scene = try Scene()
        let client = try scene.open()
        for text in [
            "<b>\"'\\", "a\u{1B}[31m\nb\r\0\u{2028}", "äöü 🎉", String(repeating: "x", count: 2_000),
            #"{"seq":1}"#,
        ] {
            let json = try JSONSerialization.data(
                withJSONObject: ["message": text, "level": "error", "code": "power_cut"])
            #expect(try broadcast(scene, String(decoding: json, as: UTF8.self)).status == 200)
            let notice = try client.hear()
            #expect(notice.type == "notice" && notice.seq == nil)
            #expect(notice.text("message") == text)
            #expect(notice.text("level") == "error" && notice.text("code") == "power_cut")
        }
    }

    @Test("who waits for a first token, or for a greeting, is told nothing")
    func notYet() throws {
        let scene = try Scene()
        let waiting = try WebSocketClient(over: try scene.connect(), "/api/v1/ws")
        let answer = try broadcast(scene, #"{"message":"x"}"#)
        #expect(answer.text == #"{"reached":0,"bridges":0}"#)
        let token = try Token.of(jobs: "*")
        try waiting.say(#"{"type":"auth","data":{"token":"\#(token)"}}"#)
        #expect(try waiting.hear().type == "connected")
    }

    @Test("sees every connection: whose it is, from where, what it follows", arguments: [1, 3])
    func connections(loops: Int) throws {
        let scene = try Scene(loops: loops) { $0.feeds = ["feed:*:updates"] }
        let token = try Token.of(jobs: "*", feeds: "*", subject: "u1", scope: .jobsRead)
        let many = try scene.open(token: token)
        try many.say(#"{"type":"subscribe","data":{"jobs":["a","b"],"feed":"news","queue":"*"}}"#)
        for _ in 0..<4 { try many.hear(until: "subscribed") }
        let stream = try EventStreamClient(
            scene, "s", token: try Token.of(jobs: "s", subject: "u2"))
        try stream.hear { $0.type == "live" }
        let poll = try scene.connect()
        try scene.publish("p", "1")
        try scene.settle("p", at: 1)
        try poll.sendRequest(
            "/api/v1/jobs/p/events?after=1&wait=20", headers: [Token.header(token)])
        try scene.waitForMetric("jobwire_long_polls", 1)
        // The one that settled is gone a moment after.
        try scene.waitForMetric("jobwire_websockets", 1)

        let found = try rows(scene)
        let kinds = found.compactMap { $0["kind"] as? String }.sorted()
        #expect(kinds == ["long_poll", "sse", "websocket"])
        let socket = try #require(found.first { $0["kind"] as? String == "websocket" })
        #expect(socket["subject"] as? String == "u1" && socket["issuer"] is NSNull)
        #expect((socket["address"] as? String)?.hasPrefix("127.0.0.1:") == true)
        #expect(socket["protocol"] as? String == "jobwire.v1.json")
        let follows = try #require(socket["subscriptions"] as? [String: Any])
        #expect(follows["count"] as? Int == 4)
        #expect(Set(follows["jobs"] as? [String] ?? []) == ["a", "b"])
        #expect(follows["feeds"] as? [String] == ["news"])
        #expect(follows["queues"] as? [String] == ["*"])
        #expect(socket["owed_bytes"] as? Int == 0 && socket["behind_events"] as? Int == 0)
        let node = try #require(socket["node"] as? String)
        #expect((socket["id"] as? String)?.hasPrefix(node + "-") == true)

        #expect(try rows(scene, "?subject=u2").count == 1)
        #expect(try rows(scene, "?subject=nobody").isEmpty)
        #expect(try rows(scene, "?job_id=b").count == 1)
        #expect(try rows(scene, "?job_id=s&subject=u1").isEmpty)
        #expect(try rows(scene, "?node=\(node)").count == 3)
        let nowhere = try ask(scene, "GET", "/api/v1/connections?node=zzzzzzzz")
        #expect(nowhere.status == 404 && nowhere.text.contains("no_such_node"))
        for bad in [
            "limit=0", "limit=x", "cursor=1", "cursor=zzzzzzzz-1", "node=X", "job_id=a%20b",
        ] {
            #expect(try ask(scene, "GET", "/api/v1/connections?\(bad)").status == 400, "\(bad)")
        }
    }

    @Test(
        "goes through all connections page by page, each once, whatever the size",
        arguments: [1, 3])
    func pages(loops: Int) throws {
        let scene = try Scene(loops: loops)
        let clients = try (0..<11).map { _ in try scene.open() }
        for limit in [1, 2, 3, 10, 11, 12] {
            var (ids, cursor, pages) = ([String](), "", 0)
            repeat {
                let from = cursor.isEmpty ? "" : "&cursor=\(cursor)"
                let page = try list(scene, "?limit=\(limit)\(from)")
                let rows = try #require(page["connections"] as? [[String: Any]])
                #expect(rows.count <= limit)
                ids += rows.compactMap { $0["id"] as? String }
                cursor = page["next"] as? String ?? ""
                pages += 1
                try #require(pages < 50)
            } while !cursor.isEmpty
            #expect(ids.count == clients.count && Set(ids).count == ids.count, "\(limit)")
        }
    }

    @Test("a slow client is seen to be behind")
    func behind() throws {
        let scene = try Scene { $0.outboxBytesMax = 65_536 }
        let client = try scene.follow("a", over: try scene.connect(receiveBufferBytes: 4_096))
        try client.hear(until: "live")
        let big = #"{"type":"x","data":"\#(String(repeating: "x", count: 8_000))"}"#
        for _ in 0..<1_000 { try scene.publish("a", big) }
        var row: [String: Any] = [:]
        try eventually("it is behind") {
            row = try #require(try rows(scene).first)
            return row["behind_events"] as? Int ?? 0 > 0
        }
        #expect(row["owed_bytes"] as? Int ?? 0 > 0)
    }

    @Test("sends one away who may come again, and nobody twice", arguments: [1, 3])
    func disconnect(loops: Int) throws {
        let scene = try Scene(loops: loops)
        let socket = try scene.open(token: try Token.of(jobs: "*", subject: "socket"))
        let other = try scene.open(token: try Token.of(jobs: "*", subject: "other"))
        let stream = try EventStreamClient(
            scene, "s", token: try Token.of(jobs: "s", subject: "stream"))
        try stream.hear { $0.type == "live" }
        func id(_ subject: String) throws -> String {
            try #require(try rows(scene, "?subject=\(subject)").first?["id"] as? String)
        }
        let path = "/api/v1/connections/"
        let (ofSocket, ofStream) = (try id("socket"), try id("stream"))
        let answer = try ask(scene, "DELETE", path + ofSocket)
        #expect(answer.status == 204 && answer.body.isEmpty)
        let ending = try socket.ending()
        #expect(ending.code == 1012 && ending.reason.contains("operator"))
        #expect(try ask(scene, "DELETE", path + ofStream).status == 204)
        #expect(try stream.ending().isEmpty)
        for gone in [ofSocket, ofStream, "zzzzzzzz-1", "nonsense", "%00", "a-1-2"] {
            let answer = try ask(scene, "DELETE", path + gone)
            #expect(answer.status == 404 && answer.text.contains("no_such_connection"), "\(gone)")
        }
        try other.say(#"{"type":"ping"}"#)
        #expect(try other.hear().type == "pong")
    }

    @Test("reads what the bridge counts, under the names of its metrics")
    func stats() throws {
        let scene = try Scene(loops: 2)
        try scene.waitUntilReady()
        let client = try scene.follow("a")
        try scene.publish("a", "1", "2")
        _ = try client.hear(throughSeq: 2)
        let stream = try EventStreamClient(scene, "a")
        try stream.hear { $0.type == "live" }
        let stats = try ask(scene, "GET", "/api/v1/stats").object()
        let nodes = try #require(stats["nodes"] as? [[String: Any]])
        #expect(nodes.count == 1 && nodes[0]["node"] as? String == stats["node"] as? String)
        let state = try #require(nodes[0]["state"] as? [String: Any])
        #expect(state["version"] as? String == Server.version && state["loops"] as? Int == 2)
        #expect(state["draining"] as? Bool == false && state["ready"] as? Bool == true)
        let open = try #require(state["connections"] as? [String: Int])
        #expect(open["websocket"] == 1 && open["sse"] == 1 && open["long_poll"] == 0)
        #expect(open["all"] == 2 + (open["http"] ?? 0))
        #expect(state["updates"] as? String == "flow")
        #expect((state["history"] as? [String: Any])?["kind"] as? String == "memory")
        #expect(Set((state["per_second"] as? [String: Any] ?? [:]).keys) == Set(Rates.names))
        let metrics = try #require(state["metrics"] as? [String: Any])
        #expect(metrics["jobwire_events_heard_total"] as? Int == 2)
        #expect(metrics["jobwire_websockets"] as? Int == 1)
        let times = metrics["jobwire_publish_to_write_seconds"] as? [String: Any]
        #expect(times?["count"] as? Int ?? 0 > 0)
    }

    @Test(
        "is told of what a broadcast may not be",
        arguments: [
            "", "null", "[]", #""x""#, "{}", #"{"message":""}"#, #"{"message":null}"#,
            #"{"message":1}"#,
            #"{"message":"x","level":"fatal"}"#, #"{"message":"x","level":null}"#,
            #"{"message":"x","job":"1"}"#, #"{"message":"x","job_id":null}"#,
            #"{"message":"x","job_id":1}"#, #"{"message":"x","job_id":["1"]}"#,
            #"{"message":"x","job_id":"a b"}"#, #"{"message":"x","queue":""}"#,
            #"{"message":"x","feed":"*"}"#, #"{"message":"x","job_id":"1","queue":"q"}"#,
            #"{"message":"x","message":"y"}"#, #"{"message":"x","jo\u0062_id":"1","job_id":"2"}"#,
            #"{"message":"x","code":""}"#, #"{"message":"x","code":"Redis lost"}"#,
            #"{"message":"x","code":"redis_lost"}"#, #"{"message":"x","code":"redis_\u006cost"}"#,
            #"{"message":"x","code":"draining"}"#, #"{"message":"x","code":"token_anything"}"#,
            #"{"message":"x"} {}"#,
        ])
    func bodies(body: String) throws {
        #expect(throws: Close.self) { try Broadcast(Array(body.utf8).span) }
    }

    @Test("who may not is not let in so often as he likes into the log, and hides nobody who may")
    func buried() throws {
        let scene = try Scene { $0.logRepeatsPerSecondMax = 3 }
        let connection = try scene.connect()
        let other = try Token.of(subject: "u1")
        for headers in [[], [Token.header(other)], [Token.header("nonsense")]] {
            for _ in 0..<40 {
                #expect(try connection.request("/api/v1/stats", headers: headers).status >= 401)
            }
        }
        for _ in 0..<40 {
            let answer = try connection.request("/api/v1/stats", headers: [Token.header(mine)])
            #expect(answer.status == 200)
        }
        let audits = scene.log.lines.filter { $0.contains(" audit ") }
        #expect(audits.count { $0.contains("sub=op") } == 40)
        // A slow machine may take seconds.
        #expect(1...60 ~= audits.count { !$0.contains("sub=op") })
        try scene.log.wait(for: "repeated")
    }

    @Test("leaves one line for each attempt")
    func audit() throws {
        let scene = try Scene(loops: 3)
        let other = try Token.of(jobs: "*", subject: "u1")
        let attempts: [(String, String, String?, String?, status: Int, line: String)] = [
            (
                "GET", "/api/v1/connections?subject=%0Aaudit", mine, nil, 200,
                "action=list_connections outcome=done"
            ),
            (
                "POST", "/api/v1/broadcast", mine, #"{"message":"password 1234","job_id":"7"}"#,
                200,
                "action=broadcast outcome=done"
            ),
            (
                "DELETE", "/api/v1/connections/%0Aaudit", mine, nil, 404,
                "action=disconnect outcome=no_such_connection"
            ),
            ("GET", "/api/v1/stats", mine, nil, 200, "action=read_stats outcome=done"),
            (
                "GET", "/api/v1/stats", "nonsense", nil, 401,
                "action=read_stats outcome=token_malformed"
            ),
            (
                "GET", "/api/v1/stats", other, nil, 403,
                "action=read_stats outcome=may_not_read_stats"
            ),
            ("POST", "/api/v1/broadcast", mine, "{", 400, "action=broadcast outcome=bad_request"),
            (
                "POST", "/api/v1/revocations", mine, #"{"sub":"u9"}"#, 200,
                "action=revoke outcome=done"
            ),
            (
                "POST", "/api/v1/revocations", mine, #"{"connection":"zzzzzzzz-1"}"#, 404,
                "action=revoke outcome=no_such_connection"
            ),
        ]
        for (method, path, token, body, status, _) in attempts {
            #expect(try ask(scene, method, path, token: token, body).status == status, "\(path)")
        }
        let lines = scene.log.lines.filter { $0.contains(" audit ") }
        #expect(lines.count == attempts.count, "\(lines)")
        for (line, attempt) in zip(lines, attempts) {
            #expect(line.contains("info audit \(attempt.line) peer=127.0.0.1:"), "\(line)")
            #expect(line.utf8.count { $0 == 10 } == 1)
        }
        #expect(lines[0].contains(#"sub=op target="subject:\naudit""#))
        #expect(lines[1].contains("sub=op target=job_id:7") && lines[5].contains("sub=u1"))
        #expect(lines[7].contains("target=sub:u9"))
        let log = scene.log.lines.joined()
        #expect(!log.contains("password") && !log.contains(mine) && !log.contains(other))
    }
}

extension HTTPAnswer {
    fileprivate func object() throws -> [String: Any] {
        try #require(
            try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any], "\(text)")
    }
}
