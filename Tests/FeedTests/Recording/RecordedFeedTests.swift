// Two bridges on one real Redis: what their followers see when everything goes well, and when it does not.

import Hub
import Jobs
import Loop
import Support
import Testing

@testable import Feed

@Suite("Recording on a real Redis", .serialized)
struct RecordedFeedTests {
    private let redis: RedisServer
    private let one: LiveBridge
    private let two: LiveBridge

    init() throws {
        redis = try RedisServer()
        one = try LiveBridge(redis)
        two = try LiveBridge(redis)
        try one.waitUntilAligned()
        try two.waitUntilAligned()
        for bridge in [one, two] { bridge.follow() }
        // Who follows is told of the job's state by Redis; from then on nothing may be missed.
        try redis.publish(1...1)
        for bridge in [one, two] { try bridge.wait("the first event") { bridge.uids() == [1] } }
    }

    @Test("a follower of either bridge sees every event once, in order, under the same numbers")
    func both() throws {
        for start in stride(from: 2, to: 500, by: 50) { try redis.publish(start...start + 49) }
        for bridge in [one, two] {
            try bridge.wait("all events") { bridge.uids().last == 501 }
            #expect(bridge.uids() == Array(1...501))
            #expect(!bridge.lines().contains(.gap))
        }
        #expect(one.lines() == two.lines())
        #expect(try redis.ask("XLEN", "jobwire:{p}:job:1:events") == "501\n")
    }

    @Test("who comes late sees all of it, from either bridge")
    func late() throws {
        try redis.publish(2...100)
        try one.wait("all events") { one.uids().last == 100 }
        let three = try LiveBridge(redis)
        three.follow()
        try three.wait("all events") { three.uids().last == 100 }
        #expect(three.lines() == one.lines())
        three.kill()
    }

    @Test("when a bridge is killed the other one records what follows, and nothing is missing")
    func killed() throws {
        try redis.publish(2...100)
        one.kill()
        try redis.publish(101...200)
        try two.wait("all events") { two.uids().last == 200 }
        #expect(two.uids() == Array(1...200))
        #expect(!two.lines().contains(.gap))
    }

    @Test(
        "when a connection is cut, nothing is missing and nothing comes twice",
        arguments: ["pubsub", "normal"])
    func cut(kind: String) throws {
        for start in stride(from: 2, to: 500, by: 100) {
            try redis.publish(start...start + 99)
            // One of them each time, so that the other one hears everything. On a busy machine it
            // may be that none has come back yet.
            var found: Substring?
            for _ in 0..<1_000 where found == nil {
                let clients = try redis.ask("CLIENT", "LIST", "TYPE", kind).split(separator: "\n")
                found = clients.first { !$0.contains("cmd=client") }?
                    .split(separator: " ").first?.dropFirst(3)
            }
            let first = try #require(found)
            try redis.ask("CLIENT", "KILL", "ID", String(first))
        }
        for bridge in [one, two] { try bridge.waitUntilAligned() }
        try redis.publish(502...502)
        for bridge in [one, two] {
            try bridge.wait("the last event") { bridge.uids().last == 502 }
            #expect(Set(bridge.uids()).count == bridge.uids().count)
            #expect(bridge.uids() == bridge.uids().sorted())
            #expect(bridge.uids().count == 502 || bridge.lines().contains(.gap))
        }
        #expect(one.uids() == two.uids())
    }

    @Test("after FLUSHDB followers are told that their view is void, and then see what comes, once")
    func flushed() throws {
        try redis.publish(2...50)
        for bridge in [one, two] { try bridge.wait("events") { bridge.uids().last == 50 } }
        try redis.ask("FLUSHDB")
        try redis.publish(51...100)
        for bridge in [one, two] {
            try bridge.wait("the last event") { bridge.uids().last == 100 }
            #expect(bridge.uids() == Array(1...100))
            #expect(bridge.lines().contains(.reset))
        }
    }

    @Test(
        "after Redis was restarted and lost all, followers are told so, and then see what comes, once"
    )
    func restarted() throws {
        try redis.publish(2...50)
        for bridge in [one, two] { try bridge.wait("events") { bridge.uids().last == 50 } }
        redis.stop()
        for bridge in [one, two] {
            try bridge.wait("the loss") { bridge.lines(of: "").contains(.news("lost")) }
        }
        try redis.start()
        for bridge in [one, two] { try bridge.waitUntilAligned() }
        try redis.publish(51...100)
        for bridge in [one, two] {
            try bridge.wait("the last event") { bridge.uids().last == 100 }
            #expect(bridge.uids() == Array(1...100))
            #expect(bridge.lines().contains(.reset))
        }
    }

    @Test("a job with a key of a wrong type costs the others nothing, and whoever asks is told")
    func wrongType() throws {
        try redis.ask("SET", "jobwire:{p}:job:bad:state", "x")
        one.follow("bad")
        try one.wait("the news") {
            one.lines(of: "").contains {
                if case .news(let text) = $0 { text.contains("unreadable") } else { false }
            }
        }
        try redis.publish(2...3, to: "bad")
        try redis.publish(2...3)
        try one.wait("the events") { one.uids().last == 3 }
        #expect(one.uids() == [1, 2, 3])
    }

    @Test("a stream that somebody else wrote into is begun anew, and followers are told")
    func foreignStream() throws {
        try redis.ask("XADD", "jobwire:{p}:job:1:events", "*", "a", "b")
        try redis.publish(2...3)
        for bridge in [one, two] {
            try bridge.wait("the events") { bridge.uids().last == 3 }
            #expect(bridge.uids() == [1, 2, 3])
            #expect(bridge.lines().contains(.reset))
        }
    }
}
