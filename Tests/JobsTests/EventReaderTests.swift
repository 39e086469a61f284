// Whatever a worker publishes, followers get one JSON object, and the worker's own words in it are
// untouched but for what sections 2 and 3 of docs/protocol.md say.

import JSON
import Jobs
import Support
import Testing

@Suite("EventReader")
struct EventReaderTests {
    static let stamp = #""timestamp":"2025-01-06T12:00:01.000Z""#

    @Test(
        "leaves an event that has a type and a timestamp as it is",
        arguments: [
            #""type":"progress","data":{"progress":45},"timestamp":"2025-01-06T12:00:00Z""#,
            #" "timestamp" : 1.50e3 ,"type":"x", "n":12345678901234567890123 , "s":"\u00e9\/é""#,
            #""timestamp":null,"type":null,"event":"progress""#, #""type":7,"timestamp":{}"#,
            #""\u0074ype":"x","timestamp":1"#, #""type":"a","type":"b","timestamp":1"#,
            "\n  \"type\": \"log\",\n  \"timestamp\": 0\n",
        ])
    func untouched(inner: String) {
        for space in ["", " ", "\r\n\t"] {
            #expect(read(space + "{" + inner + "}" + space).text == inner + "}")
        }
    }

    @Test(
        "adds what is missing, and only that",
        arguments: [
            ("{}", #""type":"message",\#(stamp)}"#), ("{ }", #""type":"message",\#(stamp)}"#),
            (#"{"a":1}"#, #""type":"message","a":1,\#(stamp)}"#),
            (#"{"type":"log"}"#, #""type":"log",\#(stamp)}"#),
            (#"{"timestamp":5}"#, #""type":"message","timestamp":5}"#),
            (
                #"{"event":"job\u002dprogress","timestamp":5}"#,
                #""type":"job\u002dprogress","event":"job\u002dprogress","timestamp":5}"#
            ),
            (#"{"event":7}"#, #""type":"message","event":7,\#(stamp)}"#),
            (
                #"{"data":{"type":"x","timestamp":1}}"#,
                #""type":"message","data":{"type":"x","timestamp":1},\#(stamp)}"#
            ),
        ])
    func added(payload: String, rest: String) { #expect(read(payload).text == rest) }

    @Test(
        "renames the worker's own seq and job_id at the top level, however they are spelled",
        arguments: [
            (
                #"{"seq":1,"type":"x","job_id":"other","timestamp":0}"#,
                #""worker_seq":1,"type":"x","worker_job_id":"other","timestamp":0}"#
            ),
            (
                #"{"type":"x","\u0073eq":1,"job\u005fid":2,"seq":3,"timestamp":0}"#,
                #""type":"x","worker_seq":1,"worker_job_id":2,"worker_seq":3,"timestamp":0}"#
            ),
        ])
    func renamed(payload: String, rest: String) {
        let event = read(payload)
        #expect(event.text == rest)
        #expect(event.oddities.contains(.renamedMember))
    }

    @Test(
        "leaves names alone that only resemble ours",
        arguments: [
            #""seq ":1,"SEQ":2,"jobId":3,"data":{"seq":4,"job_id":5},"type":"x","timestamp":0"#
        ])
    func notRenamed(inner: String) {
        let event = read("{" + inner + "}")
        #expect(event.text == inner + "}")
        #expect(event.oddities.isEmpty)
    }

    @Test(
        "wraps what is no object",
        arguments: [
            ("[1, 2]", "message", "[1, 2]", .notObject), (" 1.50 ", "message", "1.50", .notObject),
            ("\"a\\u0041\"", "message", "\"a\\u0041\"", .notObject),
            ("null", "message", "null", .notObject), ("true\n", "message", "true", .notObject),
            ("", "message", "\"\"", .notJSON), (" ", "message", "\" \"", .notJSON),
            ("hello \"you\"\n", "message", #""hello \"you\"\n""#, .notJSON),
            ("{\"a\":1", "message", #""{\"a\":1""#, .notJSON),
            ("{\"a\":1}{}", "message", #""{\"a\":1}{}""#, .notJSON),
            ("\u{1}日\u{2028}", "message", "\"\\u0001日\u{2028}\"", .notJSON),
        ] as [(String, String, String, EventOddity)])
    func wrapped(payload: String, type: String, data: String, oddity: EventOddity) {
        let event = read(payload)
        #expect(event.text == #""type":"\#(type)","data":\#(data),\#(Self.stamp)}"#)
        #expect(event.type.name == type)
        #expect(event.oddities.all == [oddity])
    }

    @Test("renames on a feed a worker's own feed, and leaves its job_id alone")
    func feed() {
        let payload = Array(#"{"type":"t","feed":1,"job_id":"2","seq":3,"timestamp":4}"#.utf8)
        var reader = EventReader()
        let onFeed = reader.read(payload.span, heardAt: heardAt, of: .feed)
        #expect(
            onFeed.text
                == #""type":"t","worker_feed":1,"job_id":"2","worker_seq":3,"timestamp":4}"#)
        let onJob = reader.read(payload.span, heardAt: heardAt)
        #expect(
            onJob.text
                == #""type":"t","feed":1,"worker_job_id":"2","worker_seq":3,"timestamp":4}"#)
    }

    @Test(
        "carries bytes that are no text as base64",
        arguments: [
            ([0xFF], "/w=="), ([0xFF, 0xFE], "//4="), ([0x00, 0x01, 0xFF], "AAH/"),
            ([0x7B, 0x22, 0xC3, 0x22, 0x7D], "eyLDIn0="),
        ] as [([UInt8], String)])
    func binary(payload: [UInt8], base64: String) {
        var reader = EventReader()
        let event = reader.read(payload.span, heardAt: heardAt)
        #expect(event.text == #""type":"binary","data":{"base64":"\#(base64)"},\#(Self.stamp)}"#)
        #expect(event.oddities.all == [.notUTF8])
    }

    @Test("tells only the size of an event above the limit", arguments: [63, 64, 65, 10_000_000])
    func oversized(count: Int) {
        var reader = EventReader(eventBytesMax: 64)
        let payload = Array("\"".utf8) + Array(repeating: 0x61, count: count - 2) + Array("\"".utf8)
        let event = reader.read(payload.span, heardAt: heardAt)
        #expect((event.type.name == "oversized") == (count > 64))
        if count > 64 {
            #expect(event.text == #""type":"oversized","data":{"bytes":\#(count)},\#(Self.stamp)}"#)
            #expect(event.oddities.all == [.oversized])
        }
    }

    @Test(
        "the end of a job is told however long it is, with its long values cut",
        arguments: [
            (
                #"{"task_id":"t","status":"SUCCESS","date_done":"d","result":"LONG","children":[]}"#,
                #"{"task_id":"t","status":"SUCCESS","date_done":"d","result":"CUT","children":[]}"#
            ),
            (
                #"{"type":"complete","data":{"status":"ok","n":NaN,"result":"LONG"}}"#,
                #"{"type":"complete","data":{"status":"ok","n":null,"result":"CUT"}}"#
            ),
            (#"{"type":"error","data":{    LONG_SPACE}}"#, #"{"type":"error","data":{}}"#),
            (#"{"type":"log","data":{"log_line":"LONG"}}"#, nil),
            (#"{"type":"complete","data":[LONG_LIST]}"#, #"{"type":"complete","data":"LIST_CUT"}"#),
        ] as [(String, String?)])
    func longEnd(text: String, short: String?) throws {
        var reader = EventReader()
        let count = 1_100_000
        let list = Array(repeating: "1", count: count / 2).joined(separator: ",")
        let payload = text.replacing("LONG_SPACE", with: String(repeating: " ", count: count))
            .replacing("LONG_LIST", with: list)
            .replacing("LONG", with: String(repeating: "x", count: count))
        let event = reader.read(Array(payload.utf8).span, heardAt: heardAt)
        #expect(event.oddities.all == [.oversized])
        guard let short else {
            #expect(event.type.name == "oversized" && !event.change.ends)
            return
        }
        let cut = short.replacing("LIST_CUT", with: "[\(list.utf8.count + 2) bytes, cut]")
            .replacing("CUT", with: "[\(count + 2) bytes, cut]")
        #expect(event.change.ends && event.text.contains(cut.dropFirst().dropLast()))
    }

    @Test("NaN and the infinities become null, and strings that say so stay")
    func nonFinite() {
        let event = read(
            #"{"type":"progress","data":{"progress":NaN,"m":[-Infinity,Infinity,"NaN"]}}"#)
        #expect(
            event.text
                == #""type":"progress","data":{"progress":null,"m":[null,null,"NaN"]},\#(Self.stamp)}"#
        )
        #expect(event.oddities.all == [.nanReplaced])
        #expect(read("NaN").text == #""type":"message","data":null,\#(Self.stamp)}"#)
        #expect(read("{\"a\":NaNs}").oddities.all == [.notJSON])
    }

    @Test("drops one byte order mark")
    func byteOrderMark() {
        let event = read("\u{FEFF}{\"type\":\"x\",\"timestamp\":0}")
        #expect(event.text == #""type":"x","timestamp":0}"#)
        #expect(event.oddities.all == [.bom])
        #expect(read("\u{FEFF}hi").text == #""type":"message","data":"hi",\#(Self.stamp)}"#)
    }

    @Test("nesting of 128 is JSON, of 129 is text")
    func nesting() {
        for (depth, oddities) in [(128, []), (129, [.nestedTooDeep])] as [(Int, [EventOddity])] {
            let arrays = depth - 1
            let deep = String(repeating: "[", count: arrays) + String(repeating: "]", count: arrays)
            #expect(read("{\"a\":\(deep)}").oddities.all == oddities)
        }
        #expect(read(String(repeating: "[", count: 500_000)).oddities.all == [.nestedTooDeep])
    }

    @Test("counts names that stand twice, and only those", arguments: [2, 8, 40, 500])
    func duplicates(count: Int) {
        let members = (0..<count).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
        #expect(read("{\(members)}").oddities.isEmpty)
        #expect(read("{\(members),\"k\(count / 2)\":0}").oddities.all == [.duplicateKey])
        #expect(read("{\(members),\"\\u006b0\":0}").oddities.all == [.duplicateKey])
    }

    @Test(
        "names the type by the last `type`, else `event`, else message",
        arguments: [
            (#"{"type":"a","type":"b"}"#, "b"), (#"{"type":"a","event":"b"}"#, "a"),
            (#"{"event":"b"}"#, "b"), (#"{"type":null,"event":"b"}"#, "b"),
            (#"{"type":5}"#, "message"),
            (#"{"type":"\u0061\n"}"#, "a\n"), (#"{"type":""}"#, ""),
            (#"{"type":"connected"}"#, "connected"),
        ])
    func types(payload: String, name: String) { #expect(read(payload).type.name == name) }

    @Test("every beginning of an event is wrapped, and the text in it is that beginning")
    func cuts() throws {
        let whole = Array(
            #"{"type":"progress","data":{"progress":45.5,"m":"é\u00e9"},"timestamp":1}"#.utf8)
        var reader = EventReader()
        for count in 0..<whole.count {
            let cut = Array(whole[..<count])
            let event = reader.read(cut.span, heardAt: heardAt)
            let isText = String(validating: cut, as: UTF8.self) != nil
            #expect(event.oddities.all == [isText ? .notJSON : .notUTF8], "cut at \(count)")
            guard isText else { continue }
            let (outline, text) = try stamped(event)
            let data = outline.member("data", in: text.span).flatMap {
                text.span.jsonString($0.value)
            }
            #expect(data.map { Array($0.utf8) } == cut, "cut at \(count)")
        }
    }

    @Test("whatever comes, followers get one object with one seq and one job_id, in front")
    func mutations() throws {
        let seeds = SeedMessages.all.map { Array($0.utf8) }
        var dice = Dice(seed: 2_025)
        var reader = EventReader(eventBytesMax: 400)
        for round in 0..<20_000 {
            var payload = seeds[Int.random(in: seeds.indices, using: &dice)]
            for _ in 0..<Int.random(in: 0...4, using: &dice) { mutate(&payload, &dice) }
            let event = reader.read(payload.span, heardAt: heardAt)
            let (outline, text) = try stamped(event)
            let top = outline.members.filter { $0.depth == 1 }.map { text.span.jsonText($0.key) }
            let isRight =
                top.prefix(2) == ["seq", "job_id"] && !top.dropFirst(2).contains("seq")
                && !top.dropFirst(2).contains("job_id") && top.contains("type")
                && top.contains("timestamp") && event.rest.count <= 6 * payload.count + 96
            guard isRight else {
                Issue.record("round \(round): \(String(decoding: payload, as: UTF8.self))")
                return
            }
            var snapshot = Snapshot()
            snapshot.apply(event.change)
            var writer = JSONWriter()
            writer.beginObject()
            snapshot.writeMembers(into: &writer, job: try JobID(checking: "x"), watchers: 0)
            writer.endObject()
            var check = JSONOutline()
            try check.read(writer.bytes.span)
            #expect(check.members.count == 18)
        }
    }

    private func mutate(_ payload: inout [UInt8], _ dice: inout Dice) {
        let tokens = [
            "{", "}", "[", "]", "\"", "\\", ":", ",", "NaN", "-Infinity", "null", "true", "1e999",
            "-",
            "\"seq\":1,", "\"job_id\":\"y\",", "\"\\u0073eq\":2,", "\"type\":3,",
            "\"status\":\"FAILED\",",
            "\"attempt\":99999999999999999999,", "\u{FEFF}", "é",
        ]
        let at = Int.random(in: 0...payload.count, using: &dice)
        switch Int.random(in: 0..<4, using: &dice) {
        case 0: payload.insert(UInt8.random(in: 0...255, using: &dice), at: at)
        case 1 where at < payload.count: payload.remove(at: at)
        case 2: payload.removeSubrange(at...)
        default:
            let token = tokens[Int.random(in: tokens.indices, using: &dice)]
            payload.insert(contentsOf: token.utf8, at: at)
        }
    }

    /// The event as followers get it, read strictly.
    private func stamped(_ event: PreparedEvent) throws -> (JSONOutline, [UInt8]) {
        let text = Array(#"{"seq":1,"job_id":"x","#.utf8) + event.rest
        var outline = JSONOutline()
        try outline.read(text.span, levels: 1)
        return (outline, text)
    }

    private let heardAt = WallTime(milliseconds: 1_736_164_801_000)

    private func read(_ payload: String) -> PreparedEvent {
        var reader = EventReader()
        return reader.read(Array(payload.utf8).span, heardAt: heardAt)
    }
}

extension PreparedEvent {
    var text: String { String(decoding: rest, as: UTF8.self) }
}
