// Publishing through a bridge on a real Redis: what is posted is stored once, all of it or nothing, whoever
// else is there and whatever happens to the answer.

import Jobs
import Loop
import Support
import Testing

@testable import Feed

@Suite("Events posted to a bridge that records", .serialized)
struct PostTests {
    private let redis: RedisServer
    private let one: LiveBridge
    private let two: LiveBridge

    init() throws {
        redis = try RedisServer()
        (one, two) = (try LiveBridge(redis), try LiveBridge(redis))
        for bridge in [one, two] {
            try bridge.waitUntilAligned()
            bridge.follow()
        }
        try redis.publish(1...1)
        for bridge in [one, two] { try bridge.wait("the first event") { bridge.uids() == [1] } }
    }

    private func payloads(_ range: ClosedRange<Int>) -> [[UInt8]] {
        range.map { Array(#"{"type":"\#($0)"}"#.utf8) }
    }

    @Test("an array is stored as one, and both bridges' followers see it in its place")
    func array() throws {
        let published = try one.post(payloads(2...5)).get()
        #expect(published.seqs == [2, 3, 4, 5])
        try redis.publish(6...6)
        #expect(try two.post(payloads(7...7)).get().seqs.count == 1)
        for bridge in [one, two] {
            try bridge.wait("all") { bridge.uids().count == 7 }
            #expect(Set(bridge.uids()) == Set(1...7) && Array(bridge.uids()[..<5]) == Array(1...5))
            #expect(!bridge.lines().contains(.gap))
        }
        #expect(one.lines() == two.lines())
    }

    @Test("who posts again under the same key, on whichever bridge, is told the same numbers")
    func again() throws {
        let first = try one.post(payloads(2...4), key: "order-17").get()
        for bridge in [one, two] {
            #expect(try bridge.post(payloads(2...4), key: "order-17").get() == first)
        }
        #expect(try two.post(payloads(5...5), key: "order-18").get().seqs == [5])
        #expect(throws: PublishFault.keyReused) {
            try one.post(payloads(2...3), key: "order-17").get()
        }
        #expect(try one.post(payloads(2...4), key: "order-17").get() == first)
        // As many keys as are remembered make it forgotten, and nothing else does.
        for index in 0..<62 { _ = try one.post(payloads(9...9), key: "other-\(index)").get() }
        #expect(try one.post(payloads(2...4), key: "order-17").get() == first)
        _ = try one.post(payloads(9...9), key: "the-last").get()
        _ = try one.post(payloads(9...9), key: "one-more").get()
        #expect(try one.post(payloads(2...4), key: "order-17").get() != first)
    }

    @Test("a connection that breaks before the answer loses nothing and doubles nothing")
    func broken() throws {
        var (stored, resent) = (1, 0)
        for _ in 0..<20 {
            // Both bridges' connections have come back when each has stored something.
            for bridge in [one, two] {
                let deadline = Instant.now() + .seconds(20)
                while (try? bridge.post(payloads(0...0)).get()) == nil {
                    try #require(.now() < deadline)
                }
                stored += 1
            }
            // While Redis is busy our call and the end of our connection pile up: it takes both in one
            // turn, and has no time to answer in between.
            let (busy, killer) = (try connect(), try connect())
            let spin = "local i = 0 while i < 3000000 do i = i + 1 end"
            try busy.send(command("EVAL", spin, "0"))
            let answers = try one.postAll(payloads(2...6), asManyAs: 5) {
                try killer.send(command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"))
            }
            for answer in answers {
                let published = try answer.get()
                #expect(published.seqs.count == 5)
                resent += one.resends
                stored += 5
            }
        }
        #expect(resent > 0)
        try two.wait("all") { two.uids().count == stored }
        #expect(try redis.ask("HGET", "jobwire:{p}:job:1:state", "seq") == "\(stored)\n")
        #expect(!two.lines().contains(.gap))
    }

    private func connect() throws -> Connection {
        let connection = try Connection(port: redis.port)
        try connection.send(command("PING"))
        _ = try connection.receive(through: "\r\n")
        return connection
    }

    private func command(_ words: String...) -> [UInt8] {
        Array(
            (["*\(words.count)"] + words.flatMap { ["$\($0.utf8.count)", $0] })
                .joined(separator: "\r\n").utf8) + Array("\r\n".utf8)
    }

    @Test("nothing is stored where a key of the job is of a wrong type, or Redis is away")
    func refused() throws {
        try redis.ask("SET", "jobwire:{p}:job:1:events", "x")
        try redis.ask("SET", "jobwire:{p}:job:2:state", "x")
        for job in ["1", "2"] {
            #expect(throws: PublishFault.redisRefused) {
                try one.post(payloads(2...4), to: job).get()
            }
        }
        #expect(try redis.ask("HGET", "jobwire:{p}:job:1:state", "seq") == "1\n")
        redis.freeze()
        let answer = one.post(payloads(2...2), to: "3")
        #expect(throws: PublishFault.unconfirmed) { try answer.get() }
        redis.thaw()
        redis.stop()
        // What was on its way when it stopped may have been stored; later nothing is sent any more.
        try one.wait("word that nothing was published") {
            one.post(payloads(2...2)) == .failure(.redisUnavailable)
        }
    }

    @Test("a bridge that can't hear workers still stores what is posted")
    func unaligned() throws {
        two.kill()
        // Whoever holds the pattern may not come back.
        try redis.ask("ACL", "SETUSER", "default", "resetchannels", "&jobwire:*")
        try redis.ask("CLIENT", "KILL", "TYPE", "pubsub")
        try one.wait("the loss") { one.news.contains(.news("lost")) }
        #expect(try one.post(payloads(2...3)).get().seqs.last == 3)
    }
}
