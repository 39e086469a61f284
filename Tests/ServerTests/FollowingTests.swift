// What clients of jobs are sent, in which order, and what they may ask for.

import Settings
import Support
import Testing

@Suite("Following jobs")
struct FollowingTests {
    @Test(
        "a worker's PUBLISH reaches a client over every kind of connection to Redis",
        arguments: ["tcp", "unix", "tls"])
    func everyWay(way: String) throws {
        let redis = try RedisServer(tls: way == "tls" ? .on : .off)
        let scene = try Scene(redis: redis) { settings in
            if way == "unix" { settings.redisURL = Secret("unix://\(redis.socketPath)") }
            if way == "tls" { settings.redisURL = Secret(redis.tlsURL) }
            settings.redisCA = redis.certificates?.certificate("authority") ?? ""
            settings.redisServerName = "server.test"
        }
        let client = try scene.follow("j1")
        #expect(try client.hear(until: "live").map(\.type) == ["connected", "live"])
        try scene.publish("j1", #"{"type":"progress","data":{"progress":45}}"#)
        let heard = try client.hear(until: "progress")
        #expect(heard.map(\.type) == ["live", "progress"], "a first event begins an epoch")
        #expect(
            heard[1].text.hasPrefix(
                #"{"seq":1,"job_id":"j1","type":"progress","data":{"progress":45},"timestamp":""#))
    }

    @Test(
        "a late client gets connected with the snapshot, the replay, live, then what comes",
        arguments: [1, 3])
    func order(loops: Int) throws {
        let scene = try Scene(loops: loops)
        try scene.publish(
            "j1", #"{"type":"status","data":{"status":"running","owner":"u1"}}"#,
            #"{"type":"progress","data":{"progress":10,"current_step":"reading"}}"#, "plain text")
        try scene.settle("j1", at: 3)
        for _ in 0..<loops * 2 {
            let client = try scene.follow("j1")
            let first = try client.hear()
            #expect(first.type == "connected" && first.job == "j1")
            #expect(first.text("status") == "running" && first.number("progress") == 10)
            #expect(first.text("current_step") == "reading" && first.text("owner") == "u1")
            #expect(first.number("seq") == 3)
            #expect(first.object("replay")["count"] as? Int == 3)
            let rest = try client.hear(until: "live")
            #expect(rest.map(\.type) == ["status", "progress", "message", "live"])
            #expect(rest.map(\.seq) == [1, 2, 3, nil])
            #expect(rest.last?.number("seq") == 3)
        }
    }

    @Test(
        "while a worker publishes without pause, nobody sees a hole, a double or a step back",
        arguments: [1, 3])
    func ledgers(loops: Int) throws {
        let scene = try Scene(loops: loops) { $0.historyEventsMax = 500 }
        let crowd = Crowd()
        let jobs = ["a", "b", "c"]
        let last = 2_000
        for client in 0..<24 {
            try crowd.add {
                let job = jobs[client % jobs.count]
                var ledger = Ledger()
                // Now and then away, and back with the cursor, perhaps to another loop.
                for visit in 1... {
                    let query =
                        ledger.epoch == nil
                        ? ["", "history=none", "history=20"][client % 3] : "after=\(ledger.cursor)"
                    let socket = try scene.follow(job, query, deflate: client % 2 == 0)
                    let stay = client % 4 == 0 ? Int.max : visit * 150
                    while ledger.lastSeq < last, ledger.seqs.count < stay {
                        ledger.see(try socket.hear())
                    }
                    if ledger.lastSeq >= last { break }
                }
                #expect(ledger.lastSeq == last && ledger.seqs.last ?? last == last)
                if client % 3 == 0, client % 4 == 0 {
                    #expect(ledger.gaps.allSatisfy { $0.reason != "epoch_changed" })
                }
            }
        }
        let payloads = (1...last).map { #"{"type":"log","data":{"log_line":"line \#($0)"}}"# }
        for start in stride(from: 0, to: last, by: 50) {
            for job in jobs {
                try scene.publisher.publish(Array(payloads[start..<start + 50]), to: job)
            }
        }
        try crowd.join()
        try scene.waitForMetric("jobwire_connections", 1)
        try scene.waitForMetric("jobwire_subscriptions", 0)
    }

    /// So many that a delivery may wait for what Redis is recording; the last event has nothing behind it.
    @Test("many followers of a recorded job hear every event in order, and the last one too")
    func manyFollowers() throws {
        let scene = try Scene { $0.history = .redis }
        let clients = try (0..<300).map { _ in try scene.follow("j", "history=none") }
        for client in clients { _ = try client.hear(until: "live") }
        for round in 0..<20 {
            let events = (1...8).map { #"{"type":"log","data":{"log_line":"\#(round).\#($0)"}}"# }
            try scene.publisher.publish(events, to: "j")
        }
        for client in clients {
            let seqs = try (0..<160).map { _ in try client.hear(until: "log").last?.seq }
            #expect(seqs == (1...160).map { Int($0) })
        }
        try scene.publish("j", #"{"type":"complete"}"#)
        for client in clients { #expect(try client.hear(until: "complete").last?.seq == 161) }
    }

    @Test("a client that comes back with its cursor to another loop gets just what it missed")
    func reconnect() throws {
        let scene = try Scene(loops: 3)
        var ledger = Ledger()
        for round in 1...12 {
            let client = try scene.follow(
                "j1", ledger.epoch.map { _ in "after=\(ledger.cursor)" } ?? "")
            while ledger.lastSeq < 5 * (round - 1) { ledger.see(try client.hear()) }
            try scene.publish("j1", "1", "2", "3")
            while ledger.lastSeq < 5 * round - 2 { ledger.see(try client.hear()) }
            try client.close()
            try scene.publish("j1", "4", "5")
        }
        #expect(ledger.seqs == Array(1...58))
        #expect(ledger.gaps.isEmpty)
    }

    @Test("after asks for what came later, and beats history", arguments: [1, 3])
    func after(loops: Int) throws {
        let scene = try Scene(loops: loops)
        let epoch = try #require(try publishTen(scene))
        let table: [(query: String, seqs: [Int], gap: String?)] = [
            ("after=\(epoch):7", [8, 9, 10], nil), ("after=7", [8, 9, 10], nil),
            ("after=\(epoch):10", [], nil), ("after=7&history=none", [8, 9, 10], nil),
            ("after=\(epoch):0", Array(1...10), nil),
            ("after=otherEpoch12:3", Array(1...10), "epoch_changed"),
            ("after=\(epoch):99", Array(1...10), "epoch_changed"),
            ("history=none", [], nil), ("history=3", [8, 9, 10], nil), ("history=0", [], nil),
            ("history=all", Array(1...10), nil), ("history=99", Array(1...10), nil),
            ("types=log", [2, 4, 6, 8, 10], nil), ("types=log&history=2", [8, 10], nil),
            ("types=log,status&after=8", [9, 10], nil), ("types=none", [], nil),
        ]
        for row in table {
            let heard = try scene.follow("j1", row.query).hear(until: "live")
            #expect(heard.compactMap(\.seq) == row.seqs, "\(row.query)")
            #expect(heard.first { $0.type == "gap" }?.text("reason") == row.gap, "\(row.query)")
            #expect(heard[0].object("replay")["count"] as? Int == row.seqs.count, "\(row.query)")
        }
    }

    @Test("with history off events are numbered and live, and nothing is replayed")
    func historyOff() throws {
        let scene = try Scene { $0.history = .off }
        let early = try scene.follow("j1")
        try early.hear(until: "live")
        try scene.publish("j1", "1", "2")
        #expect(try early.hear(throughSeq: 2).compactMap(\.seq) == [1, 2])
        let late = try scene.follow("j1")
        let heard = try late.hear(until: "live")
        #expect(heard.map(\.type) == ["connected", "gap", "live"])
        #expect(heard[0].number("seq") == 2)
        #expect(heard[1].text("reason") == "trimmed" && heard[1].number("to") == 2)
        try scene.publish("j1", "3")
        #expect(try late.hear().seq == 3)
    }

    @Test("filtered live events leave no gap, and now and then live moves the cursor")
    func filtered() throws {
        let scene = try Scene(loops: 3)
        let client = try scene.follow("j1", "types=status")
        try client.hear(until: "live")
        for _ in 0..<40 {
            try scene.publish("j1", #"{"type":"log","data":{}}"#, #"{"type":"log","data":{}}"#)
        }
        let begin = try client.hear()
        #expect(begin.type == "live" && begin.number("seq") == 0)
        let cursor = try client.hear()
        #expect(cursor.type == "live")
        #expect(cursor.number("seq").map { (64...80).contains($0) } == true)
        try scene.publish("j1", #"{"type":"status","data":{"status":"running"}}"#)
        #expect(try client.hear().seq == 81)
    }

    @Test("deflate or not, the texts are the same, and large ones come compressed")
    func deflate() throws {
        let scene = try Scene()
        let plain = try scene.follow("j1")
        let deflated = try scene.follow("j1", deflate: true)
        #expect(!plain.usesDeflate && deflated.usesDeflate)
        let long = String(repeating: "all work and no play ", count: 200)
        try scene.publish(
            "j1", #"{"type":"log","data":{"log_line":"short"}}"#,
            #"{"type":"log","data":{"log_line":"\#(long)"}}"#)
        var texts: [[String]] = []
        for client in [plain, deflated] {
            texts.append(try client.hear(throughSeq: 2).filter { $0.seq != nil }.map(\.text))
            #expect(client.lastWasCompressed == (client === deflated))
        }
        // A replay, too.
        let late = try scene.follow("j1", deflate: true)
        texts.append(try late.hear(throughSeq: 2).filter { $0.seq != nil }.map(\.text))
        #expect(late.lastWasCompressed)
        #expect(texts[0] == texts[1] && texts[1] == texts[2] && texts[0].count == 2)
        // And from the client to the server.
        try deflated.send(#"{"type":"ping","id":"x"}"#, compressed: true)
        #expect(try deflated.hear(until: "pong").last?.id as? String == "x")
    }

    @Test("what no JSON object is arrives wrapped, is counted, and 10 MB are told by their size")
    func oddPayloads() throws {
        let scene = try Scene()
        let client = try scene.follow("j1")
        try client.hear(until: "live")
        let payloads: [[UInt8]] = [
            Array("[1,2]".utf8), Array("not json".utf8), [0xFF, 0xFE],
            [UInt8](repeating: 0x20, count: 10 << 20), Array(#"{"type":"log","data":NaN}"#.utf8),
            [0xEF, 0xBB, 0xBF] + Array(#"{"type":"log"}"#.utf8),
            Array(#"{"type":"log","seq":99,"job_id":"evil"}"#.utf8),
        ]
        try scene.publisher.publish(payloads, channel: "job:j1:updates")
        let events = try client.hear(throughSeq: 7).filter { $0.seq != nil }
        #expect(
            events.map(\.type)
                == ["message", "message", "binary", "oversized", "log", "log", "log"])
        #expect(events[3].number("bytes") == 10 << 20)
        #expect(events[6].seq == 7 && events[6].job == "j1")
        for oddity in [
            "not_object", "not_json", "not_utf8", "oversized", "nan_replaced", "bom",
            "renamed_member",
        ] {
            #expect(
                try scene.metric("jobwire_event_oddities_total{oddity=\"\(oddity)\"}") == 1,
                "\(oddity)")
        }
        #expect(try scene.metric(#"jobwire_dropped_total{reason="oversized"}"#) == 1)
        #expect(try scene.metric("jobwire_events_heard_total") == 7)
    }

    @Test("channels without a good job id are refused, counted and logged, and harm nobody")
    func badChannels() throws {
        let scene = try Scene()
        let client = try scene.follow("j1")
        try client.hear(until: "live")
        for name in ["", "a b", "a/b", String(repeating: "x", count: 129), "..", "a\"b", "é"] {
            try scene.publisher.publish([Array("1".utf8)], channel: "job:\(name):updates")
        }
        try scene.publish("j1", "2")
        #expect(try client.hear(until: "message").last?.seq == 1)
        #expect(try scene.metric(#"jobwire_dropped_total{reason="bad_job_id"}"#) == 7)
        #expect(scene.log.count("bad_channel") == 7)
    }

    private func publishTen(_ scene: Scene) throws -> String? {
        let client = try scene.follow("j1")
        try client.hear(until: "live")
        for index in 1...10 {
            try scene.publish(
                "j1", index % 2 == 0 ? #"{"type":"log"}"# : #"{"type":"status","data":{}}"#)
        }
        _ = try client.hear(throughSeq: 10)
        return try scene.follow("j1").hear().text("epoch")
    }
}
