// What the doctor makes of the answers of a Redis; whether real ones answer so is tested end to end.

import Feed
import Fleet
import JSON
import Redis
import Settings
import Testing

@testable import Command

@Suite("The doctor")
struct DoctorTests {
    private func finding(_ name: String, _ replies: RedisReply...) throws -> Finding {
        let question = try #require(
            CheckupQuestion.all(Settings()).first { $0.name == name })
        #expect(question.attempts.count == replies.count)
        return question.finding(replies.map { .success($0) }, user: "ann")
    }

    private func info(_ lines: String) -> RedisReply {
        .bytes(Array("# Section\r\n\(lines.replacing(" ", with: "\r\n"))\r\n".utf8))
    }

    private func config(_ name: String, _ value: String) -> RedisReply {
        .array([.bytes(Array(name.utf8)), .bytes(Array(value.utf8))])
    }

    @Test(
        "what INFO says is good, worth a look, or wrong",
        arguments: [
            ("version", "redis_version:7.0.15", Finding.Level.ok, "Redis 7.0.15"),
            ("version", "redis_version:6.2.0", .ok, "6.2.0"),
            ("version", "redis_version:6.0.16", .error, "6.0.16"),
            ("version", "redis_version:5.0.3", .error, "5.0.3"),
            ("version", "redis_version:10.1.0", .ok, "10.1.0"),
            ("version", "redis_version:7.2.4 valkey_version:8.0.1", .ok, "Valkey 8.0.1"),
            ("version", "redis_version:x", .error, "x"), ("version", "a:b", .warning, "not tell"),
            ("role", "role:master connected_slaves:2", .ok, "2 replicas"),
            ("role", "role:slave master_host:a master_port:1", .error, "replica of a:1"),
            (
                "role", "role:slave master_host:a master_port:1 master_link_status:down", .error,
                "no connection"
            ),
            ("role", "role:x", .warning, "not tell"),
            ("cluster", "cluster_enabled:0", .ok, "none"),
            ("cluster", "cluster_enabled:1", .error, "Cluster"),
            ("memory", "used_memory:5 maxmemory:0 maxmemory_policy:allkeys-lru", .ok, "no limit"),
            ("memory", "used_memory:5 maxmemory:9 maxmemory_policy:allkeys-lru", .error, "lru"),
            ("memory", "used_memory:5 maxmemory:9 maxmemory_policy:volatile-ttl", .error, "ttl"),
            (
                "memory", "used_memory:89 maxmemory:100 maxmemory_policy:noeviction", .ok,
                "89B used of 100B"
            ),
            ("memory", "used_memory:90 maxmemory:100 maxmemory_policy:noeviction", .warning, "90B"),
            ("memory", "used_memory:x", .warning, "not tell"),
            ("clients", "connected_clients:89 maxclients:100", .ok, "89 connected of 100"),
            ("clients", "connected_clients:91 maxclients:100", .warning, "91"),
            ("clients", "connected_clients:3", .ok, "3 connected"),
            ("clients", "", .warning, "not tell"),
        ])
    func info(name: String, answer: String, level: Finding.Level, found: String) throws {
        let finding = try finding(name, info(answer))
        #expect(finding.level == level)
        #expect(finding.found.contains(found), "\(finding.found)")
        #expect(finding.means.isEmpty == (level == .ok))
        if level == .error { #expect(!finding.mend.isEmpty) }
    }

    @Test(
        "an output buffer that a burst can fill is worth a look, one that an event fills is wrong",
        arguments: [
            ("pubsub 33554432 8388608 60", Finding.Level.ok), ("pubsub 0 0 0", .ok),
            ("normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60", .ok),
            ("pubsub 33554431 8388608 60", .warning), ("pubsub 33554432 8388607 60", .warning),
            ("pubsub 0 1 1", .warning), ("pubsub 1048576 0 0", .warning),
            ("pubsub 1048575 0 0", .error), ("pubsub 1 0 0", .error),
            ("normal 0 0 0", .warning), ("pubsub a b c", .warning), ("", .warning),
        ])
    func outputBuffer(value: String, level: Finding.Level) throws {
        let finding = try finding(
            "output buffer", config("client-output-buffer-limit", value))
        #expect(finding.level == level)
        if value.hasPrefix("pubsub 1") {
            #expect(finding.mend.first?.hasPrefix("CONFIG SET client-output-buffer-limit") == true)
        }
    }

    @Test(
        "what is lost when Redis restarts is told",
        arguments: [
            ("aof_enabled:1 rdb_last_bgsave_status:ok", "", Finding.Level.ok, "append-only"),
            ("aof_enabled:0 rdb_last_bgsave_status:ok", "60 1", .ok, "snapshots"),
            ("aof_enabled:0 rdb_last_bgsave_status:ok", "", .warning, "none"),
            ("aof_enabled:0 rdb_last_bgsave_status:err", "60 1", .error, "snapshot"),
            ("aof_enabled:0 rdb_last_bgsave_status:err", "", .warning, "none"),
            ("aof_enabled:1 aof_last_write_status:err", "", .error, "append-only"),
            ("", "", .warning, "not tell"),
        ])
    func persistence(_ answer: String, _ save: String, _ level: Finding.Level, _ found: String)
        throws
    {
        let finding = try finding("persistence", info(answer), config("save", save))
        #expect(finding.level == level)
        #expect(finding.found.contains(found))
    }

    /// How versions of Redis refuse a command, and a key or channel.
    private static let refusals = [
        (
            "NOPERM this user has no permissions to run the 'x' command or its subcommand",
            "NOPERM this user has no permissions to access one of the keys used as arguments"
        ),
        (
            "NOPERM this user has no permissions to run the 'x' command",
            "NOPERM this user has no permissions to access one of the channels used as arguments"
        ),
        (
            "NOPERM User ann has no permissions to run the 'x' command",
            "NOPERM No permissions to access a key"
        ),
    ]

    @Test(
        "what may not be looked at names the rules that are missing, each once", arguments: refusals
    )
    func forbidden(command: String, key: String) throws {
        for question in CheckupQuestion.all(Settings()) {
            let finding = question.finding(
                question.attempts.map { _ in .success(.error(command)) }, user: "ann")
            let rules =
                switch question.name {
                case "persistence": "+info +config|get"
                case "output buffer": "+config|get"
                default: "+info"
                }
            #expect(finding.level == .warning)
            #expect(finding.found.hasSuffix("needs \(rules)"))
            #expect(finding.mend == ["ACL SETUSER ann \(rules)"])
            let unknown = question.finding(
                question.attempts.map { _ in .success(.error("ERR unknown command")) }, user: "ann")
            #expect(unknown.level != .ok)
            #expect(unknown.found.contains("ERR unknown command"))
            let lost = question.finding(
                question.attempts.map { _ in .failure(.notConnected) }, user: "ann")
            #expect(lost.level != .ok)
        }
    }

    private static let recording = Rights.recording(RecordedNames(prefix: "jw", database: 3))
    private static let fleet = Rights.fleet(FleetKeys(prefix: "jw", database: 3))

    @Test("a right that is missing is named and no other", arguments: refusals)
    func rights(command: String, place: String) throws {
        for rights in [Self.recording, Self.fleet] {
            for (index, attempt) in rights.attempts.enumerated() {
                for (text, rule) in [(command, attempt.rule), (place, attempt.placeRule)] {
                    guard let rule else { continue }
                    let answers = rights.attempts.indices.map {
                        RedisCommands.Answer.success($0 == index ? .error(text) : .integer(1))
                    }
                    let finding = try #require(rights.finding(answers, user: "ann"))
                    #expect(finding.mend == ["ACL SETUSER ann \(rule)"])
                    #expect(finding.level == (rights.name == "fleet" ? .warning : .error))
                }
            }
            let others = rights.attempts.map { _ in
                RedisCommands.Answer.success(.error("READONLY You can't write"))
            }
            #expect(rights.finding(others, user: "ann") == nil)
        }
    }

    @Test("every command of our scripts is tried, on keys and channels of the rule that is named")
    func tried() {
        for (script, rights) in [
            (String(decoding: Rehearsal.script.source, as: UTF8.self), Self.recording),
            (FleetKeys.rehearsal, Self.fleet),
        ] {
            let commands = Attempt.commands(in: script)
            #expect(commands.count >= 10 && commands.contains("DEL"))
            #expect(commands.filter { Attempt.tries[$0] == nil } == [])
            let tried = rights.attempts.map(\.words[0])
            #expect(commands.allSatisfy(tried.contains))
            let root = rights.name == "fleet" ? "jw:fleet:" : "jw:{p}:"
            for attempt in rights.attempts {
                guard let rule = attempt.placeRule else { continue }
                #expect(rule.dropFirst() == "\(root)*")
                #expect(attempt.words.contains { $0.hasPrefix(root) })
            }
        }
        #expect(
            Attempt.commands(in: "pcall('A', 1) call(\n 'B') call(x, 'C') redis.call('D')")
                == ["A", "B", "D"])
    }

    @Test(
        "bridges with other patterns are told from our own, and from none",
        arguments: [
            ([:], Finding.Level.ok), (["era": "e", "listeners": "1"], .ok),
            (["era": "", "patterns": "other", "listeners": "1"], .ok),
            (["era": "e", "patterns": "ours", "listeners": "1"], .ok),
            (["era": "e", "patterns": "other", "listeners": "0"], .ok),
            (["era": "e", "patterns": "other", "listeners": "1"], .warning),
        ])
    func patterns(_ ingest: [String: String], _ level: Finding.Level) {
        let finding = CheckupQuestion.patterns(ingest, ours: "ours")
        #expect(finding.level == level)
        #expect(finding.mend.isEmpty == (level == .ok))
    }

    @Test("a slow Redis is worth a look")
    func latency() {
        func level(_ milliseconds: Int...) -> Finding.Level {
            Checkup.latency(milliseconds.map { .milliseconds($0) }).level
        }
        #expect(level(1, 1, 9, 99) == .ok)
        #expect(level(1, 10, 10) == .warning)
        #expect(level(1, 1, 100) == .warning)
    }

    @Test("a finding fits 80 columns, and can't write to the terminal what it likes")
    func lines() throws {
        let finding = Finding(
            "role", .error, "\u{1B}[2Jhow", String(repeating: "long words ", count: 30),
            mend: ["\u{1B}x"])
        #expect(finding.lines.count > 4)
        for line in finding.lines {
            #expect(line.count <= 80)
            #expect(!line.contains("\u{1B}"))
        }
        let json = Array(Finding.json([finding, finding], of: "redis://x").utf8)
        var outline = JSONOutline()
        try outline.read(json.span)
        let errors = outline.member("errors", in: json.span)
        let count = errors.flatMap { json.span.jsonInteger($0.value) }
        #expect(count == 2)
    }
}
