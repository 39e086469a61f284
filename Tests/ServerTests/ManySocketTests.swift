// One socket for many jobs: subscribe, unsubscribe, and what is refused.

import Settings
import Support
import Testing

@Suite("The many-socket")
struct ManySocketTests {
    @Test("hundreds of jobs are followed by one message, up to the limit", arguments: [1, 3])
    func upToTheLimit(loops: Int) throws {
        let scene = try Scene(loops: loops) { $0.subscriptionsPerConnectionMax = 300 }
        let client = try scene.open()
        let jobs = (1...300).map { "j\($0)" }
        try client.say(subscribe(jobs, id: "7"))
        var answered: Set<String> = []
        while answered.count < 300 {
            let heard = try client.hear()
            guard heard.type == "subscribed" else { continue }
            #expect(heard.id as? Int == 7)
            #expect(answered.insert(try #require(heard.job)).inserted)
        }
        try client.say(subscribe(["one-more"], id: #""x""#))
        let rejected = try #require(try client.hear(until: "rejected").last)
        #expect(rejected.text("code") == "too_many_subscriptions")
        #expect(rejected.id as? String == "x" && rejected.job == "one-more")
        // Which is followed already is no further one.
        try client.say(subscribe(["j5"], id: "8"))
        #expect(try client.hear(until: "subscribed").last?.id as? Int == 8)
        for job in jobs { try scene.publish(job, "1") }
        var heard: [String: Int] = [:]
        while heard.count < 300 {
            let event = try client.hear()
            if event.seq != nil { heard[try #require(event.job), default: 0] += 1 }
        }
        #expect(heard.values.allSatisfy { $0 == 1 })
        #expect(try scene.metric("jobwire_subscriptions") == 300)
        try client.close()
        _ = try client.ending()
        try scene.waitForMetric("jobwire_subscriptions", 0)
        try scene.waitForMetric("jobwire_connections", 1)
    }

    @Test("each job resumes from its own cursor", arguments: [1, 3])
    func cursors(loops: Int) throws {
        let scene = try Scene(loops: loops)
        let first = try scene.open()
        let jobs = (1...50).map { "j\($0)" }
        try first.say(subscribe(jobs))
        for _ in jobs { try first.hear(until: "subscribed") }
        for job in jobs { try scene.publish(job, "1", "2", "3") }
        var ledgers: [String: Ledger] = [:]
        while ledgers.count < 50 || !ledgers.values.allSatisfy({ $0.lastSeq == 3 }) {
            let heard = try first.hear()
            ledgers[try #require(heard.job), default: Ledger()].see(heard)
        }
        try first.close()
        for job in jobs { try scene.publish(job, "4") }
        let second = try scene.open()
        let entries = jobs.map { #"{"id":"\#($0)","after":"\#(ledgers[$0]?.cursor ?? "")"}"# }
        try second.say(
            #"{"type":"subscribe","data":{"jobs":[\#(entries.joined(separator: ","))]}}"#)
        while !ledgers.values.allSatisfy({ $0.lastSeq == 4 }) {
            let heard = try second.hear()
            ledgers[try #require(heard.job), default: Ledger()].see(heard)
        }
        #expect(ledgers.values.allSatisfy { $0.seqs == [1, 2, 3, 4] && $0.gaps.isEmpty })
    }

    @Test("subscribing again replaces and replays; an event still comes once", arguments: [1, 3])
    func again(loops: Int) throws {
        let scene = try Scene(loops: loops)
        let client = try scene.open()
        for round in 1...3 {
            try client.say(#"{"type":"subscribe","data":{"job_id":"j1"},"id":\#(round)}"#)
            let heard = try client.hear(until: "live")
            #expect(heard.first { $0.type == "subscribed" }?.id as? Int == round)
            #expect(heard.compactMap(\.seq) == Array(1..<round))
            try scene.publish("j1", "\(round)")
            #expect(try client.hear(throughSeq: round).compactMap(\.seq) == [round])
        }
        // Twice in one message, and once more as a filter.
        try client.say(#"{"type":"subscribe","data":{"jobs":["j1","j1"],"history":"none"}}"#)
        try client.say(
            #"{"type":"subscribe","data":{"job_id":"j1","types":"status","history":"none"},"id":"last"}"#
        )
        _ = try client.hear { $0.id as? String == "last" }
        try client.hear(until: "live")
        try scene.publish("j1", #"{"type":"log"}"#, #"{"type":"status"}"#)
        #expect(try client.hear(throughSeq: 5).compactMap(\.seq) == [5])
        #expect(try scene.metric("jobwire_subscriptions") == 1)
    }

    @Test("after unsubscribed nothing of the job comes any more")
    func unsubscribe() throws {
        let scene = try Scene(loops: 3)
        let client = try scene.open()
        try client.say(subscribe(["a", "b"]))
        for _ in 0..<2 { try client.hear(until: "live") }
        try client.say(#"{"type":"unsubscribe","data":{"job_id":"a"},"id":"bye"}"#)
        let answer = try client.hear()
        #expect(answer.type == "unsubscribed" && answer.job == "a" && answer.id as? String == "bye")
        #expect(answer.text("reason") == "asked")
        try scene.publish("a", "1")
        try scene.publish("b", "1")
        #expect(try client.hear(throughSeq: 1).allSatisfy { $0.job == "b" })
        try client.say(#"{"event":"unsubscribe-from-job","data":{"jobId":"a"},"id":9}"#)
        let rejected = try client.hear()
        #expect(rejected.text("code") == "not_subscribed" && rejected.id as? Int == 9)
        try client.say(#"{"event":"subscribe-to-job","data":{"jobId":"a"}}"#)
        #expect(try client.hear(until: "live").compactMap(\.seq) == [1])
    }

    @Test("what can't be honoured is rejected by a code, with the request's id and subject")
    func rejections() throws {
        let scene = try Scene { $0.subscriptionsPerConnectionMax = 3 }
        let client = try scene.open(token: try Token.of(jobs: "a", "b-*"))
        let table: [(message: String, code: String, job: String?)] = [
            ("nonsense", "bad_message", nil), ("[]", "bad_message", nil),
            ("{}", "bad_message", nil),
            (#"{"type":"dance","id":1}"#, "unknown_type", nil),
            (#"{"type":"subscribe","id":1}"#, "bad_message", nil),
            (#"{"type":"subscribe","data":{},"id":1}"#, "bad_message", nil),
            (#"{"type":"subscribe","data":{"job_id":"c"},"id":1}"#, "forbidden", "c"),
            (#"{"type":"subscribe","data":{"job_id":"b"},"id":1}"#, "forbidden", "b"),
            (#"{"type":"subscribe","data":{"job_id":"a b"},"id":1}"#, "bad_job_id", nil),
            (#"{"type":"subscribe","data":{"job_id":{}},"id":1}"#, "bad_job_id", nil),
            (#"{"type":"subscribe","data":{"job_id":"a","after":"::"},"id":1}"#, "bad_cursor", "a"),
            (
                #"{"type":"subscribe","data":{"job_id":"a","history":"-1"},"id":1}"#, "bad_history",
                "a"
            ),
            (#"{"type":"subscribe","data":{"job_id":"a","types":[]},"id":1}"#, "bad_types", "a"),
            (
                #"{"type":"subscribe","data":{"jobs":["1","2","3","4"]},"id":1}"#, "too_many_jobs",
                nil
            ),
            (#"{"type":"subscribe","data":{"queue":"q"},"id":1}"#, "forbidden", nil),
            (#"{"type":"subscribe","data":{"queue":""},"id":1}"#, "bad_queue", nil),
            (#"{"type":"unsubscribe","data":{"queue":"*"},"id":1}"#, "not_subscribed", nil),
            (#"{"type":"unsubscribe","data":{"job_id":"a"},"id":1}"#, "not_subscribed", "a"),
            (#"{"type":"auth","data":{},"id":1}"#, "bad_message", nil),
            (#"{"type":"auth","data":{"token":"bad"},"id":1}"#, "token_malformed", nil),
            (#"{"type":"ping","id":{"a":1}}"#, "bad_id", nil),
        ]
        for row in table {
            try client.say(row.message)
            let answer = try client.hear()
            #expect(answer.type == "rejected", "\(row.message)")
            #expect(answer.text("code") == row.code, "\(row.message)")
            #expect(answer.job == row.job, "\(row.message)")
            #expect(
                (answer.id as? Int == 1) == (row.message.contains(#""id":1"#)), "\(row.message)")
        }
        try client.send([1, 2, 3])
        #expect(try client.hear().text("code") == "binary_not_spoken")
        try client.say(#"{"type":"ping","id":"still here"}"#)
        #expect(try client.hear().id as? String == "still here")
        #expect(try scene.metric(#"jobwire_message_refusals_total{reason="forbidden"}"#) == 3)
        #expect(try scene.metric(#"jobwire_message_refusals_total{reason="bad_job_id"}"#) == 2)
        #expect(try scene.metric(#"jobwire_message_refusals_total{reason="too_many"}"#) == 1)
        let bad = try scene.metric(#"jobwire_message_refusals_total{reason="bad_message"}"#)
        #expect(bad == table.count { $0.code == "bad_message" || $0.code == "bad_id" })
        #expect(try scene.metric(#"jobwire_message_refusals_total{reason="bad_wish"}"#) == 3)
        #expect(try scene.metric("jobwire_messages_received_total") == table.count + 2)
    }

    @Test("a refused job in a batch does not harm the others")
    func partlyRefused() throws {
        let scene = try Scene()
        let client = try scene.open(token: try Token.of(jobs: "a", "c"))
        try client.say(#"{"type":"subscribe","data":{"jobs":["a","b","c"]},"id":1}"#)
        var answers: [String: String] = [:]
        while answers.count < 3 {
            let heard = try client.hear()
            if heard.type != "live" { answers[try #require(heard.job)] = heard.type }
        }
        #expect(answers == ["a": "subscribed", "b": "rejected", "c": "subscribed"])
    }

    @Test("a one-job socket may follow other jobs, too, and its own only once")
    func extraJobs() throws {
        let scene = try Scene(loops: 3)
        let client = try scene.follow("own", token: try Token.of(jobs: "own", "other"))
        try client.hear(until: "live")
        try client.say(subscribe(["other"]))
        try client.hear(until: "live")
        try scene.publish("own", "1")
        try scene.publish("other", "1")
        var heard: Set<String> = []
        while heard.count < 2 {
            let event = try client.hear()
            if event.seq == 1 { heard.insert(try #require(event.job)) }
        }
    }
}

func subscribe(_ jobs: [String], id: String? = nil) -> String {
    let names = jobs.map { "\"\($0)\"" }.joined(separator: ",")
    return #"{"type":"subscribe","data":{"jobs":[\#(names)]}\#(id.map { ",\"id\":\($0)" } ?? "")}"#
}
