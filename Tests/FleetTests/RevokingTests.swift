// What is revoked on one bridge is revoked on all, whatever happens to Redis and to messages.

import Dispatch
import Redis
import Support
import Testing

@testable import Fleet

@Suite("Revoking")
struct RevokingTests {
    let key = "jobwire:fleet:revoked"

    @Test("what one bridge revokes the others know, and one that starts later")
    func spreads() throws {
        let redis = try RedisServer()
        // So that only the announcement can have told it.
        let slow = { (limits: inout FleetLimits) in limits.checkInterval = .seconds(600) }
        let (a, b) = (try Bridge(redis, slow), try Bridge(redis, slow))
        for each in [a, b] { try each.waitUntilThere() }
        let all = [
            token("a"), token("a", of: "i"), subject("s", issuedUntil: 5),
            subject("s\"é", of: "i", issuedUntil: 7, until: late + 5),
        ]
        for each in all {
            #expect(try a.revoke(each) == nil)
            #expect(a.news.last == .revoked([each]))
            try b.wait(for: .revoked([each]))
        }
        try b.waitUntilKnown(all)
        let c = try Bridge(redis, slow)
        try c.waitUntilThere()
        try c.waitUntilKnown(all)
        let known = try #require(c.news.firstIndex(of: .revocationsKnown))
        let told = c.news[..<known].flatMap { if case .revoked(let some) = $0 { some } else { [] } }
        #expect(told.count == all.count, "all was told before it is said to be known")
    }

    @Test("revoked again it lasts longer, and a subject has one entry")
    func again() throws {
        let redis = try RedisServer(users: ["user mute on >secret ~* +@all -publish &*"])
        // Nobody hears of what this one revokes.
        let quick = { (limits: inout FleetLimits) in limits.sweepInterval = .seconds(1) }
        let (a, b) = (try Bridge(redis, quick), try Bridge(redis, login: "mute:secret@", quick))
        for each in [a, b] { try each.waitUntilThere() }
        for until in [late, late + 9, late + 5] {
            #expect(try a.revoke(token("a", until: until)) == nil)
        }
        for time in Int64(1)...5 {
            #expect(try b.revoke(subject("s", issuedUntil: time)) == nil)
            try a.wait(for: .revoked([subject("s", issuedUntil: time)]))
        }
        #expect(try b.revoke(subject("s", issuedUntil: 2)) == nil)
        let all = [token("a", until: late + 9), subject("s", issuedUntil: 5)]
        for each in [a, b] { try each.waitUntilKnown(all) }
        // What is covered goes a while later.
        try eventually { try redis.ask("zcard", key).hasPrefix("2") }
    }

    @Test("what was announced to nobody is found all the same")
    func missedMessage() throws {
        let redis = try RedisServer()
        let a = try Bridge(redis)
        try a.waitUntilThere()
        try redis.ask(["zadd", key, "\(late)", #"{"jti":"a"}"#])
        try a.wait(for: .revoked([token("a")]))
        try redis.ask(["client", "kill", "type", "pubsub"])
        try redis.ask(["zadd", key, "\(late)", #"{"jti":"b"}"#])
        try a.wait(for: .revoked([token("b")]))
    }

    @Test("a Redis that has forgotten all is told again by whoever knows, after its restart")
    func restartOfRedis() throws {
        let redis = try RedisServer()
        let (a, b) = (try Bridge(redis), try Bridge(redis))
        for each in [a, b] { try each.waitUntilThere() }
        let first = (0..<3).map { token("before-\($0)") }
        for each in first { #expect(try a.revoke(each) == nil) }
        try b.waitUntilKnown(first)
        redis.stop()
        for each in [a, b] {
            try each.wait("lost") {
                each.news.contains { if case .status(.lost) = $0 { true } else { false } }
            }
        }
        let (second, third) = (token("only-a-knew"), subject("only-b-knew", issuedUntil: 5))
        #expect(try a.revoke(second) == .redisUnavailable)
        #expect(try b.revoke(third) == .redisUnavailable)
        try a.waitUntilKnown(first + [second])
        try redis.start()
        for each in [a, b] { try each.waitUntilKnown(first + [second, third]) }
        let c = try Bridge(redis)
        try c.waitUntilThere()
        try c.waitUntilKnown(first + [second, third])
    }

    @Test("a bridge that starts without Redis knows nothing until it has read the list")
    func startWithoutRedis() throws {
        let redis = try RedisServer()
        redis.stop()
        let a = try Bridge(redis)
        try a.wait("lost") {
            a.news.contains { if case .status(.lost) = $0 { true } else { false } }
        }
        #expect(a.count(.revocationsKnown) == 0)
        try redis.start()
        try a.wait(for: .revocationsKnown)
    }

    @Test("a key of a wrong type is told, and the list stays unknown until it can be read")
    func wrongType() throws {
        let redis = try RedisServer()
        try redis.ask("set", key, "x")
        let a = try Bridge(redis)
        try a.wait("told") {
            a.news.contains {
                if case .status(.listUnreadable(let text)) = $0 {
                    text.hasPrefix("WRONGTYPE")
                } else {
                    false
                }
            }
        }
        #expect(a.count(.revocationsKnown) == 0)
        try redis.ask("del", key)
        try a.wait(for: .revocationsKnown)
    }

    @Test("of more than there may be the bridge says so, in Redis and in its memory")
    func full() throws {
        let redis = try RedisServer()
        let a = try Bridge(redis) { $0.revocationsMax = 3 }
        try a.waitUntilThere()
        for number in 0..<3 { #expect(try a.revoke(token("\(number)")) == nil) }
        #expect(try a.revoke(token("3")) == .full)
        #expect(try a.revoke(token("2")) == nil, "what is known is no further one")
        let b = try Bridge(redis) { $0.revocationsMax = 2 }
        try b.wait(for: .status(.overfull))
        try b.wait(for: .revocationsKnown)
        #expect(try b.look { $0.revocations.count } == 2)
    }

    @Test("a long list is read whole, and what nobody of us wrote there is passed over")
    func longList() throws {
        let redis = try RedisServer()
        var words = ["zadd", key]
        for number in 0..<3_000 { words += ["\(late)", #"{"jti":"\#(number)"}"#] }
        try redis.ask(words)
        try redis.ask(["zadd", key, "\(late)", "rubbish", "inf", "{}", "5", #"{"jti":"ended"}"#])
        let a = try Bridge(redis)
        try a.wait(for: .revocationsKnown)
        #expect(try a.look { $0.revocations.count } == 3_000)
        #expect(try a.revoke(token("more")) == nil)
        try redis.ask(["zadd", key, "\(late)", #"{"jti":"even more"}"#])
        try a.wait(for: .revoked([token("even more")]))
    }
}
