// Who may see a job because it is his: who waits for that, who is let in, and who loses it again.

import Settings
import Support
import Testing

@Suite("Owners")
struct OwnerTests {
    static let ways = ViewTests.ways

    private func scene(
        _ way: (loops: Int, history: Settings.History), wait: Duration = .seconds(3_600),
        _ change: (inout Settings) -> Void = { _ in }
    ) throws -> Scene {
        try Scene(loops: way.loops) {
            ($0.history, $0.ownerWait) = (way.history, wait)
            change(&$0)
        }
    }

    private func mine(_ subject: String = "u1") throws -> String { try Token.of(subject: subject) }

    private func status(owner: String? = nil, queue: String? = nil, message: String = "") -> String
    {
        let owner = owner.map { #","owner":"\#($0)""# } ?? ""
        let queue = queue.map { #","queue":"\#($0)""# } ?? ""
        return
            #"{"type":"status","data":{"status":"running","message":"\#(message)"\#(owner)\#(queue)}}"#
    }

    @Test("an owner's socket is let in, and hears all from the beginning", arguments: ways)
    func owned(way: (loops: Int, history: Settings.History)) throws {
        let scene = try scene(way)
        try scene.publish("j", status(), status(owner: "u1"), "3")
        try scene.settle("j", at: 3)
        for _ in 0..<way.loops * 2 {
            let client = try scene.follow("j", token: try mine())
            let connected = try client.hear()
            #expect(connected.type == "connected" && connected.text("owner") == "u1")
            #expect(try client.hear(throughSeq: 3).compactMap(\.seq) == [1, 2, 3])
        }
        // A number is the text it is spelled with; what is neither is nobody.
        try scene.publish("k", #"{"type":"status","data":{"owner":17}}"#)
        #expect(try scene.follow("k", token: try mine("17")).hear().type == "connected")
    }

    @Test("who opens a job before its owner is known waits for him in silence", arguments: ways)
    func waiting(way: (loops: Int, history: Settings.History)) throws {
        let scene = try scene(way) { $0.pingInterval = .milliseconds(500) }
        let clients = try (0..<way.loops * 2).map { _ in try scene.follow("j", token: try mine()) }
        try scene.waitForMetric("jobwire_rights_awaited", clients.count)
        try scene.publish("j", status(message: "not yet"), "2")
        try scene.settle("j", at: 2)
        // A client that can't be heard yet is not taken for silent, however many pings there were.
        let pinged = try scene.follow("else")
        pinged.answersPings = false
        for _ in 0..<4 {
            while try pinged.next() != .ping([]) {}
            try pinged.sendFrame(0x8A, [])
        }
        try scene.publish("j", status(owner: "u1"))
        for client in clients {
            let heard = try client.hear(throughSeq: 3)
            // What stands before it may only be that updates stand still, as on a machine that does.
            #expect(heard.map(\.type).first { $0 != "notice" } == "connected")
            #expect(heard.compactMap(\.seq) == [1, 2, 3])
            try client.say(#"{"type":"ping"}"#)
            try client.hear(until: "pong")
        }
        try scene.waitForMetric("jobwire_rights_awaited", 0)
    }

    @Test("a job of somebody else and one that never was end the wait alike", arguments: ways)
    func refused(way: (loops: Int, history: Settings.History)) throws {
        let scene = try scene(way, wait: .milliseconds(700))
        try scene.publish("theirs", status(owner: "u2"))
        try scene.settle("theirs", at: 1)
        let begun = ContinuousClock.now
        let clients = try ["theirs", "nobody's"].map { try scene.follow($0, token: try mine()) }
        for client in clients {
            let ending = try client.ending { Issue.record("heard \($0.text)") }
            #expect(ending == .init(code: 4403, reason: "the token does not cover this job"))
            #expect(ContinuousClock.now - begun >= .milliseconds(700), "not before the end")
        }
        // Unicode can write one name in two ways; and no owner is nobody's name.
        try scene.publish("e", status(owner: "e\u{301}"))
        try scene.publish("null", #"{"type":"status","data":{"owner":null}}"#)
        try scene.publish("true", #"{"type":"status","data":{"owner":true}}"#)
        for (job, subject) in [("e", "\u{E9}"), ("null", "null"), ("true", "true")] {
            try scene.settle(job, at: 1)
            let client = try scene.follow(job, token: try mine(subject))
            #expect(try client.ending().code == 4403, "\(job)")
        }
    }

    @Test("who names nobody, or was told his jobs, does not wait", arguments: [1, 3])
    func atOnce(loops: Int) throws {
        let scene = try scene((loops, .memory))
        try scene.publish("mine", status(owner: "u1"))
        try scene.settle("mine", at: 1)
        for token in [
            try Token.of(), try Token.of(feeds: "f"), try Token.of(jobs: "a", subject: "u1"),
            try Token.of(jobs: "a", queues: ["q"], subject: "u1"),
        ] {
            #expect(try scene.follow("other", token: token).ending().code == 4403)
        }
        let told = try scene.follow("mine", token: try Token.of(jobs: "a", subject: "u1"))
        #expect(try told.hear().type == "connected", "what is known is asked")
    }

    @Test("on a many-socket each job is answered when it is known, or withdrawn", arguments: ways)
    func many(way: (loops: Int, history: Settings.History)) throws {
        let scene = try scene(way, wait: .seconds(15)) { $0.subscriptionsPerConnectionMax = 4 }
        try scene.publish("mine", status(owner: "u1"))
        try scene.publish("theirs", status(owner: "u2"))
        try scene.settle("theirs", at: 1)
        let client = try scene.open(token: try mine())
        try client.say(subscribe(["mine", "theirs", "never", "later"], id: "7"))
        let first = try client.hear()
        #expect(first.type == "subscribed" && first.job == "mine" && first.id as? Int == 7)
        try client.say(subscribe(["fifth"]))
        #expect(
            try client.hear { $0.type == "rejected" }.last?.text("code") == "too_many_subscriptions"
        )
        try client.say(#"{"type":"unsubscribe","data":{"job_id":"never"},"id":8}"#)
        let left = try client.hear { $0.type == "unsubscribed" }.last
        #expect(left?.job == "never" && left?.text("reason") == "asked" && left?.id as? Int == 8)
        try client.say(#"{"type":"unsubscribe","data":{"job_id":"never"}}"#)
        #expect(try client.hear().text("code") == "not_subscribed")
        try client.say(subscribe(["never"], id: "9"))
        try scene.publish("later", status(owner: "u1"))
        let came = try client.hear { $0.type == "subscribed" }.last
        #expect(came?.job == "later" && came?.id as? Int == 7)
        let refused = try (0..<2).map { _ in try client.hear { $0.type == "rejected" }.last }
        #expect(Set(refused.compactMap { $0?.job }) == ["theirs", "never"])
        #expect(refused.allSatisfy { $0?.text("code") == "forbidden" })
        #expect(Set(refused.compactMap { $0?.text("message") }).count == 1)
        #expect(refused.compactMap { $0?.id as? Int }.sorted() == [7, 9])
        try scene.waitForMetric("jobwire_subscriptions", 2)
    }

    @Test("a change of owner ends the right before the event that brings it", arguments: ways)
    func changed(way: (loops: Int, history: Settings.History)) throws {
        let scene = try scene(way)
        try scene.publish("j", status(owner: "u1"))
        try scene.settle("j", at: 1)
        let one = try scene.follow("j", token: try mine())
        let many = try scene.open(token: try mine())
        try many.say(subscribe(["j"]))
        let view = try scene.open(token: try mine())
        try view.say(#"{"type":"subscribe","data":{"queue":"*"}}"#)
        try view.hear(until: "subscribed")
        let stream = try EventStreamClient(scene, "j", token: try mine())
        let claimed = try scene.follow("j")
        for client in [one, many, claimed] { try client.hear(until: "live") }
        try stream.hear { $0.type == "live" }
        try scene.publish("j", "shared")
        for client in [one, many, claimed, view] { _ = try client.hear(throughSeq: 2) }
        try stream.hear { $0.seq == 2 }
        // All in one tick perhaps: what comes before belongs to whoever is quick.
        try scene.publish("j", status(owner: "u2", message: "secret"), "secret too")
        #expect(try claimed.hear(throughSeq: 4).count >= 2)
        func isClean(_ heard: Heard) -> Bool {
            !heard.text.contains("secret") && !heard.text.contains("u2")
        }
        let end = try one.ending { #expect(isClean($0)) }
        #expect(end.code == 4403)
        let told = try many.hear(until: "unsubscribed")
        #expect(told.allSatisfy(isClean) && told.last?.text("reason") == "right_lost")
        let seen = try view.hear(until: "unsubscribed")
        #expect(seen.allSatisfy(isClean) && seen.last?.text("reason") == "right_lost")
        let streamed = try stream.ending()
        #expect(streamed.allSatisfy(isClean) && streamed.last?.text("reason") == "right_lost")
        for client in [many, view] {
            try client.say(#"{"type":"ping"}"#)
            #expect(try client.hear().type == "pong")
        }
        let next = try scene.follow("j", token: try mine("u2"))
        #expect(try next.hear(throughSeq: 4).compactMap(\.seq) == [1, 2, 3, 4])
        try scene.waitForMetric("jobwire_subscriptions", 3)
    }

    @Test("a queue's right is one to each of its jobs, as long as it is in it", arguments: ways)
    func queues(way: (loops: Int, history: Settings.History)) throws {
        let scene = try scene(way, wait: .seconds(15))
        let token = try Token.of(queues: ["q"])
        let client = try scene.follow("j", token: token)
        try scene.publish("j", status(queue: "q"))
        #expect(try client.hear().text("queue") == "q")
        _ = try client.hear(until: "live")
        try scene.publish("j", status(queue: "other", message: "secret"))
        let end = try client.ending { #expect(!$0.text.contains("secret")) }
        #expect(end.code == 4403)
        #expect(try scene.follow("j", token: token).ending().code == 4403)
    }

    @Test("a fresh token's owner's rights are decided anew", arguments: [1, 3])
    func refreshed(loops: Int) throws {
        let scene = try scene((loops, .memory))
        for job in ["a", "b", "c"] {
            try scene.publish(job, status(owner: job == "c" ? "u2" : "u1"))
            try scene.settle(job, at: 1)
        }
        let client = try scene.open(token: try Token.of(jobs: "a", "c", subject: "u1"))
        try client.say(subscribe(["a", "b", "c"]))
        for _ in 0..<3 { try client.hear(until: "live") }
        try client.say(auth(try mine()))
        let heard = try client.hear(until: "authenticated")
        #expect(heard.filter { $0.type == "unsubscribed" }.map(\.job) == ["c"])
        try scene.publish("a", status(owner: "u2"))
        #expect(try client.hear(until: "unsubscribed").last?.job == "a")
        // Who waits goes on waiting, or is let in by what the new token says.
        try client.say(subscribe(["later", "soon"]))
        try scene.waitForMetric("jobwire_rights_awaited", 2)
        try client.say(auth(try Token.of(jobs: "later", subject: "u1")))
        var told: Set<String> = []
        _ = try client.hear {
            told.insert("\($0.type) \($0.job ?? "")")
            return told.isSuperset(of: ["authenticated ", "subscribed later", "rejected soon"])
        }
    }

    @Test(
        "the list has what is claimed, what is in a queue of the token's, and what is one's own",
        arguments: ways)
    func lists(way: (loops: Int, history: Settings.History)) throws {
        let scene = try scene(way)
        for (job, event) in [
            ("claimed", status(owner: "u2")), ("queued", status(owner: "u2", queue: "q")),
            ("own", status(owner: "u1", queue: "x")), ("their", status(owner: "u2", queue: "x")),
            ("bare", "1"), ("own2", status(owner: "u1")),
        ] {
            try scene.publish(job, event)
            try scene.settle(job, at: 1)
        }
        let token = try Token.of(jobs: "claimed", queues: ["q"], subject: "u1")
        #expect(try list(scene, token) == ["own2", "own", "queued", "claimed"])
        #expect(try list(scene, token, "queue=x") == ["own"])
        #expect(try list(scene, token, "owner=u2") == ["queued", "claimed"])
        #expect(try list(scene, try mine("u2")) == ["their", "queued", "claimed"])
        #expect(try list(scene, try mine("u3")) == [])
        #expect(try list(scene, try Token.of(queues: ["q"])) == ["queued"])
        #expect(try list(scene, try Token.of()) == [])
        var paged: [String] = []
        var next: String?
        repeat {
            let page = try page(scene, token, "limit=1" + (next.map { "&cursor=\($0)" } ?? ""))
            paged += page.jobs
            next = page.next
        } while next != nil
        #expect(paged == ["own2", "own", "queued", "claimed"])
    }

    @Test(
        "a view of all has one's own jobs as they become so, and no word of others", arguments: ways
    )
    func view(way: (loops: Int, history: Settings.History)) throws {
        let scene = try scene(way)
        try scene.publish("old", status(owner: "u1"))
        try scene.publish("old-theirs", status(owner: "u2"))
        try scene.settle("old-theirs", at: 1)
        let client = try scene.open(token: try mine())
        try client.say(#"{"type":"subscribe","data":{"queue":"*"}}"#)
        let listed = try client.hear().data["jobs"] as? [[String: Any]]
        #expect(listed?.compactMap { $0["job_id"] as? String } == ["old"])
        for job in ["theirs", "nobody"] { try scene.publish(job, "1", "2") }
        try scene.publish("theirs", status(owner: "u2"))
        try scene.publish("late", "1")
        try scene.publish("late", status(owner: "u1"), "3")
        let all = try client.hear { $0.job == "late" && $0.seq == 3 }
        // An event from before may still be on its way; of others there is none.
        #expect(Set(all.compactMap(\.job)).subtracting(["old"]) == ["late"])
        #expect(all.first { $0.job == "late" }?.type == "subscribed")
        try scene.publish("nobody", status(owner: "u1"))
        let more = try client.hear { $0.job == "nobody" && $0.seq == 3 }
        #expect(Set(more.compactMap(\.job)).isSubset(of: ["nobody", "late", "old"]))
    }

    @Test(
        "a queue's name is its bytes: another spelling of the same letter is another queue",
        arguments: ways)
    func spelling(way: (loops: Int, history: Settings.History)) throws {
        let scene = try scene(way)
        let (one, other) = ("\u{E9}", "e\u{301}")
        try scene.publish("theirs", status(queue: other))
        try scene.settle("theirs", at: 1)
        let token = try Token.of(queues: [one])
        #expect(try list(scene, token) == [])
        #expect(try list(scene, try Token.of(jobs: "*"), "queue=%C3%A9") == [])
        let view = try WebSocketClient(
            over: try scene.connect(), "/api/v1/ws/queues/%C3%A9", headers: [Token.header(token)])
        #expect((try view.hear().data["jobs"] as? [Any])?.isEmpty == true)
        try scene.publish("theirs", "2")
        try scene.publish("new", status(queue: other))
        try scene.publish("own", status(queue: one))
        #expect(try view.hear(throughSeq: 1).allSatisfy { $0.job == "own" })
    }

    private func page(
        _ scene: Scene, _ token: String, _ query: String
    ) throws -> (jobs: [String], next: String?) {
        let answer = try scene.connect().request(
            "/api/v1/jobs" + (query.isEmpty ? "" : "?\(query)"), headers: [Token.header(token)])
        let page = try Heard(answer.text)
        let jobs = page.top("jobs") as? [[String: Any]] ?? []
        return (jobs.compactMap { $0["job_id"] as? String }, page.top("next") as? String)
    }

    private func list(_ scene: Scene, _ token: String, _ query: String = "") throws -> [String] {
        try page(scene, token, query).jobs
    }

    private func auth(_ token: String) -> String {
        #"{"type":"auth","data":{"token":"\#(token)"}}"#
    }
}
