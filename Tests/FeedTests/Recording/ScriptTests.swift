// The script on a real Redis: what it folds is what the service folds, and what it keeps is bounded.

import Bytes
import Jobs
import Loop
import Support
import Testing

@testable import Feed
@testable import Redis

@Suite("The recording script")
struct ScriptTests {
    private static let payloads = [
        #"{"type":"status","data":{"status":"queued","queue":"gpu","owner":"ann"}}"#,
        #"{"type":"progress","data":{"progress":45,"current_step":"synthesis","message":"a \"b\""}}"#,
        #"{"type":"progress","data":{"progress":30.5}}"#,
        #"{"type":"progress","data":{"progress":1e2,"eta_seconds":null}}"#,
        #"{"type":"log","data":{"lines":["a","b","c"]}}"#,
        #"{"type":"log","data":{"log_line":"x"}}"#,
        #"{"type":"step","data":{"step_name":"build","status":"failed"}}"#,
        #"{"type":"error","data":{"error_message":"oops","final":false}}"#,
        #"{"type":"error","data":{"error_message":"oops"}}"#,
        #"{"type":"complete","data":{"result":{"a":[1,2]}}}"#,
        #"{"type":"status","data":{"status":"running","attempt":2}}"#,
        #"{"type":"status","data":{"status":"failed","attempt":3}}"#,
        #"{"type":"progress","data":{"progress":5,"attempt":4}}"#,
        #"{"type":"progress","data":{"progress":7,"attempt":1}}"#,
        #"{"type":"error","data":{"error_message":"late","attempt":2}}"#,
        #"{"type":"log","data":{"log_line":"x","attempt":1}}"#,
        #"{"type":"progress","data":{"current":1,"total":3}}"#,
        #"{"status":"PROGRESS","result":{"current":1,"total":2,"status":"m"},"date_done":null,"task_id":"t"}"#,
        #"{"status":"RETRY","result":{"exc_type":"E","exc_message":["m"]},"date_done":null,"retries":1,"task_id":"t"}"#,
        #"{"status":"SUCCESS","result":7,"date_done":"2026-11-20T07:59:54.1+00:00","task_id":"t"}"#,
        #"{"uuid":"t","retries":4,"timestamp":2,"type":"task-received"}"#,
        #"{"uuid":"t","expired":true,"timestamp":3,"type":"task-revoked"}"#,
        #"{"type":"status","data":{"status":"SUCCEEDED","queue":"cpu"}}"#,
        #"{"type":"status","data":{"status":"stalled"}}"#,
        #"{"type":"complete","data":{"status":"stalled"}}"#,
        #"{"type":"node","data":{"x":1}}"#, "no json", "[1]",
    ]

    /// Runs the script by redis-cli, an independent client.
    private func run(_ redis: RedisServer, _ arguments: [[UInt8]]) throws -> String {
        let words = [ScriptCalls.script.source, Array("1".utf8), Array("jobwire:{p}:ingest".utf8)]
        let texts = (words + arguments).map { String(decoding: $0, as: UTF8.self) }
        return try redis.ask(["EVAL"] + texts)
    }

    private func run(_ redis: RedisServer, _ words: CommandWords) throws -> String {
        try run(redis, words.read())
    }

    private func calls(_ limits: RecordingLimits = RecordingLimits()) throws -> ScriptCalls {
        let me = try #require(Name(checking: "me"))
        return ScriptCalls(me: me, patterns: me, prefix: "jobwire", database: 0, limits: limits)
    }

    @Test("a snapshot kept by Redis is the one folded in memory, whatever the order of events")
    func fold() throws {
        let redis = try RedisServer()
        let calls = try calls()
        var random = Dice(seed: 7)
        let era = Name.random(using: &random)
        let open = OpenCall(
            token: era, expected: Expected(era: nil, last: 0), heardFor: .zero, thereMax: 0,
            isOverSilence: false
        )
        #expect(
            try run(
                redis,
                calls.open(open, random: .random(using: &random), now: 1)) == "YES\n")
        var reader = EventReader()
        var ordinal: Int64 = 1
        for round in 0..<40 {
            let job = try JobID(checking: "job\(round)")
            var snapshot = Snapshot()
            var events: [QueuedEvent] = []
            for _ in 0..<15 {
                let payload = Self.payloads[random.throwDie(Self.payloads.count)]
                let event = reader.read(
                    Array(payload.utf8).span, heardAt: WallTime(milliseconds: ordinal * 1_000))
                snapshot.apply(event.change)
                events.append(QueuedEvent(job: job, event: event, heardAt: 0))
            }
            // In two batches, so that the second goes by what the first one left in Redis.
            for batch in [events[..<7], events[7...]] {
                let record = RecordCall(
                    era: era, first: ordinal, events: batch, isTail: false,
                    connection: 0, resending: 0)
                let answer = try run(
                    redis,
                    calls.record(
                        record, token: .random(using: &random), now: 1_000))
                #expect(answer.hasPrefix("OK\n"), "\(answer)")
                ordinal += Int64(batch.count)
            }
            let kept = try fields(redis.ask("--json", "HGETALL", "jobwire:{p}:job:\(job):state"))
            #expect(Snapshot(kept: kept) == snapshot, "round \(round)")
        }
    }

    @Test("no era is opened over a bridge that holds names, or that has just opened the one before")
    func openOverNobody() throws {
        let redis = try RedisServer()
        let calls = try calls()
        var random = Dice(seed: 5)
        let eras = (0..<3).map { _ in Name.random(using: &random) }
        func open(_ era: Name, over old: Name?, thereMax: Int?) throws -> String {
            let call = OpenCall(
                token: era, expected: Expected(era: old, last: 0), heardFor: .zero,
                thereMax: thereMax, isOverSilence: false)
            return try run(redis, calls.open(call, random: .random(using: &random), now: 1))
        }
        func subscriber(to channel: String) throws -> Connection {
            let connection = try Connection(port: redis.port)
            try connection.send(Array("SUBSCRIBE \(channel)\r\n".utf8))
            _ = try connection.receive(through: ":1\r\n")
            return connection
        }
        let info = try redis.ask("INFO", "server")
        let reign = try String(#require(info.firstMatch(of: /run_id:(\w+)/)).1)

        let opener = try subscriber(to: calls.names.claim(eras[0], in: reign))
        #expect(try open(eras[0], over: nil, thereMax: 0) == "YES\n")
        #expect(try open(eras[1], over: eras[0], thereMax: 0) == "NO\n", "the opener is there")
        try opener.send(Array("UNSUBSCRIBE\r\n".utf8))
        _ = try opener.receive(through: ":0\r\n")
        #expect(try open(eras[1], over: eras[0], thereMax: 0) == "YES\n")

        let holder = try subscriber(to: calls.names.present(in: reign))
        #expect(try open(eras[2], over: eras[1], thereMax: 0) == "NO\n", "names are held")
        #expect(try open(eras[2], over: eras[1], thereMax: 1) == "YES\n", "we hold them ourselves")
        #expect(try open(eras[0], over: eras[2], thereMax: nil) == "YES\n", "over a silent one")
        try holder.send(Array("QUIT\r\n".utf8))
    }

    @Test("a line goes on where a first replica comes, and ends where the primary was deposed")
    func reigns() throws {
        let servers = try [RedisServer(), RedisServer()]
        let calls = try calls()
        var random = Dice(seed: 7)
        let era = Name.random(using: &random)
        func record() throws -> String {
            let none = RecordCall(
                era: era, first: 1, events: [], isTail: false, connection: 0, resending: 0)
            return try run(servers[0], calls.record(none, token: .random(using: &random), now: 1))
        }
        func info(_ of: RedisServer, _ name: String) throws -> Substring? {
            try of.ask("INFO", "replication").split(whereSeparator: \.isNewline)
                .first { $0.hasPrefix("\(name):") }?.dropFirst(name.count + 1)
        }
        func follow(_ replica: RedisServer, _ primary: RedisServer) throws {
            try primary.ask("CONFIG", "SET", "repl-diskless-sync-delay", "0")
            try replica.ask("REPLICAOF", "127.0.0.1", "\(primary.port)")
            try eventually("linked") { try info(replica, "master_link_status") == "up" }
        }
        let open = OpenCall(
            token: era, expected: Expected(era: nil, last: 0), heardFor: .zero, thereMax: 0,
            isOverSilence: false)
        _ = try run(servers[0], calls.open(open, random: .random(using: &random), now: 1))
        let first = try info(servers[0], "master_replid")

        try follow(servers[1], servers[0])
        let second = try info(servers[0], "master_replid")
        #expect(first != second, "else nothing is tested")
        #expect(try record().hasPrefix("OK\n"))
        let kept = try servers[0].ask("HGET", "jobwire:{p}:ingest", "replication")
        #expect(kept == "\(second ?? "")\n", "or each call would ask who it is at")

        try servers[1].ask("REPLICAOF", "NO", "ONE")
        try follow(servers[0], servers[1])
        try servers[0].ask("REPLICAOF", "NO", "ONE")
        #expect(try record().hasPrefix("ERA\n"))
    }

    @Test("a history is kept within its count and its bytes, and says where it begins")
    func trim() throws {
        let redis = try RedisServer()
        for (eventsMax, bytesMax, size) in [(16, 1 << 20, 10), (1_000, 4_000, 500), (0, 0, 10)] {
            let calls = try calls(
                RecordingLimits(perJob: RingLimits(eventsMax: eventsMax, bytesMax: bytesMax)))
            var random = Dice(seed: 3)
            let era = Name.random(using: &random)
            try redis.ask("FLUSHALL")
            _ = try run(
                redis,
                calls.open(
                    OpenCall(
                        token: era, expected: Expected(era: nil, last: 0), heardFor: .zero,
                        thereMax: 0,
                        isOverSilence: false),
                    random: .random(using: &random), now: 1))
            var reader = EventReader()
            let text = "{\"type\":\"\(String(repeating: "x", count: size))\",\"timestamp\":1}"
            let event = reader.read(Array(text.utf8).span, heardAt: WallTime(milliseconds: 0))
            let queued = QueuedEvent(job: try JobID(checking: "1"), event: event, heardAt: 0)
            for first in stride(from: Int64(1), to: 100, by: 10) {
                let record = RecordCall(
                    era: era, first: first, events: ArraySlice(Array(repeating: queued, count: 10)),
                    isTail: false, connection: 0, resending: 0)
                _ = try run(
                    redis,
                    calls.record(record, token: .random(using: &random), now: 1))
            }
            let count = try #require(
                Int(redis.ask("XLEN", "jobwire:{p}:job:1:events").dropLast()))
            #expect(count <= eventsMax + eventsMax / 8)
            #expect(count * (size + 64) <= bytesMax + bytesMax / 8)
            #expect(try redis.ask("HGET", "jobwire:{p}:job:1:state", "seq") == "100\n")
            let first = try #require(
                Int(redis.ask("HGET", "jobwire:{p}:job:1:state", "first").dropLast()))
            #expect(first == 101 - count)
        }
    }

    /// What redis-cli says as JSON: one object of strings.
    private func fields(_ text: String) throws -> [String: [UInt8]] {
        let bytes = Array(text.utf8)
        var fields: [String: [UInt8]] = [:]
        var outline = JSONFields(bytes)
        while let (name, value) = outline.next() { fields[name] = Array(value.utf8) }
        return fields
    }
}

/// Strings of a flat JSON object, escapes undone as far as redis-cli writes them.
private struct JSONFields {
    private var rest: ArraySlice<UInt8>
    init(_ bytes: [UInt8]) { rest = bytes[...] }

    mutating func next() -> (String, String)? {
        guard let name = string(), let value = string() else { return nil }
        return (name, value)
    }

    private mutating func string() -> String? {
        guard let start = rest.firstIndex(of: UInt8(ascii: "\"")) else { return nil }
        rest = rest[(start + 1)...]
        var text: [UInt8] = []
        while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
            guard byte == UInt8(ascii: "\\") else {
                text.append(byte)
                continue
            }
            if let escaped = rest.popFirst() { text.append(escaped) }
        }
        return String(decoding: text, as: UTF8.self)
    }
}

extension CommandWords {
    /// The words that were written.
    fileprivate func read() -> [[UInt8]] {
        var rest = bytes[...]
        var words: [[UInt8]] = []
        while let end = rest.firstIndex(of: UInt8(ascii: "\r")),
            let length = Int(String(decoding: rest[..<end].dropFirst(), as: UTF8.self))
        {
            words.append(Array(rest[(end + 2)...].prefix(length)))
            rest = rest[(end + 2 + length + 2)...]
        }
        return words
    }
}
