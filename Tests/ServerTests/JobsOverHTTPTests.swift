// Jobs over plain HTTP: the list, pages, long-polls, the log, publishing, and who may do which.

import CLinux
import Foundation
import Settings
import Support
import Testing

@Suite("Jobs over HTTP")
struct JobsOverHTTPTests {
    static let log = #"{"type":"log","data":{"log_line":"x"}}"#

    @Test("each route refuses each kind of bad token, and one for other jobs", arguments: [1, 3])
    func tokens(loops: Int) throws {
        let scene = try Scene(loops: loops) {
            ($0.httpLineBytesMax, $0.httpHeadBytesMax) = (32_768, 32_768)
        }
        let requests: [(method: String, path: String)] = [
            ("GET", "/api/v1/jobs"), ("GET", "/api/v1/jobs/j1"), ("GET", "/api/v1/jobs/j1/events"),
            ("GET", "/api/v1/jobs/j1/events?wait=30"), ("GET", "/api/v1/jobs/j1/log"),
            ("POST", "/api/v1/jobs/j1/events"), ("HEAD", "/api/v1/jobs/j1/events"),
        ]
        let connection = try scene.connect()
        func status(_ request: (method: String, path: String), _ headers: [String]) throws -> Int {
            let body = request.method == "POST" ? Array(Self.log.utf8) : nil
            return try connection.request(
                request.path, method: request.method, headers: headers, body: body
            ).status
        }
        for request in requests {
            #expect(try status(request, []) == 401, "\(request)")
            for (token, word) in try Token.bad() {
                #expect(try status(request, [Token.header(token)]) == 401, "\(request) \(word)")
            }
            guard request.path != "/api/v1/jobs" else { continue }
            let other = try Token.of(jobs: "j2", "j11", scope: .jobsPublish)
            #expect(try status(request, [Token.header(other)]) == 403, "\(request)")
        }
        #expect(try scene.metric("jobwire_subscriptions") == 0)
        #expect(try scene.metric("jobwire_events_heard_total") == 0)
    }

    @Test(
        "the list has what the token may see, newest first, filtered, page by page",
        arguments: [1, 3], [Settings.History.memory, .redis])
    func list(loops: Int, history: Settings.History) throws {
        let scene = try Scene(loops: loops) { $0.history = history }
        for index in 0..<25 {
            let (queue, owner) = (index % 2 == 0 ? "even" : "odd", index % 5)
            try scene.publish(
                "job-\(index)",
                #"{"type":"status","data":{"status":"running","queue":"\#(queue)","owner":\#(owner)}}"#
            )
        }
        try scene.publish("job-7", #"{"type":"complete","data":{}}"#)
        try scene.publish("secret-1", Self.log)
        try scene.settle("secret-1", at: 1)
        let connection = try scene.connect()
        func list(_ query: String, jobs: String = "job-*") throws -> (ids: [String], next: String?)
        {
            let answer = try connection.request(
                "/api/v1/jobs?\(query)", headers: [Token.header(try Token.of(jobs: jobs))])
            try #require(answer.status == 200, "\(answer.text)")
            let page = try Heard(answer.text)
            let rows = try #require(page.top("jobs") as? [[String: Any]])
            return (rows.compactMap { $0["job_id"] as? String }, page.top("next") as? String)
        }
        let all = (0..<25).reversed().map { "job-\($0)" }
        #expect(try list("").ids == all)
        #expect(try list("", jobs: "*").ids == ["secret-1"] + all)
        #expect(try list("", jobs: "job-3").ids == ["job-3"])
        #expect(try list("", jobs: "other").ids == [])
        #expect(try list("status=completed").ids == ["job-7"])
        #expect(try list("status=unknown", jobs: "*").ids == ["secret-1"])
        #expect(try list("queue=even&owner=4").ids == ["job-24", "job-14", "job-4"])
        #expect(
            try list("q=-2").ids == ["job-24", "job-23", "job-22", "job-21", "job-20", "job-2"])
        #expect(try list("q=nothing").ids == [])
        #expect(try list("limit=1000000000").ids == all)
        for limit in [1, 2, 7, 25, 26] {
            var (seen, cursor): ([String], String?) = ([], "")
            while let at = cursor {
                let page = try list("limit=\(limit)" + (at.isEmpty ? "" : "&cursor=\(at)"))
                #expect(page.ids.count <= limit)
                seen += page.ids
                cursor = page.next
                // Younger jobs move nothing on later pages.
                try scene.publish("job-new-\(limit)-\(seen.count)", Self.log)
                try scene.settle("job-new-\(limit)-\(seen.count)", at: 1)
            }
            #expect(seen.filter { !$0.hasPrefix("job-new") } == all)
            #expect(Set(seen).count == seen.count)
        }
        for query in ["limit=0", "limit=NaN", "cursor=x", "cursor=-1", "cursor=%zz"] {
            let answer = try connection.request(
                "/api/v1/jobs?\(query)", headers: [Token.header(try Token.of(jobs: "*"))])
            #expect(answer.status == 400, "\(query)")
        }
    }

    @Test(
        "a page has the bytes that followers get, and may be kept when the job is finished",
        arguments: [Settings.History.memory, .redis])
    func pages(history: Settings.History) throws {
        let scene = try Scene(loops: 2) { $0.history = history }
        let early = try scene.follow("j1")
        try early.hear(until: "live")
        try scene.publish("j1", "1", Self.log, "3")
        _ = try early.hear(throughSeq: 3)
        let socket = try scene.follow("j1")
        let epoch = try #require(try socket.hear().text("epoch"))
        let texts = try (1...3).map { _ in try socket.hear().text }
        let header = Token.header(try Token.of(jobs: "j1"))
        let connection = try scene.connect()
        func get(_ query: String, _ headers: [String] = []) throws -> HTTPAnswer {
            try connection.request("/api/v1/jobs/j1/events?\(query)", headers: [header] + headers)
        }
        let page = try get("")
        #expect(
            page.text
                == #"{"epoch":"\#(epoch)","events":[\#(texts.joined(separator: ","))],"next":"\#(epoch):3"}"#
        )
        #expect(try get("types=log").text.contains(texts[1]))
        #expect(try get("after=\(epoch):2&limit=1").text.contains(texts[2]))
        #expect(page.header("cache-control") == "private, no-cache")
        #expect(try get("after=otherEpoch12:1").text.contains(#""reason":"epoch_changed""#))
        let tag = try #require(page.header("etag"))
        #expect(try get("", ["If-None-Match: \(tag)"]).status == 304)
        try scene.publish("j1", #"{"type":"complete"}"#)
        _ = try socket.hear(throughSeq: 4)
        let finished = try get("", ["If-None-Match: \(tag)"])
        #expect(finished.status == 200)
        #expect(finished.header("cache-control") == "private, max-age=60")
        #expect(finished.header("vary")?.contains("accept") == true)
        let head = try connection.request(
            "/api/v1/jobs/j1/events", method: "HEAD",
            headers: [header, "Accept: text/event-stream"])
        #expect(head.status == 200 && head.body.isEmpty)
        let accepts = try get("", ["Accept: text/html, application/json;q=0.9"])
        #expect(accepts.header("content-type") == "application/json")
    }

    @Test(
        "what a replay leaves out is on the page that its gap names",
        arguments: [Settings.History.memory, .redis])
    func gapLinks(history: Settings.History) throws {
        let scene = try Scene { ($0.replayEventsMax, $0.history) = (2, history) }
        let early = try scene.follow("j+1")
        try early.hear(until: "live")
        try scene.publish("j+1", "1", "2", "3", "4", "5")
        _ = try early.hear(throughSeq: 5)
        let socket = try scene.follow("j+1")
        _ = try socket.hear()
        let gap = try socket.hear()
        #expect(gap.text("reason") == "replay_limit" && gap.number("to") == 3)
        let path = try #require(gap.text("events"))
        let page = try scene.connect().request(
            path, headers: [Token.header(try Token.of(jobs: "j+1"))])
        let events = try #require(try Heard(page.text).top("events") as? [[String: Any]])
        #expect(events.compactMap { $0["seq"] as? Int } == [1, 2, 3])
    }

    @Test(
        "a long-poll ends with the next event that is wanted, or with its time",
        arguments: [1, 3], [Settings.History.memory, .redis])
    func longPoll(loops: Int, history: Settings.History) throws {
        let scene = try Scene(loops: loops) {
            ($0.drainGrace, $0.tokenLeeway, $0.history) = (.seconds(10), .zero, history)
        }
        let header = Token.header(try Token.of(jobs: "*"))
        func ask(_ job: String, _ query: String) throws -> Connection {
            let connection = try scene.connect()
            try connection.sendRequest("/api/v1/jobs/\(job)/events?\(query)", headers: [header])
            return connection
        }
        // Before the job's first event, behind its last one, and of one type only.
        let unborn = try (0..<loops * 2).map { _ in try ask("j1", "wait=30") }
        try scene.waitForMetric("jobwire_subscriptions", loops * 2)
        try scene.publish("j1", "1")
        for poll in unborn {
            let page = try Heard(poll.answer().text)
            #expect((page.top("events") as? [Any])?.count == 1)
        }
        let behind = try (0..<loops * 2).map { _ in try ask("j1", "wait=30&after=1") }
        let logs = try (0..<loops * 2).map { _ in try ask("j1", "wait=30&types=log") }
        try scene.waitForMetric("jobwire_subscriptions", loops * 4)
        try scene.publish("j1", "2")
        for poll in behind { #expect(try poll.answer().text.contains(#""seq":2"#)) }
        try scene.publish("j1", Self.log)
        for poll in logs {
            let text = try poll.answer().text
            #expect(text.contains(#""seq":3"#) && !text.contains(#""seq":2"#))
        }
        try scene.waitForMetric("jobwire_subscriptions", 0)
        // Its time is up; and what is there already is not waited for.
        let late = try ask("j1", "wait=1&after=3").answer()
        #expect(late.status == 200 && late.text.contains(#""events":[],"next""#))
        #expect(try ask("j1", "wait=30&after=2").answer().text.contains(#""seq":3"#))
        #expect(try ask("j1", "wait=30&after=9").answer().text.contains("epoch_changed"))
        // A token that ends while it waits is the end of waiting.
        let brief = try scene.connect()
        let ending = Token.header(try Token.of(jobs: "*", for: 3))
        try brief.sendRequest("/api/v1/jobs/j1/events?wait=30&after=3", headers: [ending])
        #expect(try brief.answer().text.contains(#""events":[],"next""#))
        // A connection may poll again and again, and who goes leaves nothing behind.
        let again = try scene.connect()
        for _ in 0..<2 {
            try again.sendRequest("/api/v1/jobs/j1/events?wait=1&after=3", headers: [header])
            #expect(try again.answer().status == 200)
        }
        do { _ = try ask("j1", "wait=30&after=3") }
        try scene.waitForMetric("jobwire_subscriptions", 0)
        // A server that leaves keeps nobody waiting.
        let last = try ask("j1", "wait=30&after=3")
        try scene.waitForMetric("jobwire_subscriptions", 1)
        scene.server.signal(SIGTERM)
        let answer = try last.answer()
        #expect(answer.status == 200 && answer.header("connection") == "close")
        scene.server.join()
    }

    @Test("the log is its lines, in order, and a word where some are missing")
    func log() throws {
        let scene = try Scene { $0.historyEventsMax = 6 }
        try scene.publish(
            "j1", "gone", Self.log, #"{"type":"log","data":{"lines":["a","b\n","",7]}}"#,
            #"{"type":"progress","data":{"progress":1}}"#,
            #"{"event":"job-log","logLine":"sch\u00f6n"}"#,
            #"{"type":"log","data":{"message":"m"}}"#,
            #"{"type":"log","x":1}"#)
        try scene.settle("j1", at: 7)
        let answer = try scene.connect().request(
            "/api/v1/jobs/j1/log", headers: [Token.header(try Token.of(jobs: "j1"))])
        let lines = answer.text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(
            lines.prefix(8) == [
                "[events 1 to 1 are no longer kept]", "x", "a", "b", "", "7", "schön", "m",
            ])
        #expect(lines.count == 10 && lines[8].hasPrefix(#"{"seq":7"#))
        #expect(answer.header("content-type") == "text/plain; charset=utf-8")
        let none = try scene.connect().request(
            "/api/v1/jobs/j2/log", headers: [Token.header(try Token.of(jobs: "j2"))])
        #expect(none.status == 200 && none.body.isEmpty)
    }

    // MARK: publishing

    private static let publisher = Token.header(
        (try? Token.of(jobs: "j*", scope: .jobsPublish)) ?? "")

    @Test(
        "clients that may not post are told so before a long body, those that may are asked for it")
    func rightsComeFirst() throws {
        let scene = try Scene()
        let path = "/api/v1/jobs/j1/events"
        let reader = Token.header(try Token.of(jobs: "j1"))
        for (headers, status) in [([], 401), ([reader], 403)] {
            for path in [path, "/api/v1/broadcast", "/api/v1/revocations"] {
                let connection = try scene.connect()
                try connection.sendRequest(
                    path, method: "POST", headers: headers + ["Content-Length: 1000000"])
                let answer = try connection.answer()
                #expect(answer.status == status && answer.header("connection") == "close")
            }
        }
        let connection = try scene.connect()
        try connection.sendRequest(
            path, method: "POST",
            headers: [Self.publisher, "Expect: 100-continue", "Content-Length: 7"])
        #expect(try connection.answerHead().status == 100)
        for byte in Array(#"{"a":1}"#.utf8) { try connection.send([byte]) }
        #expect(try connection.answer().text.contains(#""seqs":[1]"#))
        #expect(try connection.request("/healthz").status == 200)
    }

    @Test(
        "what is posted is numbered, and heard by the followers of every bridge",
        arguments: [1, 3], [Settings.History.memory, .redis])
    func publish(loops: Int, history: Settings.History) throws {
        let scene = try Scene(loops: loops) { $0.history = history }
        let other = try Scene(redis: scene.redis) { $0.history = history }
        let (socket, elsewhere) = (try scene.follow("j1"), try other.follow("j1"))
        for client in [socket, elsewhere] { try client.hear(until: "live") }
        for _ in 0..<loops {
            let connection = try scene.connect()
            func post(_ body: String) throws -> Heard {
                let answer = try connection.request(
                    "/api/v1/jobs/j1/events", method: "POST", headers: [Self.publisher],
                    body: Array(body.utf8))
                #expect(answer.status == 200, "\(answer.text)")
                return try Heard(answer.text)
            }
            let one = try post(#" {"type":"progress","data":{"progress":5}} "#)
            let seq = try #require((one.top("seqs") as? [Int])?.first)
            let three = try post(#"[{"type":"x"},{"type":"x"},{"type":"y","n":1.50e0}]"#)
            #expect(three.top("seqs") as? [Int] == [seq + 1, seq + 2, seq + 3])
            #expect(three.top("epoch") as? String == one.top("epoch") as? String)
            for client in [socket, elsewhere] {
                let heard = try client.hear(throughSeq: seq + 3).filter { $0.seq != nil }
                #expect(heard.map(\.type) == ["progress", "x", "x", "y"])
                #expect(heard.last?.text.contains(#""n":1.50e0"#) == true)
            }
        }
    }

    @Test(
        "many who post equal events at once are each told numbers of their own",
        arguments: [Settings.History.memory, .redis])
    func concurrentPublish(history: Settings.History) throws {
        let scene = try Scene(loops: 3) { $0.history = history }
        let crowd = Crowd()
        let seqs = Numbers()
        for _ in 0..<6 {
            try crowd.add {
                let connection = try scene.connect()
                for _ in 0..<20 {
                    let answer = try connection.request(
                        "/api/v1/jobs/j1/events", method: "POST", headers: [Self.publisher],
                        body: Array("[\(Self.log),\(Self.log)]".utf8))
                    seqs.add(try Heard(answer.text).top("seqs") as? [Int] ?? [])
                }
            }
        }
        try crowd.join()
        #expect(seqs.all.sorted() == Array(1...240))
    }

    @Test("all of a body is published, or none of it")
    func badBodies() throws {
        let scene = try Scene { ($0.eventBytesMax, $0.httpBodyBytesMax) = (1_000, 100_000) }
        let long = String(repeating: "x", count: 1_000)
        let many = "[" + Array(repeating: "{}", count: 101).joined(separator: ",") + "]"
        let table: [(body: String, status: Int)] = [
            ("", 400), ("x", 400), ("1", 400), ("null", 400), ("[]", 400), ("[[]]", 400),
            (#"[{"type":"log"},1]"#, 400), (#"[{"type":"log"},{]"#, 400), ("{} {}", 400),
            (#"{"progress":NaN}"#, 400), (many, 400), (#"[{},{"x":"\#(long)"}]"#, 400),
            (String(repeating: "[", count: 1_000), 400),
            (String(repeating: " ", count: 100_001), 413),
        ]
        for row in table {
            let answer = try scene.connect().request(
                "/api/v1/jobs/j1/events", method: "POST", headers: [Self.publisher],
                body: Array(row.body.utf8))
            #expect(answer.status == row.status, "\(row.body.prefix(40))")
        }
        let most = try scene.connect().request(
            "/api/v1/jobs/j1/events", method: "POST", headers: [Self.publisher],
            body: Array(
                ("[" + Array(repeating: "{}", count: 100).joined(separator: ",") + "]").utf8))
        #expect(try Heard(most.text).top("seqs") as? [Int] == Array(1...100))
    }

    @Test("to publish needs the scope, and where the token names jobs one of these")
    func mayPublish() throws {
        let scene = try Scene()
        let table: [(token: String, job: String, status: Int)] = [
            (try Token.of(jobs: "*"), "j1", 403), (try Token.of(scope: .jobsRead), "j1", 403),
            (try Token.of(scope: .jobsPublish), "j1", 200),
            (try Token.of(scope: .admin), "j1", 200),
            (try Token.of(jobs: "j1", scope: .jobsPublish), "j1", 200),
            (try Token.of(jobs: "j1", scope: .jobsPublish), "j2", 403),
            (try Token.of(jobs: "j1", scope: [.jobsPublish, .jobsRead]), "j2", 403),
        ]
        for row in table {
            let answer = try scene.connect().request(
                "/api/v1/jobs/\(row.job)/events", method: "POST",
                headers: [Token.header(row.token)],
                body: Array(Self.log.utf8))
            #expect(answer.status == row.status, "\(row.job) \(answer.text)")
        }
    }

    @Test(
        "who posts is told when Redis is away, when it refuses, and when nothing is heard in time")
    func publishFaults() throws {
        let scene = try Scene { $0.redisReplyTimeout = .milliseconds(300) }
        func post() throws -> HTTPAnswer {
            try scene.connect().request(
                "/api/v1/jobs/j1/events", method: "POST", headers: [Self.publisher],
                body: Array(Self.log.utf8))
        }
        #expect(try post().status == 200)
        _ = try scene.redis.ask("ACL", "SETUSER", "default", "-publish")
        let refused = try post()
        #expect(refused.status == 503 && refused.text.contains("redis_refused"))
        _ = try scene.redis.ask("ACL", "SETUSER", "default", "+publish")
        scene.redis.freeze()
        let unheard = try post()
        scene.redis.thaw()
        #expect(unheard.status == 503 && unheard.text.contains("publish_unconfirmed"))
        scene.redis.stop()
        try scene.log.wait(for: "redis_lost")
        let away = try post()
        #expect(away.status == 503 && away.text.contains("redis_unavailable"))
        #expect(away.header("retry-after") == "1")
    }

    // MARK: other origins

    @Test("pages of allowed origins may ask and read, others may not")
    func crossOrigin() throws {
        let ours = "https://app.example.com"
        let token = Token.header(try Token.of(jobs: "j1", feeds: "f1"))
        let preflight = ["Access-Control-Request-Method: GET"]
        for (allowed, origin, status, told) in [
            ([ours], ours, 200, ours), ([ours], "https://evil.example", 403, nil),
            (["*"], "https://evil.example", 200, "*"), ([], ours, 200, nil),
        ] as [([String], String, Int, String?)] {
            let scene = try Scene { $0.allowedOrigins = allowed }
            let connection = try scene.connect()
            for path in [
                "/api/v1/jobs", "/api/v1/jobs/j1", "/api/v1/jobs/j1/events", "/api/v1/jobs/j1/log",
                "/api/v1/feeds/f1/events",
            ] {
                let asked = try connection.request(
                    path, method: "OPTIONS", headers: preflight + ["Origin: \(origin)"])
                #expect(asked.status == (status == 200 ? 204 : status))
                let answer = try connection.request(path, headers: [token, "Origin: \(origin)"])
                #expect(answer.status == status)
                let refused = try connection.request(path, headers: ["Origin: \(origin)"])
                for each in [asked, answer, refused] {
                    #expect(
                        each.header("access-control-allow-origin") == told, "\(allowed) \(path)")
                    #expect(
                        (each.header("vary")?.contains("origin") ?? false) == (allowed == [ours])
                            || path.hasSuffix("events"))
                }
                #expect(
                    asked.header("access-control-allow-methods")?.contains("GET")
                        == (status == 200 ? true : nil))
            }
            guard status == 200 else { continue }
            let stream = try EventStreamClient(scene, "j1", headers: ["Origin: \(origin)"])
            #expect(stream.head.header("access-control-allow-origin") == told)
        }
    }
}

final class Numbers: @unchecked Sendable {
    private let lock = NSLock()
    private var kept: [Int] = []
    var all: [Int] { lock.withLock { kept } }
    func add(_ numbers: [Int]) { lock.withLock { kept += numbers } }
}
