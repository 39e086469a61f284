// What the feed tells of a real Redis, in which order.

import Feed
import Jobs
import Redis
import Support
import Testing

@Suite("Feed")
struct FeedTests {
    @Test("an opening comes before the updates that are not in it, and they go to who follows")
    func openingFirst() throws {
        let scene = try Scene()
        try scene.wait(for: .ready)
        try scene.publish("1", "2")
        try scene.waitUntilHeard(2)
        try scene.follow("a", from: 2)
        try scene.publish("3")
        try scene.wait(for: .event("a", 3, loops: [2]))
        try scene.follow("a", from: 5)
        try scene.publish("4")
        try scene.wait(for: .event("a", 4, loops: [2, 5]))
        try scene.unfollow("a", from: 2)
        try scene.publish("5")
        try scene.wait(for: .event("a", 5, loops: [5]))
        #expect(
            scene.told == [
                .opened("a", 2, loop: 2), .event("a", 3, loops: [2]), .opened("a", 3, loop: 5),
                .event("a", 4, loops: [2, 5]), .event("a", 5, loops: [5]),
            ])
        #expect(scene.openings.map { $0.updates.map(\.seq) } == [[1, 2], [1, 2, 3]])
        #expect(try scene.seqOfA() == 5)
        #expect(try scene.ask { $0.jobCount } == 1)
        #expect(try scene.ask { $0.historyBytes } > 500)
    }

    @Test(
        "updates flow after Redis is ready, and stand still before it is said to be lost")
    func order() throws {
        let scene = try Scene()
        try scene.wait(for: .flow(.flows))
        try scene.redis.ask("client", "kill", "type", "pubsub")
        try scene.wait(for: .flow(.flows), count: 2)
        let notes = scene.notes.filter {
            [.ready, .lost, .flow(.flows), .flow(.noSubscription)].contains($0)
        }
        #expect(
            notes == [.ready, .flow(.flows), .flow(.noSubscription), .lost, .ready, .flow(.flows)])
        #expect(try scene.ask { $0.isProven })
    }

    @Test("what a killed subscription may have missed is a gap in each job that had events")
    func killed() throws {
        let scene = try Scene()
        try scene.wait(for: .ready)
        for name in ["followed", "other"] { try scene.publish("1", to: "job:\(name):updates") }
        try scene.follow("followed", from: 1)
        try scene.follow("silent", from: 1)
        try scene.publish("2", to: "job:followed:updates")
        try scene.wait(for: .event("followed", 2, loops: [1]))
        try scene.redis.ask("client", "kill", "type", "pubsub")
        try scene.wait(for: .ready, count: 2)
        try scene.wait(for: .gap("followed", 3, loops: [1]))
        #expect(
            scene.told.last == .gap("followed", 3, loops: [1]),
            "one gap, and none yet for the silent")
        try scene.follow("other", from: 4)
        #expect(scene.openings.last?.updates.map(\.kind) == [.event, .gap(.unrecorded)])
        try scene.publish("1", to: "job:silent:updates")
        try scene.wait(for: .event("silent", 2, loops: [1]))
        #expect(scene.told.dropLast().last == .gap("silent", 1, loops: [1]))
    }

    @Test("while Redis stands still this is told, and nothing is missing afterwards")
    func standsStill() throws {
        let scene = try Scene {
            ($0.pingInterval, $0.replyTimeout) = (.milliseconds(50), .milliseconds(300))
        }
        try scene.wait(for: .flow(.flows))
        try scene.publish("1")
        try scene.waitUntilHeard(1)
        try scene.follow("a", from: 0)
        scene.redis.freeze()
        try scene.wait(for: .lost)
        #expect(try !scene.ask { $0.isProven })
        scene.redis.thaw()
        try scene.wait(for: .ready, count: 2)
        try scene.wait(for: .flow(.flows), count: 2)
        try scene.publish("2")
        try scene.wait(for: .event("a", 2, loops: [0]))
        #expect(scene.told == [.opened("a", 1, loop: 0), .event("a", 2, loops: [0])])
    }

    @Test("who follows while Redis is away has the gap behind what it got, not before")
    func followedMeanwhile() throws {
        let scene = try Scene()
        try scene.wait(for: .ready)
        try scene.publish("1")
        try scene.waitUntilHeard(1)
        scene.redis.stop()
        try scene.wait(for: .lost, count: 3)
        try scene.follow("a", from: 0)
        #expect(scene.openings.last?.seq == 1)
        try scene.redis.start()
        try scene.wait(for: .gap("a", 2, loops: [0]))
        try scene.publish("2")
        try scene.wait(for: .event("a", 3, loops: [0]))
        #expect(
            scene.told == [
                .opened("a", 1, loop: 0), .gap("a", 2, loops: [0]), .event("a", 3, loops: [0]),
            ])
    }

    @Test(
        "a job that was followed before Redis was heard begins with a gap",
        arguments: [true, false])
    func followedBefore(isFrozen: Bool) throws {
        let redis = try RedisServer()
        if isFrozen { redis.freeze() } else { redis.stop() }
        let scene = try Scene(redis: redis)
        try scene.follow("a", from: 0)
        if isFrozen { redis.thaw() } else { try redis.start() }
        try scene.wait(for: .ready)
        try scene.publish("1")
        try scene.wait(for: .event("a", 2, loops: [0]))
        #expect(scene.told.dropFirst() == [.gap("a", 1, loops: [0]), .event("a", 2, loops: [0])])
    }

    @Test("a bridge that may not publish is proven by the subscription's own PING")
    func noPublish() throws {
        let redis = try RedisServer(users: [
            "user default on nopass +@all ~* &*", "user jw on >pw +@all -publish ~* &*",
        ])
        let scene = try Scene(redis: redis, login: "jw:pw@")
        try scene.wait(for: .flow(.flows))
        #expect(scene.notes.contains(.mayNotProbe))
        try scene.redis.ask("client", "kill", "type", "pubsub")
        try scene.wait(for: .flow(.flows), count: 2)
        #expect(scene.notes.count { $0 == .mayNotProbe } == 1)
    }

    @Test(
        "a bridge that may hear nothing but its jobs is ready, and proven by PING",
        arguments: ["+@all &job:*:updates", "-@all +psubscribe +ping &job:*:updates"])
    func hearsJobsOnly(rights: String) throws {
        let redis = try RedisServer(users: [
            "user default on nopass +@all ~* &*", "user jw on >pw \(rights)",
        ])
        let scene = try Scene(redis: redis, login: "jw:pw@")
        try scene.wait(for: .flow(.flows))
        #expect(scene.notes.contains(.ready) && scene.notes.contains(.mayNotProbe))
        // What it may hear it does hear, and is proven anew when it has lost it.
        try scene.follow("a", from: 0)
        try scene.publish("1")
        try scene.wait(for: .event("a", 1, loops: [0]))
        try scene.redis.ask("client", "kill", "type", "pubsub")
        try scene.wait(for: .flow(.flows), count: 2)
        #expect(scene.notes.count { $0 == .mayNotProbe } == 1)
    }

    @Test("a subscription that does not hear its own probe is not proven")
    func deaf() throws {
        let scene = try Scene()
        try scene.wait(for: .flow(.flows))
        // Publishing has to wait; what is subscribed stays so.
        try scene.redis.ask("client", "pause", "400", "write")
        try scene.wait(for: .flow(.noAnswer))
        try scene.wait(for: .flow(.flows), count: 2)
        #expect(!scene.notes.contains(.lost))
    }

    @Test("bad channels are refused by name, odd payloads told and numbered all the same")
    func odd() throws {
        let scene = try Scene(eventBytesMax: 100)
        try scene.wait(for: .ready)
        try scene.follow("a", from: 0)
        try scene.publish("1", to: "job::updates")
        try scene.publish("1", to: "job:a b:updates")
        try scene.publish("not json", String(repeating: " ", count: 101), "{}")
        try scene.wait(for: .event("a", 3, loops: [0]))
        let rest = scene.notes.filter { note in
            if case .refusedChannel = note { true } else { note == .odd("a") }
        }
        #expect(rest == [.refusedChannel(.empty), .refusedChannel(.space), .odd("a"), .odd("a")])
        let heard = try scene.ask { [$0.takeHeard().events, $0.takeHeard().events] }
        #expect(heard == [3, 0])
    }

    @Test("several patterns bring jobs of their own")
    func patterns() throws {
        let scene = try Scene(patterns: ["job:*:updates", "task-*"])
        try scene.wait(for: .ready)
        try scene.follow("a", from: 0)
        try scene.follow("b", from: 1)
        try scene.publish("1")
        try scene.publish("1", to: "task-b")
        try scene.wait(for: .event("b", 1, loops: [1]))
        try scene.wait(for: .event("a", 1, loops: [0]))
    }

    @Test("a message may say whose it is, and what says nothing is told and harms nobody")
    func named() throws {
        let scene = try Scene(patterns: ["job:*:updates", "progress#jobId|data.jobId"])
        try scene.wait(for: .ready)
        try scene.follow("a", from: 0)
        for payload in [
            #"{"jobId":"a"}"#, "[]", #"{"data":{"jobId":"a"}}"#, #"[{"jobId":"b"},{"jobId":"a"}]"#,
            #"{"jobId":"a b"}"#, "no json",
        ] { try scene.publish(payload, to: "progress") }
        try scene.publish("1")
        try scene.wait(for: .event("a", 4, loops: [0]))
        let rest = scene.notes.filter { if case .nameless = $0 { true } else { false } }
        #expect(rest == [.nameless(.noName), .nameless(.badName(.space)), .nameless(.notJSON)])
    }

    @Test("a feed is heard on its channels, and is no job of the same name")
    func feeds() throws {
        let scene = try Scene(feeds: ["feed:*:updates", "a=news:*"])
        try scene.wait(for: .ready)
        let feed = try JobID(checking: "a", kind: .feed)
        for channel in ["feed:a:updates", "news:1", "job:a:updates", "news:2"] {
            try scene.publish("1", to: channel)
        }
        try scene.waitUntilHeard(1)
        while try scene.ask({ $0.peek(feed).seq }) < 3 {}
    }
}

extension Scene {
    func seqOfA() throws -> UInt64 {
        let id = try job("a")
        return try ask { $0.peek(id).seq }
    }

    /// Asks until it is so: an event that nobody follows is told to nobody.
    func waitUntilHeard(_ seq: UInt64) throws {
        for _ in 0..<100_000 where try seqOfA() == seq { return }
        Issue.record("\(seq) was never heard")
    }
}
