// Metrics have one job: what was counted on any loop stands in the text, once and in order.

import Foundation
import Support
import Testing

@testable import Telemetry

@Suite("Metrics")
struct MetricsTests {
    @Test("what the loops count is added up")
    func sums() {
        let metrics = Metrics(loops: 3, version: "1", startedAt: 0)
        for loop in 0..<3 {
            metrics.block(loop).messagesOut.add(loop + 1)
            metrics.block(loop).connections.add(10)
        }
        metrics.block(1).connections.add(-4)
        metrics.block(2).drops.add(.slowConsumer)
        metrics.block(0).drops.add(.slowConsumer, 2)
        #expect(metrics.says("jobwire_messages_sent_total 6"))
        #expect(metrics.says("jobwire_connections 26"))
        #expect(metrics.says(#"jobwire_dropped_total{reason="slow_consumer"} 3"#))
        #expect(metrics.says(#"jobwire_dropped_total{reason="bad_job_id"} 0"#))
    }

    @Test("every field of a block reaches the text")
    func everyField() {
        let metrics = Metrics(loops: 1, version: "1", startedAt: 0)
        let block = metrics.block(0)
        let counters: [(String, () -> Void)] = [
            ("jobwire_connections", { block.connections.set(7) }),
            ("jobwire_connections_total", { block.connectionsTotal.add(7) }),
            ("jobwire_subscriptions", { block.subscriptions.set(7) }),
            ("jobwire_messages_received_total", { block.messagesIn.add(7) }),
            ("jobwire_messages_sent_total", { block.messagesOut.add(7) }),
            ("jobwire_received_bytes_total", { block.bytesIn.add(7) }),
            ("jobwire_sent_bytes_total", { block.bytesOut.add(7) }),
            (
                #"jobwire_dropped_total{reason="memory_limit"}"#,
                { block.drops.add(.memoryLimit, 7) }
            ),
            (#"jobwire_closes_total{code="4429"}"#, { block.closes.add(.init(4429), 7) }),
            (
                #"jobwire_handshake_refusals_total{reason="other"}"#,
                { block.handshakeRefusals.add(.other, 7) }
            ),
            (
                #"jobwire_auth_refusals_total{reason="not_yet_valid"}"#,
                { block.authRefusals.add(.notYetValid, 7) }
            ),
            (
                #"jobwire_message_refusals_total{reason="bad_message"}"#,
                { block.messageRefusals.add(.badMessage, 7) }
            ),
            (
                #"jobwire_jwks_refreshes_total{result="failed"}"#,
                { block.jwksRefreshes.add(.failed, 7) }
            ),
            ("jobwire_revocations", { block.revocations.set(7) }),
            ("jobwire_jwks_age_seconds", { block.jwksAge.set(7) }),
            ("jobwire_rights_awaited", { block.rightsAwaited.set(7) }),
            (
                #"jobwire_rights_hook_asks_total{result="failed"}"#,
                { block.hookAsks.add(.failed, 7) }
            ),
            ("jobwire_rights_hook_cache_hits_total", { block.hookCacheHits.add(7) }),
            (
                "jobwire_rights_hook_seconds_count",
                { block.hookDuration.observe(nanoseconds: 1, times: 7) }
            ),
            ("jobwire_websockets", { block.webSockets.set(7) }),
            ("jobwire_event_streams", { block.eventStreams.set(7) }),
            ("jobwire_long_polls", { block.longPolls.set(7) }),
            ("jobwire_forwarded_unreadable_total", { block.forwardedUnreadable.add(7) }),
            ("jobwire_rate_limited_total", { block.rateLimited.add(7) }),
            (#"jobwire_http_responses_total{class="4xx"}"#, { block.responses.add(.init(404), 7) }),
            ("jobwire_events_heard_total", { block.eventsHeard.add(7) }),
            ("jobwire_events_heard_bytes_total", { block.eventBytesHeard.add(7) }),
            (
                #"jobwire_event_oddities_total{oddity="not_utf8"}"#,
                { block.oddities.add(.notUTF8, 7) }
            ),
            (
                "jobwire_publish_to_write_seconds_count",
                { block.publishToWrite.observe(nanoseconds: 1, times: 7) }
            ),
            ("jobwire_replays_total", { block.replays.add(7) }),
            ("jobwire_replayed_events_total", { block.replayedEvents.add(7) }),
            (#"jobwire_gaps_total{reason="epoch_changed"}"#, { block.gaps.add(.epochChanged, 7) }),
            ("jobwire_jobs_stalled_total", { block.jobsStalled.add(7) }),
            ("jobwire_jobs", { block.jobs.set(7) }),
            ("jobwire_history_bytes", { block.historyBytes.set(7) }),
            ("jobwire_redis_reconnects_total", { block.redisReconnects.add(7) }),
            ("jobwire_updates_flow", { block.isFlowing.set(7) }),
            ("jobwire_loop_lag_seconds_count", { block.loopLag.observe(nanoseconds: 1, times: 7) }),
            ("jobwire_log_lines_lost_total", { block.logLinesLost.add(7) }),
        ]
        for (name, count) in counters {
            #expect(!metrics.says("\(name) 7"))
            count()
            #expect(metrics.says("\(name) 7"), "\(name)")
        }
        // And each number of them.
        let values = metrics.values()
        #expect(values.count == Metrics.families.count)
        for (name, value) in values {
            switch value {
            case .number(let number): #expect(number == 7, "\(name)")
            case .byWord(let counts): #expect(Array(counts.values) == [7], "\(name)")
            case .times(let count, _): #expect(count == 7, "\(name)")
            case .word(let word): #expect(word == "off", "\(name)")
            }
        }
        #expect(counters.count + 2 == Metrics.families.count, "and the two states of Redis")
    }

    @Test("however much was counted, it fits into the 8 KiB that a bridge says of itself")
    func valueBytes() {
        func bytes<Label: MetricLabel>(_ label: Label.Type) -> Int {
            Label.allCases.reduce(0) { $0 + $1.word.utf8.count + 24 }
        }
        let labels =
            bytes(DropReason.self) + bytes(CloseCode.self) + bytes(StatusClass.self)
            + bytes(Oddity.self) + bytes(AuthRefusal.self) + bytes(KeyReading.self)
            + bytes(HandshakeRefusal.self) + bytes(MessageRefusal.self) + bytes(GapLabel.self)
        let names = Metrics.families.reduce(0) { $0 + $1.name.utf8.count + 36 }
        #expect(labels + names < 7_000)
    }

    @Test("exactly one state of a Redis connection is 1")
    func redisState() {
        let metrics = Metrics(loops: 2, version: "1", startedAt: 0)
        for state in RedisState.allCases {
            metrics.block(0).set(redisSubscriber: state)
            let rows = metrics.lines.filter { $0.hasPrefix("jobwire_redis_subscriber_state{") }
            #expect(rows.count == RedisState.allCases.count)
            #expect(
                rows.filter { $0.hasSuffix(" 1") } == [
                    "jobwire_redis_subscriber_state{state=\"\(state)\"} 1"
                ])
        }
    }

    @Test("an observation falls into the bucket whose bound it does not pass")
    func buckets() {
        let metrics = Metrics(loops: 1, version: "1", startedAt: 0)
        for bound in 0..<Histogram.bounds.count {
            metrics.block(0).publishToWrite.observe(nanoseconds: Histogram.bounds[bound])
            metrics.block(0).publishToWrite.observe(nanoseconds: Histogram.bounds[bound] + 1)
        }
        metrics.block(0).publishToWrite.observe(nanoseconds: -5)
        let rows = metrics.lines.filter { $0.hasPrefix("jobwire_publish_to_write_seconds_bucket") }
        let counts = rows.compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }
        #expect(counts == (0..<18).map { 2 + 2 * $0 } + [37])
        #expect(rows.first?.contains(#"{le="0.000025"}"#) == true)
        #expect(rows.dropLast().last?.contains(#"{le="10"}"#) == true)
        #expect(rows.last?.contains(#"{le="+Inf"}"#) == true)
    }

    @Test("hostile amounts neither trap nor make a counter go back")
    func amounts() {
        let block = Metrics(loops: 1, version: "1", startedAt: 0).block(0)
        block.messagesOut.add(5)
        block.messagesOut.add(-3)
        #expect(block.messagesOut.value == 5)
        block.connections.set(.max)
        block.connections.add(1)
        block.publishToWrite.observe(nanoseconds: .max, times: .max)
        block.publishToWrite.observe(nanoseconds: .min)
        for code in [Int.min, -1, 0, 999, 1003, 4402, 65_536, .max] {
            block.closes.add(.init(code))
        }
        for status in [Int.min, -1, 0, 99, 600, .max] { block.responses.add(.init(status)) }
        #expect(block.closes[.other] == 8)
        #expect(block.responses[.serverError] == 6)
    }

    @Test("label words and metric names are those of Prometheus")
    func words() {
        let text = Metrics(loops: 1, version: "a\"b\nc\\d", startedAt: 1).prometheus()
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            #expect(
                line.contains(/^[a-z_]+(\{[a-z]+="[A-Za-z0-9_.+-]+"\})? [0-9.e+-]+$/), "\(line)")
        }
        #expect(CloseCode.allCases.map(\.word).prefix(3) == ["other", "1000", "1001"])
    }

    @Test("a million counts cost what a load and a store cost")
    func cheap() {
        let block = Metrics(loops: 1, version: "1", startedAt: 0).block(0)
        let took = processorTime {
            for _ in 0..<1_000_000 { block.messagesOut.add(1) }
        }
        #expect(block.messagesOut.value == 1_000_000)
        #expect(took < .seconds(5), "\(took)")
    }

    @Test(
        "promtool finds nothing to say",
        .enabled(if: promtool != nil, "promtool missing: apt-get install prometheus"))
    func promtoolCheck() throws {
        let metrics = Metrics(loops: 2, version: "1.2.3", startedAt: 1_700_000_000.5)
        metrics.block(1).publishToWrite.observe(nanoseconds: 123_456)
        let process = Process()
        process.executableURL = URL(filePath: try #require(promtool))
        process.arguments = ["check", "metrics"]
        let (input, output) = (Pipe(), Pipe())
        (process.standardInput, process.standardOutput, process.standardError) = (
            input, output, output
        )
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data(metrics.prometheus().utf8))
        try input.fileHandleForWriting.close()
        let said = String(
            decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(said == "")
        #expect(process.terminationStatus == 0)
    }
}

private let promtool = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    .map { "\($0)/promtool" }.first { FileManager.default.isExecutableFile(atPath: $0) }

extension Metrics {
    fileprivate func says(_ line: String) -> Bool { lines.contains(line) }
    fileprivate var lines: [String] { prometheus().split(separator: "\n").map(String.init) }
}
