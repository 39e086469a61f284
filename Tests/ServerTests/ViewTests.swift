// Clients that follow queues: what they are sent of which jobs, and what they are not.

import Settings
import Support
import Synchronization
import Testing

@Suite("Following queues")
struct ViewTests {
    static let ways: [(loops: Int, history: Settings.History)] = [
        (1, .memory), (3, .memory), (1, .redis), (3, .redis),
    ]

    private func scene(
        _ way: (loops: Int, history: Settings.History),
        _ change: (inout Settings) -> Void = { _ in }
    ) throws -> Scene {
        let scene = try Scene(loops: way.loops) {
            $0.history = way.history
            change(&$0)
        }
        try scene.log.wait(for: "updates_flow")
        return scene
    }

    private func queue(
        _ scene: Scene, _ queue: String, token: String, deflate: Bool = false
    ) throws -> WebSocketClient {
        try WebSocketClient(
            over: try scene.connect(), "/api/v1/ws/queues/\(queue)", deflate: deflate,
            headers: [Token.header(token)])
    }

    @Test(
        "a queue's socket hears its jobs, each after its own subscribed, and no other",
        arguments: ways)
    func queueSocket(way: (loops: Int, history: Settings.History)) throws {
        let scene = try scene(way)
        try scene.publish("old", status(in: "gpu"))
        try scene.publish("else", status(in: "cpu"))
        try scene.settle("else", at: 1)
        let token = try Token.of(queues: ["gpu"])
        for client in 0..<way.loops * 2 {
            let socket = try queue(scene, "gpu", token: token, deflate: client % 2 == 1)
            let connected = try socket.hear()
            #expect(connected.type == "connected" && connected.top("queue") as? String == "gpu")
            #expect(connected.text("server") != nil && connected.number("seq") == nil)
            let jobs = try #require(connected.data["jobs"] as? [[String: Any]])
            let names = jobs.compactMap { $0["job_id"] as? String }
            let expected = (0..<client).reversed().map { "new\($0)" } + ["old"]
            #expect(names == expected, "the newest first")
            #expect(jobs.allSatisfy { $0["queue"] as? String == "gpu" })
            #expect(connected.data["complete"] as? Bool == true)
            try scene.publish("else", "1")
            try scene.publish("new\(client)", status(in: "gpu"), "2", "3")
            let all = try socket.hear { $0.job == "new\(client)" && $0.seq == 3 }
            // An event from before may still be on its way; of another queue there is none.
            #expect(all.allSatisfy { $0.job == "old" || $0.job?.hasPrefix("new") == true })
            let heard = all.filter { $0.job == "new\(client)" }
            #expect(heard.first?.type == "subscribed" && heard.first?.text("queue") == "gpu")
            #expect(heard.compactMap(\.seq) == [1, 2, 3])
            #expect(try scene.metric("jobwire_subscriptions") >= 1)
        }
    }

    @Test(
        "a view of all has what the token covers, by job or by queue, and nothing else",
        arguments: ways)
    func tenants(way: (loops: Int, history: Settings.History)) throws {
        let scene = try scene(way)
        try scene.publish("b-old", status(in: "b"))
        try scene.settle("b-old", at: 1)
        let socket = try scene.open(token: try Token.of(jobs: "a-*", queues: ["a"]))
        try socket.say(#"{"type":"subscribe","data":{"queue":"*"},"id":1}"#)
        let subscribed = try socket.hear()
        #expect(subscribed.type == "subscribed" && subscribed.top("queue") as? String == "*")
        #expect(subscribed.id as? Int == 1)
        #expect((subscribed.data["jobs"] as? [Any])?.isEmpty == true)
        try scene.publish("b-new", status(in: "b"))
        try scene.publish("none", "1")
        try scene.publish("b-in-a", status(in: "a"))
        try scene.publish("a-in-b", status(in: "b"))
        try scene.publish("a-none", "1")
        try scene.publish("b-old", "2")
        var live = 0
        var heard = try socket.hear {
            live += $0.type == "live" ? 1 : 0
            return live == 3
        }
        try socket.say(#"{"type":"ping"}"#)
        heard += try socket.hear(until: "pong")
        #expect(Set(heard.compactMap(\.job)) == ["b-in-a", "a-in-b", "a-none"])
        // Who comes later has them in the list, and no more.
        let later = try queue(scene, "%2A", token: try Token.of(jobs: "a-*", queues: ["a"]))
        let jobs = try later.hear().data["jobs"] as? [[String: Any]]
        #expect(
            Set(jobs?.compactMap { $0["job_id"] as? String } ?? [])
                == ["b-in-a", "a-in-b", "a-none"])
        // The same by name is refused, whatever the jobs' names.
        try socket.say(#"{"event":"subscribe-to-queue","data":{"queueName":"b"},"id":2}"#)
        let refused = try socket.hear()
        #expect(refused.type == "rejected" && refused.text("code") == "forbidden")
        #expect(refused.top("queue") as? String == "b" && refused.id as? Int == 2)
        let other = try queue(scene, "b", token: try Token.of(jobs: "a-*", queues: ["a"]))
        #expect(try other.ending().code == 4403)
    }

    @Test("a job that goes to another queue leaves one view and enters the other", arguments: ways)
    func moves(way: (loops: Int, history: Settings.History)) throws {
        let scene = try scene(way)
        let first = try queue(scene, "a", token: try Token.of(queues: ["a"]))
        let second = try queue(scene, "b", token: try Token.of(queues: ["b"]))
        try first.hear(until: "connected")
        try second.hear(until: "connected")
        try scene.publish("j", status(in: "a"))
        _ = try first.hear(throughSeq: 1)
        try scene.publish("j", "2", status(in: "b"), "secret")
        let left = try first.hear(until: "unsubscribed")
        #expect(left.compactMap(\.seq).allSatisfy { $0 <= 3 })
        #expect(left.last?.job == "j" && left.last?.text("reason") == "queue_left")
        let entered = try second.hear(throughSeq: 4)
        #expect(entered.first?.type == "subscribed" && entered.first?.job == "j")
        #expect(Array(entered.compactMap(\.seq).suffix(2)) == [3, 4])
        try scene.publish("j", "more")
        _ = try second.hear(throughSeq: 5)
        try first.say(#"{"type":"ping"}"#)
        #expect(try first.hear().type == "pong", "nothing more of it")
    }

    @Test(
        "an event comes once, and a job's own subscription takes the view's place and gives it back"
    )
    func once() throws {
        let scene = try Scene()
        let socket = try scene.open()
        try socket.say(#"{"type":"subscribe","data":{"queue":"*"}}"#)
        try socket.say(#"{"type":"subscribe","data":{"queue":"a"}}"#)
        try socket.hear(until: "subscribed")
        try socket.hear(until: "subscribed")
        try scene.publish("j", status(in: "a"))
        _ = try socket.hear(until: "live")
        try socket.say(#"{"type":"subscribe","data":{"job_id":"j","types":["log"]}}"#)
        _ = try socket.hear(until: "live")
        try scene.publish("j", #"{"type":"progress"}"#, #"{"type":"log"}"#)
        #expect(try socket.hear(until: "log").compactMap(\.seq) == [3])
        try socket.say(#"{"type":"unsubscribe","data":{"job_id":"j"}}"#)
        _ = try socket.hear(until: "unsubscribed")
        try scene.publish("j", #"{"type":"progress"}"#)
        #expect(try socket.hear(until: "live").compactMap(\.seq) == [4])
        #expect(try scene.metric("jobwire_subscriptions") == 2)
        try socket.say(#"{"type":"unsubscribe","data":{"queue":"*"},"id":1}"#)
        #expect(try socket.hear(until: "unsubscribed").last?.top("queue") as? String == "*")
        try scene.publish("j", #"{"type":"progress"}"#)
        #expect(try socket.hear(until: "progress").compactMap(\.seq) == [5])
        try socket.say(#"{"type":"unsubscribe","data":{"queue":"a"}}"#)
        _ = try socket.hear(until: "unsubscribed")
        try scene.publish("j", #"{"type":"progress"}"#)
        try socket.say(#"{"type":"unsubscribe","data":{"queue":"a"},"id":2}"#)
        #expect(try socket.hear().text("code") == "not_subscribed")
        #expect(try scene.metric("jobwire_subscriptions") == 0)
    }

    @Test("views count against the limit, have no cursor, and take types", arguments: [1, 3])
    func requests(loops: Int) throws {
        let scene = try Scene(loops: loops) { $0.subscriptionsPerConnectionMax = 2 }
        let socket = try scene.open()
        try socket.say(#"{"type":"subscribe","data":{"queue":"a","after":"5"}}"#)
        #expect(try socket.hear().text("code") == "bad_cursor")
        try socket.say(#"{"type":"subscribe","data":{"queue":"*","types":["log"]}}"#)
        #expect(try socket.hear().type == "subscribed")
        try socket.say(#"{"type":"subscribe","data":{"queue":"a"}}"#)
        #expect(try socket.hear().type == "subscribed")
        try socket.say(#"{"type":"subscribe","data":{"queue":"b"}}"#)
        #expect(try socket.hear().text("code") == "too_many_subscriptions")
        try scene.publish("j", #"{"type":"progress"}"#, #"{"type":"log"}"#)
        #expect(try socket.hear(until: "log").compactMap(\.seq) == [2])
        // The job's own queue decides before the view of all.
        try scene.publish("k", status(in: "a"), #"{"type":"progress"}"#)
        #expect(try socket.hear(until: "progress").compactMap(\.seq) == [1, 2])
        let late = try queue(scene, "a?after=5", token: try Token.of(jobs: "*"))
        #expect(try late.ending().code == 4400)
    }

    @Test("a view whose right is lost ends, and of a view of all the jobs that it no longer covers")
    func rightLost() throws {
        let scene = try Scene()
        let socket = try scene.open(
            token: try Token.of(jobs: "a", "b", queues: ["q"], subject: "u1"))
        for queue in ["*", "q"] {
            try socket.say(#"{"type":"subscribe","data":{"queue":"\#(queue)"}}"#)
            try socket.hear(until: "subscribed")
        }
        for job in ["a", "b"] {
            try scene.publish(job, "1")
            try socket.hear(until: "live")
        }
        try scene.publish("in-q", status(in: "q"))
        try socket.hear(until: "live")
        let fresh = try Token.of(jobs: "b", subject: "u1")
        try socket.say(#"{"type":"auth","data":{"token":"\#(fresh)"}}"#)
        let ended = try socket.hear(until: "authenticated").filter { $0.type == "unsubscribed" }
        #expect(ended.allSatisfy { $0.text("reason") == "right_lost" })
        #expect(Set(ended.compactMap(\.job)) == ["a", "in-q"])
        #expect(ended.compactMap { $0.top("queue") as? String } == ["q"])
        for job in ["a", "in-q", "b"] { try scene.publish(job, "2") }
        let heard = try socket.hear { $0.seq == 2 }
        #expect(heard.count == 1 && heard[0].job == "b")
    }

    @Test(
        "more jobs than may be followed come all the same, the quietest are let go", arguments: ways
    )
    func limit(way: (loops: Int, history: Settings.History)) throws {
        let scene = try scene(way) { $0.viewJobsMax = 2 }
        let socket = try queue(scene, "*", token: try Token.of(jobs: "*"))
        try socket.hear(until: "connected")
        for round in 1...3 {
            for job in 0..<6 {
                try scene.publish("j\(job)", "\(round)")
                let heard = try socket.hear { $0.type == "live" }
                #expect(heard.allSatisfy { $0.job == "j\(job)" })
                #expect(heard.first?.type == "subscribed" && heard.compactMap(\.seq) == [round])
            }
        }
    }

    @Test("an event stream of a queue says the same, without ids", arguments: ways)
    func eventStream(way: (loops: Int, history: Settings.History)) throws {
        let scene = try scene(way)
        let stream = try EventStreamClient(
            scene, path: "/api/v1/queues/gpu/events", token: try Token.of(queues: ["gpu"]))
        let connected = try stream.next()
        #expect(connected.heard.type == "connected")
        #expect(connected.heard.top("queue") as? String == "gpu")
        try scene.publish("j", status(in: "gpu"))
        try stream.hear { $0.type == "live" }
        try scene.publish("j", "2", status(in: "cpu"))
        try stream.hear { $0.type == "unsubscribed" }
        #expect(stream.lastID == nil)
        let refused = try scene.connect().request(
            "/api/v1/queues/cpu/events",
            headers: [Token.header(try Token.of(queues: ["gpu"]))])
        #expect(refused.status == 403)
    }

    @Test(
        "while workers publish without pause and views come and go, each job's ledger holds",
        arguments: ways)
    func ledgers(way: (loops: Int, history: Settings.History)) throws {
        let scene = try scene(way)
        let crowd = Crowd()
        let jobs = (0..<8).map { "j\($0)" }
        let ended = Ended()
        let clients = 6
        for client in 0..<clients {
            try crowd.add {
                defer { ended.count.withLock { $0 += 1 } }
                for visit in 1...3 {
                    let socket = try WebSocketClient(
                        over: try scene.connect(),
                        "/api/v1/ws/queues/" + (client % 2 == 0 ? "*" : "a"),
                        deflate: client % 4 == 1,
                        headers: [Token.header(try Token.of(jobs: "*"))])
                    var ledgers: [String: Ledger] = [:]
                    let enough = 5 * visit + client
                    while ledgers.values.count(where: { $0.seqs.count > enough }) < jobs.count {
                        let heard = try socket.hear()
                        guard let job = heard.job else { continue }
                        #expect(heard.type == "subscribed" || ledgers[job] != nil)
                        ledgers[job, default: Ledger()].see(heard)
                    }
                    let reasons = Set(ledgers.values.flatMap { $0.gaps.map(\.reason) })
                    #expect(reasons.isSubset(of: ["trimmed", "slow_consumer", "conflated"]))
                }
            }
        }
        // One that reads, so that nobody publishes faster than the server hears.
        let brisk = try scene.follow(jobs[7], "history=none")
        var count = 0
        while ended.count.withLock({ $0 }) < clients {
            for job in jobs {
                try scene.publisher.publish(Array(repeating: status(in: "a"), count: 8), to: job)
            }
            count += 8
            _ = try brisk.hear(throughSeq: count)
        }
        try crowd.join()
    }

    private final class Ended: Sendable {
        let count = Mutex(0)
    }

    @Test("who reads nothing of a queue is spared and told what he missed, and harms nobody")
    func slow() throws {
        let scene = try Scene { $0.outboxBytesMax = 65_536 }
        let token = try Token.of(jobs: "*")
        let slow = try WebSocketClient(
            over: try scene.connect(receiveBufferBytes: 4_096),
            "/api/v1/ws/queues/*", headers: [Token.header(token)])
        let quick = try queue(scene, "*", token: token)
        try slow.hear(until: "connected")
        try quick.hear(until: "connected")
        let line = String(repeating: "x", count: 20_000)
        for round in 1...50 {
            for job in 0..<10 {
                try scene.publish("j\(job)", #"{"type":"log","data":{"log_line":"\#(line)"}}"#)
            }
            var heard = 0
            _ = try quick.hear {
                heard += $0.seq == round ? 1 : 0
                return heard == 10
            }
        }
        for job in 0..<10 { try scene.publish("j\(job)", #"{"type":"complete"}"#) }
        var ledgers: [String: Ledger] = [:]
        while ledgers.values.count(where: { $0.lastSeq == 51 }) < 10 {
            let heard = try slow.hear()
            guard let job = heard.job else { continue }
            ledgers[job, default: Ledger()].see(heard)
        }
        #expect(ledgers.values.contains { !$0.gaps.isEmpty })
        #expect(try scene.metric(#"jobwire_closes_total{code="4408"}"#) == 0)
    }

    @Test("an alias may lead to a queue")
    func alias() throws {
        let scene = try Scene { $0.aliases = ["/ws/gpu=queue:gpu"] }
        let socket = try WebSocketClient(
            over: try scene.connect(), "/ws/gpu",
            headers: [Token.header(try Token.of(queues: ["gpu"]))])
        #expect(try socket.hear().top("queue") as? String == "gpu")
    }

    private func status(in queue: String) -> String {
        #"{"type":"status","data":{"status":"running","queue":"\#(queue)"}}"#
    }
}
