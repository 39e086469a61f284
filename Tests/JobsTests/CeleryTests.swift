// Celery's own messages: what comes out of them, as events that say what they are, and whose they are.
// How they add up is in conformance/snapshots.json.

import Foundation
import Jobs
import Testing

@Suite("Celery's own messages")
struct CeleryTests {
    @Test(
        "a result arrives unchanged, with a type that says what it is and the time it was done",
        arguments: [
            ("STARTED", #"{"pid": 7}"#, "null", "status"),
            ("PENDING", "null", "null", "status"),
            ("RETRY", #"{"exc_type": "E"}"#, "null", "status"),
            ("PROGRESS", #"{"current": 1}"#, "null", "progress"),
            ("UPLOADING", #"{"percent": 1}"#, "null", "progress"),
            ("UPLOADING", #""a""#, "null", "status"),
            ("SUCCESS", "7", #""2025-01-06T12:00:30.5+00:00""#, "complete"),
            ("FAILURE", #"{"exc_type": "E"}"#, #""2025-01-06T12:00:30.5""#, "error"),
            ("REVOKED", "null", #""2025-01-06T12:00:30.5""#, "complete"),
        ])
    func results(state: String, result: String, done: String, type: String) {
        let body =
            #""status": "\#(state)", "result": \#(result), "date_done": \#(done), "task_id": "t""#
        let event = read("{\(body)}")
        let time = done == "null" ? "1970-01-01T00:00:01.000Z" : "2025-01-06T12:00:30.500Z"
        #expect(event.text == #""type":"\#(type)",\#(body),"timestamp":"\#(time)"}"#)
        #expect(event.type.name == type)
        // What is recorded is read again, and then says the same.
        let again = read("{" + event.text)
        #expect(again.text == event.text && again.type.kind == event.type.kind)
        #expect(folded([again]) == folded([event]))
    }

    @Test("an event of a worker keeps its type and every byte")
    func events() {
        let text =
            #"{"uuid": "t", "retries": 1, "timestamp": 1736164800.5, "type": "task-received"}"#
        let event = read(text)
        #expect(event.text == String(text.dropFirst()))
        #expect(event.type.name == "task-received")
    }

    @Test("a task's envelope holds one event or several, each of its own job")
    func envelopes() throws {
        let (a, b) = (
            #"{"uuid": "a", "type": "task-sent"}"#, #"{"type": "task-started", "uuid": 7}"#
        )
        for (body, events) in [(a, ["a " + a]), ("[\(a), \(b)]", ["a " + a, "7 " + b])] {
            #expect(try found(envelope(body), at: "uuid") == events)
            // The same without an envelope.
            #expect(try found(body, at: "uuid") == events)
        }
    }

    @Test("the first member that is there names the job, as a text or an integer")
    func paths() throws {
        let table: [(message: String, names: String)] = [
            (#"{"jobId": "a", "data": {"jobId": "b"}}"#, "a"),
            (#"{"jobId": null, "data": {"jobId": "b"}}"#, "b"),
            (#"{"jobId": true, "data": {"jobId": 12}}"#, "12"),
            (#"{"jobId": 1.5, "data": {"jobId": -3}}"#, "-3"),
            (#"{"jobI\u0064": "\u0061"}"#, "a"), (#"{"jobId": "a", "jobId": "b"}"#, "b"),
            (#" {"data": {"jobId": "b"}} "#, "b"), (#"{"jobId": "a", "x": NaN}"#, "a"),
        ]
        for row in table {
            let found = try found(row.message, at: "jobId|data.jobId")
            #expect(found == ["\(row.names) \(row.message.trimmed)"], "\(row.message)")
        }
        let deep = #"{"a": {"b": {"c": "x"}}}"#
        #expect(try found("[\(deep)]", at: "a.b.c") == ["x \(deep)"])
    }

    @Test("what names no job is nobody's, and says why")
    func nobodys() throws {
        let table: [(message: String, says: [NamelessFault])] = [
            ("", [.notJSON]), ("no", [.notJSON]), ("7", [.notJSON]), ("{}", [.noName]),
            (#"{"jobId": {}}"#, [.noName]), (#"{"data": {"jobId": "a"}}"#, [.noName]),
            (#"{"jobId": ""}"#, [.badName(.empty)]), (#"{"jobId": "a b"}"#, [.badName(.space)]),
            (#"{"jobId": "a/b"}"#, [.badName(.reservedCharacter)]),
            ("[]", [.noName]), (#"[1, {}]"#, [.notJSON, .noName]),
            (#"{"jobId": "a", "body": "!", "properties": {"body_encoding": "base64"}}"#, []),
            (envelope("no"), [.notJSON]), (envelope("{}"), [.noName]), (envelope(""), [.notJSON]),
            (envelope(envelope(#"{"jobId": "a"}"#)), [.noName]),
            (
                "[" + String(repeating: "{},", count: 999) + "{}]",
                Array(repeating: .noName, count: 1_000)
            ),
            ("[" + String(repeating: "{},", count: 1_000) + "{}]", [.tooMany]),
            (String(repeating: " ", count: 16_777_217), [.tooLarge]),
            (String(repeating: "[", count: 200), [.notJSON]),
        ]
        for row in table {
            #expect(try faults(row.message) == row.says, "\(row.message.prefix(60))")
        }
    }

    @Test("no cut and no changed byte of a message breaks anything")
    func hostile() throws {
        let whole = Array(envelope(#"[{"uuid": "a", "type": "task-sent"}, {"uuid": 7}]"#).utf8)
        let source = try Source(job: "x#uuid|data.uuid")
        var finder = EventFinder()
        var calls = 0
        for cut in whole.indices {
            var changed = whole
            changed[cut] ^= 0x15
            for message in [Array(whole[..<cut]), changed] {
                finder.read(message.span, of: source) { _, _ in calls += 1 }
            }
        }
        #expect(calls >= whole.count * 2)
    }

    private func envelope(_ body: String) -> String {
        #"{"body": "\#(base64(body))", "content-encoding": "utf-8", "content-type": "application/json","#
            + #" "headers": {}, "properties": {"delivery_info": {"exchange": "celeryev"}, "#
            + #""body_encoding": "base64"}}"#
    }

    private func base64(_ text: String) -> String {
        Data(Array(text.utf8)).base64EncodedString()
    }

    private func read(_ payload: String) -> (text: String, type: EventType, change: SnapshotChange)
    {
        var reader = EventReader()
        let event = reader.read(
            Array(payload.utf8).span, heardAt: WallTime(milliseconds: 1_000))
        return (String(decoding: event.rest, as: UTF8.self), event.type, event.change)
    }

    private func folded(
        _ events: [(text: String, type: EventType, change: SnapshotChange)]
    ) -> Snapshot {
        var snapshot = Snapshot()
        for event in events { snapshot.apply(event.change) }
        return snapshot
    }

    /// Each event with its job in front of it.
    private func found(_ message: String, at paths: String) throws -> [String] {
        let source = try Source(job: "x#" + paths)
        var finder = EventFinder()
        var events: [String] = []
        finder.read(Array(message.utf8).span, of: source) { job, event in
            let text = String(decoding: event.indices.map { event[$0] }, as: UTF8.self)
            events.append("\((try? job.get())?.text ?? "nobody") \(text)")
        }
        return events
    }

    private func faults(_ message: String) throws -> [NamelessFault] {
        let source = try Source(job: "x#jobId")
        var finder = EventFinder()
        var faults: [NamelessFault] = []
        finder.read(Array(message.utf8).span, of: source) { job, _ in
            if case .failure(let fault) = job { faults.append(fault) }
        }
        return faults
    }
}

extension String {
    fileprivate var trimmed: String {
        String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
