// What no bridge of ours wrote, or more than anybody should ask for, on a real Redis: each gets its named
// answer, and other jobs are none the worse for it.

import Jobs
import Loop
import Support
import Testing

@testable import Feed

@Suite("Bad histories on a real Redis", .serialized)
struct BadInputTests {
    private static let state = "jobwire:{p}:job:1:state"
    private static let events = "jobwire:{p}:job:1:events"
    private let redis: RedisServer
    private let bridge: LiveBridge

    init() throws {
        redis = try RedisServer()
        bridge = try LiveBridge(redis, keeping: RingLimits(eventsMax: 100, bytesMax: 8 << 20))
        try bridge.waitUntilAligned()
    }

    private func record(_ range: ClosedRange<Int>) throws {
        try redis.publish(range)
        let last = "\(range.upperBound)\n"
        try bridge.wait("recorded") { (try? redis.ask("HGET", Self.state, "seq")) == last }
    }

    private func peek(_ part: HistoryPart, _ job: String = "1") throws -> Opening {
        try #require(bridge.peek(job, part))
    }

    @Test("of a job with very many events the latest are kept, and each part of them can be read")
    func many() throws {
        for start in stride(from: 1, to: 20_000, by: 2_000) { try record(start...start + 1_999) }
        let all = try peek(.all)
        #expect(all.seq == 20_000 && all.updates.map(\.seq) == Array(19_901...20_000))
        #expect(try peek(.state).updates.isEmpty)
        #expect(
            try peek(.from(19_990, before: 19_995, count: 50)).updates.map(\.seq)
                == Array(19_990..<19_995))
        #expect(
            try peek(.from(19_990, before: nil, count: 3)).updates.map(\.seq) == [
                19_990, 19_991, 19_992,
            ])
        #expect(try peek(.before(19_950, count: 2)).updates.map(\.seq) == [19_948, 19_949])
        #expect(try peek(.before(.max, count: 1)).updates.map(\.seq) == [20_000])
        // What is trimmed is not there, whatever is asked for.
        #expect(try peek(.before(10, count: 5)).updates.isEmpty)
        let early = try peek(.from(1, before: nil, count: 5)).updates.map(\.seq)
        #expect(early.count == 5 && early == Array(early[0]..<early[0] + 5) && early[0] > 19_800)
        #expect(try peek(.from(20_001, before: nil, count: 5)).updates.isEmpty)
    }

    @Test("an event of 5 MB is told as oversized; events of any size that fits come whole")
    func large() throws {
        let fill = String(repeating: "x", count: 1_000_000)
        bridge.follow()
        try redis.ask(
            "EVAL", "redis.call('PUBLISH', 'job:1:updates', string.rep('y', 5000000))", "0")
        try redis.ask(
            "EVAL",
            #"redis.call('PUBLISH', 'job:1:updates', '{"type":"7","data":"' .. string.rep('x', 1000000) .. '"}')"#,
            "0")
        try bridge.wait("both") { bridge.uids().count == 2 }
        #expect(bridge.uids().last == 7)
        let kept = try peek(.all).updates
        #expect(
            kept.first?.type.name == "oversized"
                && kept.last.map { $0.frame.count > fill.count } == true)
    }

    @Test("a deleted entry in the middle ends what is read from either end, and nothing traps")
    func hole() throws {
        try record(1...20)
        try redis.ask("XDEL", Self.events, "10-0")
        #expect(try peek(.all).updates.map(\.seq) == Array(11...20))
        #expect(try peek(.from(5, before: nil, count: 50)).updates.map(\.seq) == Array(5...9))
        #expect(try peek(.from(10, before: nil, count: 50)).updates.map(\.seq) == Array(11...20))
        #expect(try peek(.before(11, count: 5)).updates.isEmpty)
    }

    @Test(
        "a state or a stream that is nothing of ours is told as unreadable, or begun anew",
        arguments: [
            [["DEL", events], ["SET", events, "x"]], [["DEL", state], ["LPUSH", state, "x"]],
            [["HSET", state, "seq", "many"]], [["HSET", state, "epoch", "no epoch!"]],
            [["HSET", state, "seq", "-5"]], [["HSET", state, "seq", "1e300"]],
            [["HDEL", state, "epoch"]],
            [["HSET", state, "forks", "x y:z :: 1:1 a:9999999999999999999999"]],
            [["HSET", state, "line", ""], ["HSET", state, "era", ""]],
            [["HSET", state, "first", "-1", "bytes", "x"]],
            [["HSET", state, "created_at", "never"]],
            [["HSET", state, "lives", "x", "born", "x"]], [["XADD", events, "99-1", "a", "b"]],
            [["HSET", "jobwire:{p}:ingest", "last", "x"]], [["DEL", "jobwire:{p}:ingest"]],
            [["SET", "jobwire:{p}:jobs", "x"]],
        ] as [[[String]]])
    func damaged(commands: [[String]]) throws {
        try record(1...5)
        for command in commands { try redis.ask(command) }
        for part in [HistoryPart.all, .state, .from(1, before: 4, count: 3), .before(3, count: 2)] {
            _ = bridge.peek("1", part)
        }
        bridge.follow()
        try redis.publish(6...6)
        try redis.publish(1...3, to: "other")
        bridge.follow("other")
        try bridge.wait("the other job") { bridge.uids(of: "other") == [1, 2, 3] }
        // Posting tells its numbers or why not, and never nothing.
        switch bridge.post([Array(#"{"type":"7"}"#.utf8)]) {
        case .success(let published): #expect(published.seqs.count == 1)
        case .failure(let fault): #expect(fault == .redisRefused)
        }
    }

    @Test("expiries are those that were asked for, and shorter once the job has ended")
    func expiries() throws {
        try record(1...1)
        func life(_ key: String) throws -> Int {
            try #require(Int(redis.ask("TTL", key).dropLast()))
        }
        #expect(try 2_591_000...2_592_000 ~= life(Self.state))
        #expect(try 86_000...86_400 ~= life(Self.events))
        try redis.ask("PUBLISH", "job:1:updates", #"{"type":"complete"}"#)
        try bridge.wait("the end") { (try? life(Self.events)) ?? 0 <= 3_600 }
        #expect(try 2_591_000...2_592_000 ~= life(Self.state))
        #expect(try 2_591_000...2_592_000 ~= life("jobwire:{p}:jobs"))
    }
}
