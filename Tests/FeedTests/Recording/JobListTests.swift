// The list of recorded jobs on a real Redis: two bridges, jobs that come, change, move and expire while
// somebody reads page by page.

import Jobs
import Loop
import Support
import Testing

@testable import Feed

@Suite("The list of recorded jobs", .serialized)
struct JobListTests {
    private let redis: RedisServer
    private let bridge: LiveBridge

    init() throws {
        redis = try RedisServer()
        bridge = try LiveBridge(redis)
        try bridge.waitUntilAligned()
    }

    private func publish(_ json: String, to job: String) throws {
        try redis.ask("PUBLISH", "job:\(job):updates", json)
    }

    /// Asks again until the list is this long: what was published is recorded a moment later.
    private func page(
        _ limit: Int = 200, cursor: String? = nil, atLeast count: Int = 0,
        _ change: (inout JobListRequest) -> Void = { _ in }
    ) throws -> (ids: [String], next: String?) {
        var request = JobListRequest(limit: limit) { _ in true }
        request.cursor = cursor
        change(&request)
        let deadline = Instant.now() + .seconds(20)
        var page = try bridge.list(request).get()
        while page.rows.count < count {
            try #require(.now() < deadline, "\(page.rows.count) of \(count)")
            page = try bridge.list(request).get()
        }
        return (page.rows.map(\.job.text), page.next)
    }

    private func all(_ limit: Int, between: () throws -> Void) throws -> [String] {
        var (ids, cursor): ([String], String?) = ([], nil)
        repeat {
            let page = try page(limit, cursor: cursor)
            ids += page.ids
            cursor = page.next
            try between()
        } while cursor != nil
        return ids
    }

    @Test("pages neither repeat nor leave out a job, whatever comes and changes between them")
    func paging() throws {
        try redis.publish(1...1, to: "first")
        // One batch, so that many are born in the same millisecond.
        try redis.ask(
            "EVAL",
            """
            for i = 1, 700 do redis.call('PUBLISH', 'job:j' .. i .. ':updates', '{"type":"x"}') end
            """, "0")
        let expected = (1...700).reversed().map { "j\($0)" } + ["first"]
        _ = try page(200, atLeast: 111) { $0.text = "j1" }
        for limit in [7, 200] {
            var round = 0
            let seen = try all(limit) {
                round += 1
                // Every unseen job gets news, and new ones come.
                try redis.publish(1...1, to: "first")
                try redis.publish(1...1, to: "j\(701 - round)")
                try redis.publish(1...1, to: "new-\(limit)-\(round)")
            }
            #expect(seen.filter { !$0.hasPrefix("new") } == expected, "limit \(limit)")
        }
    }

    @Test("a queue's list has its jobs and no other's, in whatever spelling the worker names it")
    func queues() throws {
        for (job, queue) in [
            ("a", "\"gpu\""), ("b", "\"j\\u00f6rg \\/ \\\"x\\\"\""), ("c", "\"jörg / \\\"x\\\"\""),
            ("d", "7"), ("e", "\"\(String(repeating: "q", count: 300))\""),
        ] {
            try publish(#"{"type":"status","data":{"status":"queued","queue":\#(queue)}}"#, to: job)
        }
        func ids(_ queue: String, _ count: Int) throws -> [String] {
            try page(atLeast: count) { $0.queue = queue }.ids
        }
        #expect(try ids(String(repeating: "q", count: 300), 1) == ["e"])
        #expect(try ids(String(repeating: "q", count: 299), 0) == [])
        #expect(try ids("gpu", 1) == ["a"])
        #expect(try ids("jörg / \"x\"", 2) == ["c", "b"])
        #expect(try ids("7", 1) == ["d"])
        // A job that moves keeps its age.
        try publish(#"{"type":"status","data":{"status":"running","queue":7}}"#, to: "a")
        #expect(try ids("7", 2) == ["d", "a"])
        #expect(try ids("gpu", 0) == [])
    }

    @Test("what has no state any more leaves the list, looked at or when the list grows")
    func stale() throws {
        for job in ["a", "b", "c"] { try redis.publish(1...1, to: job) }
        _ = try page(atLeast: 3)
        try redis.ask("DEL", "jobwire:{p}:job:b:state")
        try redis.ask("DEL", "jobwire:{p}:job:c:state")
        try redis.ask("SET", "jobwire:{p}:job:c:state", "of a wrong type")
        #expect(try page().ids == ["a"])
        #expect(try redis.ask("ZCARD", "jobwire:{p}:jobs") == "2\n")
        // Old ones without a state, which nobody looks at.
        for index in 0..<40 { try redis.ask("ZADD", "jobwire:{p}:jobs", "\(index)", "old\(index)") }
        for index in 0..<60 { try redis.publish(1...1, to: "new\(index)") }
        try bridge.wait("the last one") {
            (try? redis.ask("ZSCORE", "jobwire:{p}:jobs", "new59")) != "\n"
        }
        let left = try redis.ask("ZCOUNT", "jobwire:{p}:jobs", "-inf", "1000")
        #expect(try #require(Int(left.dropLast())) == 0)
    }

    @Test("a list that somebody else wrote into is read all the same, and a wrong type is told")
    func foreign() throws {
        for job in ["a", "b"] { try redis.publish(1...1, to: job) }
        _ = try page(atLeast: 2)
        for (score, member) in [("-5", "x"), ("inf", "y"), ("1e300", "z"), ("9", "no id/*")] {
            try redis.ask("ZADD", "jobwire:{p}:jobs", score, member)
        }
        try redis.publish(1...1, to: "c")
        try bridge.wait("c") { (try? redis.ask("ZSCORE", "jobwire:{p}:jobs", "c")) != "\n" }
        #expect(try page().ids == ["c", "b", "a"])
        try redis.ask("DEL", "jobwire:{p}:jobs")
        try redis.ask("SET", "jobwire:{p}:jobs", "x")
        #expect(throws: JobListFault.redisRefused) {
            try bridge.list(JobListRequest(limit: 5) { _ in true }).get()
        }
        redis.stop()
        #expect(throws: JobListFault.redisUnavailable) {
            try bridge.list(JobListRequest(limit: 5) { _ in true }).get()
        }
    }

    @Test("one question looks at so much and then says where to go on")
    func bounded() throws {
        try redis.ask(
            "EVAL",
            """
            for i = 1, 12000 do
            redis.call('HSET', 'jobwire:{p}:job:j' .. i .. ':state', 'epoch', 'abcdefgh1234', 'seq', 1,
            'created_at', 1, 'status', i == 1 and '"odd"' or '"even"')
            redis.call('ZADD', 'jobwire:{p}:jobs', i, 'j' .. i) end
            """, "0")
        let first = try page { $0.status = "odd" }
        #expect(first.ids.isEmpty)
        let cursor = try #require(first.next)
        #expect(try page(cursor: cursor) { $0.status = "odd" }.ids == ["j1"])
        try redis.ask("DEL", "jobwire:{p}:jobs")
        try redis.ask(
            "EVAL",
            """
            local owner = '"' .. string.rep('o', 1000000) .. '"'
            for i = 1, 40 do
            redis.call('HSET', 'jobwire:{p}:job:k' .. i .. ':state', 'epoch', 'abcdefgh1234', 'seq', 1,
            'created_at', 1, 'owner', owner)
            redis.call('ZADD', 'jobwire:{p}:jobs', i, 'k' .. i) end
            """, "0")
        // A page holds about a MiB of them; a filter that none passes reads no more than 16.
        #expect(try page().ids.count == 2)
        let none = try page { $0.owner = "nobody" }
        #expect(none.ids.isEmpty)
        #expect(none.next == "23")
        #expect(try all(200) {} == (1...40).reversed().map { "k\($0)" })
    }
}
