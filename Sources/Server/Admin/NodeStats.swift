// What a bridge says of itself: to `GET /api/v1/stats`, and every few seconds to the other bridges, so that each
// of them can tell of all. Loop 0 makes it, of what is counted anyway.
//
// The names under `metrics` are those of `/metrics`: a number, or numbers by label. What is zero is left out,
// since all of it has to fit into the few KiB that a bridge may keep of itself in Redis.

import JSON
import Jobs
import Loop
import Synchronization
import Telemetry

/// How many of each there were a second, over the last ten.
struct Rates {
    static let secondsMax = 10
    static let names = [
        "connections", "events_heard", "messages_received", "messages_sent", "received_bytes",
        "sent_bytes",
    ]

    private var samples: [(at: Instant, counts: [Int])] = []

    /// `counts` in the order of `names`; they only grow.
    mutating func note(_ counts: [Int], at now: Instant) {
        precondition(counts.count == Self.names.count)
        samples.append((now, counts))
        if samples.count > Self.secondsMax + 1 { samples.removeFirst() }
    }

    /// Nothing before there are two samples.
    var perSecond: [Double] {
        guard let first = samples.first, let last = samples.last, last.at > first.at else {
            return Self.names.map { _ in 0 }
        }
        let seconds = Double((last.at - first.at).nanoseconds) / 1_000_000_000
        return zip(first.counts, last.counts).map { before, now in
            (Double(now - before) / seconds * 10).rounded() / 10
        }
    }
}

extension Worker {
    /// On loop 0, once a second.
    func noteRates() {
        guard feed != nil else { return }
        let all = house.metrics
        office.rates.note(
            [
                all.sum { Int(clamping: $0.connectionsTotal.value) },
                all.sum { Int(clamping: $0.eventsHeard.value) },
                all.sum { Int(clamping: $0.messagesIn.value) },
                all.sum { Int(clamping: $0.messagesOut.value) },
                all.sum { Int(clamping: $0.bytesIn.value) },
                all.sum { Int(clamping: $0.bytesOut.value) },
            ], at: loop.now)
    }

    func stats() -> [UInt8] {
        let now = WallClock.milliseconds()
        let startedAt = Int64(house.metrics.startedAt * 1_000)
        var json = JSONWriter(reserving: 4_096)
        json.beginObject()
        json.key("version")
        json.string(Server.version)
        json.key("time")
        json.string(WallTime(milliseconds: now).description)
        json.key("started_at")
        json.string(WallTime(milliseconds: startedAt).description)
        json.key("uptime_seconds")
        json.integer(max(0, now - startedAt) / 1_000)
        json.key("loops")
        json.integer(house.mailboxes.count)
        json.key("ready")
        json.bool(house.isReady)
        json.key("draining")
        json.bool(isDraining)
        writeConnections(to: &json)
        writeRedis(to: &json)
        json.key("history")
        json.beginObject()
        json.key("kind")
        json.string(settings.history.rawValue)
        json.key("jobs")
        json.integer(house.metrics.sum { $0.jobs.value })
        json.key("bytes")
        json.integer(house.metrics.sum { $0.historyBytes.value })
        json.endObject()
        json.key("per_second")
        json.beginObject()
        for (name, rate) in zip(Rates.names, office.rates.perSecond) {
            json.key(name)
            json.double(rate)
        }
        json.endObject()
        json.key("metrics")
        json.beginObject()
        for (name, value) in house.metrics.values() {
            json.key(name)
            json.write(value)
        }
        json.endObject()
        json.endObject()
        return json.bytes
    }

    private func writeConnections(to json: inout JSONWriter) {
        let all = house.metrics.sum { $0.connections.value }
        let followers = [
            (ConnectionKind.webSocket, house.metrics.sum { $0.webSockets.value }),
            (.eventStream, house.metrics.sum { $0.eventStreams.value }),
            (.longPoll, house.metrics.sum { $0.longPolls.value }),
        ]
        json.key("connections")
        json.beginObject()
        json.key("all")
        json.integer(all)
        for (kind, count) in followers {
            json.key(kind.rawValue)
            json.integer(count)
        }
        // The loops count on while this is read.
        json.key("http")
        json.integer(max(0, followers.reduce(all) { $0 - $1.1 }))
        json.endObject()
    }

    private func writeRedis(to json: inout JSONWriter) {
        json.key("updates")
        json.string(house.flow.load(ordering: .relaxed).word)
    }
}

extension ConnectionKind {
    func count(_ change: Int, in metrics: MetricsBlock) {
        switch self {
        case .webSocket: metrics.webSockets.add(change)
        case .eventStream: metrics.eventStreams.add(change)
        case .longPoll: metrics.longPolls.add(change)
        }
    }
}

extension JSONWriter {
    fileprivate mutating func write(_ value: MetricValue) {
        switch value {
        case .number(let number): integer(number)
        case .word(let word): string(word)
        case .byWord(let counts):
            beginObject()
            for (word, count) in counts.sorted(by: { $0.key < $1.key }) {
                key(word)
                integer(count)
            }
            endObject()
        case .times(let count, let nanoseconds):
            beginObject()
            key("count")
            integer(count)
            key("seconds")
            double(Double(nanoseconds) / 1_000_000_000)
            endObject()
        }
    }
}
