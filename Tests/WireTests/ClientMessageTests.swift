// Every form of request, and every refusal by the code that `rejected` will carry.

import Jobs
import Testing
import Wire

@Suite("Client messages")
struct ClientMessageTests {
    @Test(
        "a ping is a ping, with its id as spelled",
        arguments: ["7", "\"p\\u0031\"", "1.50", "true"])
    func ping(id: String) throws {
        guard case .ping(let found) = try read(#"{"id": \#(id) ,"type":"ping"}"#) else {
            Issue.record("no ping")
            return
        }
        #expect(found?.json == Array(id.utf8))
        #expect(try read(#"{"type":"ping","id":null}"#) == .ping(nil))
    }

    @Test(
        "all spellings of a subscription mean the same",
        arguments: [
            #"{"type":"subscribe","data":{"job_id":"123"}}"#,
            #"{"type":"subscribe","data":{"job_id":123}}"#,
            #"{"type":"subscribe","data":{"jobs":["123"]}}"#,
            #"{"type":"subscribe","data":{"jobs":[{"id":123,"after":null}]}}"#,
            #"{"event":"subscribe-to-job","data":{"jobId":"123"}}"#,
            #"{"event":"subscribe-to-job","data":{"jobId":123,"history":null}}"#,
            #"{"type":"subscribe","data":{"jobs":[{"id":123,"after":"5"},123],"job_id":"123"}}"#,
        ])
    func spellings(text: String) throws {
        let job = try JobID(checking: "123")
        guard case .subscribe(let request) = try read(text) else {
            Issue.record("no subscribe")
            return
        }
        #expect(request.follows == [.init(.job(job))])
        #expect(request.options == FollowOptions())
    }

    @Test("a subscription carries its wishes")
    func wishes() throws {
        let text = #"""
            {"type":"subscribe","id":"s","data":{"jobs":["a",{"id":"b","after":"abcdefgh:7"}],
            "queue":"*","feed":"ops","after":12,"history":20,"types":["log","status","log"],
            "progress_hz":0.5}}
            """#
        guard case .subscribe(let request) = try read(text) else {
            Issue.record("no subscribe")
            return
        }
        let cursor = try Cursor(checking: "abcdefgh:7")
        #expect(
            request.follows == [
                .init(.job(try JobID(checking: "a"))),
                .init(.job(try JobID(checking: "b")), after: cursor),
                .init(.job(try JobID(checking: "ops", kind: .feed))), .init(.queue("*")),
            ])
        #expect(request.options.after == Cursor(epoch: nil, seq: 12))
        #expect(request.options.history == .latest(20))
        #expect(request.options.types == ["log", "status"])
        #expect(request.options.progressPerSecondMax == 0.5)
        #expect(request.id?.json == Array(#""s""#.utf8))
    }

    @Test("the same wishes stand in a query")
    func query() throws {
        let options = try FollowOptions(
            Query("after=abcdefgh:7&history=none&types=log,status&progress_hz=2&token=x"))
        #expect(options.after == (try Cursor(checking: "abcdefgh:7")))
        #expect(options.history == FollowOptions.History.none)
        #expect(options.types == ["log", "status"])
        #expect(options.progressPerSecondMax == 2)
        for (raw, code) in [
            ("after=", "bad_cursor"), ("after=x", "bad_cursor"), ("history=some", "bad_history"),
            ("history=-1", "bad_history"), ("history=", "bad_history"), ("types=", "bad_types"),
            ("history=99999999999999999999", "bad_history"), ("progress_hz=0", "bad_progress_hz"),
            ("progress_hz=nan", "bad_progress_hz"), ("progress_hz=fast", "bad_progress_hz"),
        ] {
            let query = try Query(raw)
            do throws(FollowFault) {
                _ = try FollowOptions(query)
                Issue.record("\(raw) was taken")
            } catch {
                #expect(error.code == code, "\(raw)")
            }
        }
    }

    @Test("leaving and auth are understood")
    func others() throws {
        let job = Subject.job(try JobID(checking: "1"))
        for text in [
            #"{"type":"unsubscribe","data":{"job_id":"1"}}"#,
            #"{"event":"unsubscribe-from-job","data":{"jobId":1}}"#,
        ] {
            #expect(try read(text) == .unsubscribe(UnsubscribeRequest([job])))
        }
        #expect(
            try read(#"{"event":"subscribe-to-queue","data":{"queueName":"q"}}"#)
                == .subscribe(SubscribeRequest([.init(.queue("q"))])))
        #expect(
            try read(#"{"type":"auth","data":{"token":"a.b.c"}}"#) == .auth(token: "a.b.c", nil))
    }

    @Test(
        "a message that can't be honoured is refused with a code",
        arguments: [
            ("bad_message", #""#), ("bad_message", #"{"type":"#), ("bad_message", #"[1]"#),
            ("bad_message", #""ping""#), ("bad_message", #"{"type":"ping"}x"#),
            ("bad_message", #"{}"#), ("bad_message", #"{"type":5}"#),
            ("bad_message", #"{"type":null}"#), ("bad_message", #"{"type":"subscribe"}"#),
            ("bad_message", #"{"type":"subscribe","data":"1"}"#),
            ("bad_message", #"{"type":"subscribe","data":{}}"#),
            ("bad_message", #"{"type":"subscribe","data":{"jobs":[]}}"#),
            ("bad_message", #"{"type":"subscribe","data":{"jobs":{"0":"a"}}}"#),
            ("bad_message", #"{"type":"subscribe","data":{"jobs":[{"job":"a"}]}}"#),
            ("bad_message", #"{"type":"subscribe","data":{"queue":7}}"#),
            ("bad_message", #"{"type":"auth","data":{}}"#),
            ("bad_message", #"{"type":"auth","data":{"token":1}}"#),
            ("bad_id", #"{"type":"ping","id":[1]}"#), ("bad_id", #"{"type":"ping","id":{}}"#),
            ("unknown_type", #"{"type":"dance"}"#), ("unknown_type", #"{"type":"Ping"}"#),
            ("bad_job_id", #"{"type":"subscribe","data":{"job_id":"a b"}}"#),
            ("bad_job_id", #"{"type":"subscribe","data":{"job_id":""}}"#),
            ("bad_job_id", #"{"type":"subscribe","data":{"job_id":1.5}}"#),
            ("bad_job_id", #"{"type":"subscribe","data":{"job_id":true}}"#),
            ("bad_job_id", #"{"type":"subscribe","data":{"jobs":["a",["b"]]}}"#),
            ("bad_job_id", #"{"type":"subscribe","data":{"feed":"*"}}"#),
            ("bad_queue", #"{"type":"subscribe","data":{"queue":""}}"#),
            ("bad_cursor", #"{"type":"subscribe","data":{"job_id":"1","after":"x:y"}}"#),
            ("bad_cursor", #"{"type":"subscribe","data":{"job_id":"1","after":[]}}"#),
            ("bad_cursor", #"{"type":"subscribe","data":{"jobs":[{"id":"1","after":-1}]}}"#),
            ("bad_history", #"{"type":"subscribe","data":{"job_id":"1","history":-1}}"#),
            ("bad_types", #"{"type":"subscribe","data":{"job_id":"1","types":[1]}}"#),
            ("bad_types", #"{"type":"subscribe","data":{"job_id":"1","types":[]}}"#),
            ("bad_progress_hz", #"{"type":"subscribe","data":{"job_id":"1","progress_hz":0}}"#),
            ("bad_progress_hz", #"{"type":"subscribe","data":{"job_id":"1","progress_hz":"x"}}"#),
        ])
    func refusals(code: String, text: String) {
        #expect(refusal(text)?.code == code)
    }

    @Test("a refusal says which request and which job it is about")
    func refusalNames() throws {
        let text = #"{"id":9,"type":"subscribe","data":{"job_id":"1","after":"x"}}"#
        let refused = try #require(refusal(text))
        #expect(refused.id?.json == Array("9".utf8))
        #expect(refused.subject == .job(try JobID(checking: "1")))
    }

    @Test("each limit is met exactly")
    func limits() throws {
        func jobs(_ count: Int) -> String {
            #"{"type":"subscribe","data":{"jobs":["#
                + (0..<count).map { "\"\($0)\"" }.joined(separator: ",") + "]}}"
        }
        #expect(throws: Never.self) { try read(jobs(3), jobsMax: 3) }
        #expect(refusal(jobs(4), jobsMax: 3)?.code == "too_many_jobs")

        func types(_ count: Int) -> String {
            let names = (0..<count).map { "\"t\($0)\"" }.joined(separator: ",")
            return #"{"type":"subscribe","data":{"job_id":1,"types":[\#(names)]}}"#
        }
        #expect(refusal(types(FollowOptions.typesMax)) == nil)
        #expect(refusal(types(FollowOptions.typesMax + 1))?.code == "bad_types")

        func filled(_ length: Int) -> String { String(repeating: "a", count: length) }
        func ping(_ length: Int) -> String { #"{"type":"ping","id":"\#(filled(length - 2))"}"# }
        #expect(refusal(ping(RequestID.bytesMax)) == nil)
        #expect(refusal(ping(RequestID.bytesMax + 1))?.code == "bad_id")
        func queue(_ length: Int) -> String {
            #"{"type":"subscribe","data":{"queue":"\#(filled(length))"}}"#
        }
        #expect(refusal(queue(ClientMessageReader.queueBytesMax)) == nil)
        #expect(refusal(queue(ClientMessageReader.queueBytesMax + 1))?.code == "bad_queue")
    }

    private func read(_ text: String, jobsMax: Int = 1_000) throws(ClientRefusal) -> ClientMessage {
        var reader = ClientMessageReader(jobsMax: jobsMax)
        return try reader.read(Array(text.utf8).span)
    }

    private func refusal(_ text: String, jobsMax: Int = 1_000) -> ClientRefusal? {
        do throws(ClientRefusal) {
            _ = try read(text, jobsMax: jobsMax)
            return nil
        } catch {
            return error
        }
    }
}
