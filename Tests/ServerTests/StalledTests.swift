// Jobs whose worker says nothing any more.

import Foundation
import Settings
import Support
import Testing

@Suite("Stalled jobs")
struct StalledTests {
    private func status(_ word: String) -> String {
        #"{"type":"status","data":{"status":"\#(word)"}}"#
    }

    /// One bridge, or two that record in the same Redis.
    private func bridges(_ history: Settings.History) throws -> [Scene] {
        func scene(_ redis: RedisServer?) throws -> Scene {
            try Scene(redis: redis) {
                ($0.history, $0.stalledAfter) = (history, .milliseconds(500))
            }
        }
        let first = try scene(nil)
        guard history == .redis else { return [first] }
        let bridges = [first, try scene(first.redis)]
        for bridge in bridges { try bridge.log.wait(for: "updates_flow") }
        return bridges
    }

    @Test(
        "a running job that is silent is told to be stalled, once, and runs again with its next event",
        arguments: [Settings.History.memory, .redis])
    func stalled(history: Settings.History) throws {
        let bridges = try bridges(history)
        let scene = bridges[0]
        let clients = try bridges.map { try $0.follow("j1") }
        for client in clients { try client.hear(until: "live") }
        for (job, word) in [
            ("queued", "queued"), ("paused", "Paused"), ("done", "completed"), ("j1", "running"),
        ] {
            try scene.publish(job, status(word))
        }
        var ledgers = clients.map { _ in Ledger() }
        for (index, client) in clients.enumerated() {
            for heard in try client.hear(throughSeq: 2) { ledgers[index].see(heard) }
            let told = try Heard(try #require(ledgers[index].texts[2]))
            #expect(told.type == "status" && told.text("status") == "stalled")
            #expect(told.top("timestamp") != nil)
        }
        // It may be silent now; by the time that another one is stalled, it would have been told again.
        try scene.publish("clock", status("running"))
        _ = try scene.follow("clock").hear { $0.text("status") == "stalled" && $0.seq != nil }
        try scene.publish("j1", #"{"type":"log","data":{"log_line":"alive"}}"#)
        for (index, client) in clients.enumerated() {
            for heard in try client.hear(throughSeq: 3) { ledgers[index].see(heard) }
            #expect(ledgers[index].seqs == [1, 2, 3])
            #expect(ledgers[index].texts == ledgers[0].texts)
        }
        for bridge in bridges {
            // Unless it has been silent again for so long by now.
            let now = try bridge.follow("j1").hear()
            #expect(now.text("status") == (now.number("seq") == 3 ? "running" : "stalled"))
            for job in ["queued", "paused", "done"] {
                #expect(try bridge.follow(job).hear().number("seq") == 1, "\(job)")
            }
        }
        // And now it is silent again.
        _ = try clients[0].hear { $0.seq == 4 && $0.text("status") == "stalled" }
    }

    @Test(
        "who comes late sees it in the snapshot and in the replay",
        arguments: [Settings.History.memory, .redis])
    func late(history: Settings.History) throws {
        let bridges = try bridges(history)
        try bridges[0].publish("j1", #"{"type":"progress","data":{"progress":40}}"#)
        _ = try bridges[0].follow("j1").hear { $0.text("status") == "stalled" }
        for bridge in bridges {
            let heard = try bridge.follow("j1").hear(until: "live")
            #expect(heard[0].text("status") == "stalled" && heard[0].number("progress") == 40)
            #expect(heard.compactMap(\.seq) == [1, 2])
        }
    }

    @Test("silence that may be ours is nobody's: after Redis was lost the time begins anew")
    func deaf() throws {
        let redis = try RedisServer()
        let scene = try Scene(redis: redis) { $0.stalledAfter = .seconds(1) }
        try scene.publish("j1", status("running"))
        try scene.settle("j1", at: 1)
        try redis.ask("CLIENT", "KILL", "TYPE", "pubsub")
        try scene.log.wait(for: "redis_ready again") { scene.log.count("redis_ready") == 2 }
        try scene.publish("j2", status("running"))
        for job in ["j1", "j2"] {
            _ = try scene.follow(job).hear { $0.text("status") == "stalled" }
        }
        let format = ISO8601DateFormatter()
        format.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
        func time(_ line: String?) throws -> Date {
            let line = try #require(line)
            return try #require(format.date(from: String(line.prefix { $0 != " " })))
        }
        let lines = scene.log.lines
        let back = try #require(lines.lastIndex { $0.contains(" redis_ready") })
        let told = try time(lines[back...].first { $0.contains(" jobs_stalled") })
        #expect(told.timeIntervalSince(try time(lines[back])) > 0.9)
        #expect(scene.log.count("jobs_stalled") <= 2)
    }

    @Test("unless it is asked for, a job may be silent for ever")
    func off() throws {
        #expect(Settings().stalledAfter == .zero)
    }
}
