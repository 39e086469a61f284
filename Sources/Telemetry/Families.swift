// Name, type and help of each metric, and how its blocks become lines of Prometheus text.

struct MetricFamily: Sendable {
    let name: String
    let write: @Sendable (_ blocks: [MetricsBlock], _ text: inout String) -> Void
    let value: @Sendable (_ blocks: [MetricsBlock]) -> MetricValue
}

/// A metric as numbers, for who makes something else of it than text.
public enum MetricValue: Equatable, Sendable {
    case number(Int)
    /// Those that are not zero.
    case byWord([String: Int])
    case word(String)
    case times(count: Int, nanoseconds: Int)

    var isZero: Bool {
        switch self {
        case .number(let number): number == 0
        case .byWord(let counts): counts.isEmpty
        case .word: false
        case .times(let count, _): count == 0
        }
    }
}

extension Metrics {
    static let families: [MetricFamily] = [
        .gauge("jobwire_connections", "Client connections open now") { $0.connections.value },
        .counter("jobwire_connections_total", "Client connections accepted") {
            $0.connectionsTotal.value
        },
        .gauge("jobwire_websockets", "WebSockets open now") { $0.webSockets.value },
        .gauge("jobwire_event_streams", "Event streams open now") { $0.eventStreams.value },
        .gauge("jobwire_long_polls", "Requests that wait for an event now") { $0.longPolls.value },
        .gauge("jobwire_subscriptions", "Subscriptions of clients now") { $0.subscriptions.value },
        .counter("jobwire_messages_received_total", "WebSocket messages from clients") {
            $0.messagesIn.value
        },
        .counter("jobwire_messages_sent_total", "WebSocket messages to clients") {
            $0.messagesOut.value
        },
        .counter("jobwire_received_bytes_total", "Bytes read from clients") { $0.bytesIn.value },
        .counter("jobwire_sent_bytes_total", "Bytes written to clients") { $0.bytesOut.value },
        .labelled("jobwire_dropped_total", "Events that were not delivered") { $0.drops[$1] },
        .labelled("jobwire_closes_total", "WebSockets closed, by close code") { $0.closes[$1] },
        .labelled("jobwire_handshake_refusals_total", "Connections refused at their first request")
        {
            $0.handshakeRefusals[$1]
        },
        .labelled("jobwire_auth_refusals_total", "Tokens and rights refused") {
            $0.authRefusals[$1]
        },
        .labelled("jobwire_jwks_refreshes_total", "Key sets read, or not") { $0.jwksRefreshes[$1] },
        .gauge("jobwire_jwks_age_seconds", "Since the oldest key set was read or confirmed") {
            $0.jwksAge.value
        },
        .gauge("jobwire_revocations", "Revocations of tokens that count now") {
            $0.revocations.value
        },
        .gauge("jobwire_rights_awaited", "Who waits for a job to become theirs") {
            $0.rightsAwaited.value
        },
        .labelled("jobwire_rights_hook_asks_total", "Questions to the rights hook") {
            $0.hookAsks[$1]
        },
        .counter("jobwire_rights_hook_cache_hits_total", "Answers of it that were remembered") {
            $0.hookCacheHits.value
        },
        .histogram("jobwire_rights_hook_seconds", "How long the rights hook took") {
            $0.hookDuration.readings
        },
        .labelled("jobwire_message_refusals_total", "Client messages refused") {
            $0.messageRefusals[$1]
        },
        .counter("jobwire_rate_limited_total", "Clients stopped by a rate limit") {
            $0.rateLimited.value
        },
        .counter(
            "jobwire_forwarded_unreadable_total",
            "X-Forwarded-For of trusted proxies not understood"
        ) { $0.forwardedUnreadable.value },
        .labelled("jobwire_http_responses_total", "HTTP responses") { $0.responses[$1] },
        .counter("jobwire_events_heard_total", "Messages of workers heard from Redis") {
            $0.eventsHeard.value
        },
        .counter("jobwire_events_heard_bytes_total", "Bytes of messages of workers") {
            $0.eventBytesHeard.value
        },
        .labelled("jobwire_event_oddities_total", "Messages of workers that were not as agreed") {
            $0.oddities[$1]
        },
        .histogram(
            "jobwire_publish_to_write_seconds", "From reading an event to writing it to a socket"
        ) { $0.publishToWrite.readings },
        .counter("jobwire_replays_total", "Subscriptions that were given history") {
            $0.replays.value
        },
        .counter("jobwire_replayed_events_total", "Events sent from history") {
            $0.replayedEvents.value
        },
        .labelled("jobwire_gaps_total", "Gaps told to clients") { $0.gaps[$1] },
        .counter("jobwire_jobs_stalled_total", "Jobs that this bridge told to be stalled") {
            $0.jobsStalled.value
        },
        .gauge("jobwire_jobs", "Jobs kept in memory") { $0.jobs.value },
        .gauge("jobwire_history_bytes", "Bytes of history kept in memory") {
            $0.historyBytes.value
        },
        .state("jobwire_redis_subscriber_state", "1 for the state the subscriber is in") {
            $0.redisSubscriber.value
        },
        .state("jobwire_redis_commands_state", "1 for the state the command connection is in") {
            $0.redisCommands.value
        },
        .counter("jobwire_redis_reconnects_total", "Connections to Redis begun again") {
            $0.redisReconnects.value
        },
        .gauge("jobwire_updates_flow", "1 while what is published reaches clients, or 0") {
            $0.isFlowing.value
        },
        .histogram("jobwire_loop_lag_seconds", "How long one turn of an event loop took") {
            $0.loopLag.readings
        },
        .counter("jobwire_log_lines_lost_total", "Lines that standard error did not take") {
            $0.logLinesLost.value
        },
    ]
}

extension MetricFamily {
    static func counter(
        _ name: String, _ help: String, _ read: @escaping @Sendable (MetricsBlock) -> UInt64
    ) -> Self {
        Self(name: name) { blocks, text in
            writeHead(name, "counter", help, &text)
            text += "\(name) \(blocks.reduce(0) { $0 &+ read($1) })\n"
        } value: { blocks in
            .number(Int(clamping: blocks.reduce(0) { $0 &+ read($1) }))
        }
    }

    static func gauge(
        _ name: String, _ help: String, _ read: @escaping @Sendable (MetricsBlock) -> Int
    ) -> Self {
        Self(name: name) { blocks, text in
            writeHead(name, "gauge", help, &text)
            text += "\(name) \(blocks.reduce(0) { $0 &+ read($1) })\n"
        } value: { blocks in
            .number(blocks.reduce(0) { $0 &+ read($1) })
        }
    }

    static func labelled<Label: MetricLabel>(
        _ name: String, _ help: String, _ read: @escaping @Sendable (MetricsBlock, Label) -> UInt64
    ) -> Self {
        Self(name: name) { blocks, text in
            writeHead(name, "counter", help, &text)
            for label in Label.allCases {
                let sum = blocks.reduce(0) { $0 &+ read($1, label) }
                text += "\(name){\(Label.label)=\"\(label.word)\"} \(sum)\n"
            }
        } value: { blocks in
            var counts: [String: Int] = [:]
            for label in Label.allCases {
                let sum = blocks.reduce(0) { $0 &+ read($1, label) }
                if sum > 0 { counts[label.word] = Int(clamping: sum) }
            }
            return .byWord(counts)
        }
    }

    /// Loop 0 owns the connections to Redis that have a state, so its block alone is read.
    static func state(
        _ name: String, _ help: String, _ read: @escaping @Sendable (MetricsBlock) -> Int
    ) -> Self {
        Self(name: name) { blocks, text in
            writeHead(name, "gauge", help, &text)
            for state in RedisState.allCases {
                let isIn = read(blocks[0]) == state.rawValue
                text += "\(name){\(RedisState.label)=\"\(state.word)\"} \(isIn ? 1 : 0)\n"
            }
        } value: { blocks in
            .word(RedisState(rawValue: read(blocks[0]))?.word ?? "")
        }
    }

    static func histogram(
        _ name: String, _ help: String,
        _ read: @escaping @Sendable (MetricsBlock) -> Histogram.Readings
    ) -> Self {
        Self(name: name) { blocks, text in
            writeHead(name, "histogram", help, &text)
            let all = blocks.map(read)
            var count: UInt64 = 0
            for index in 0...Histogram.bounds.count {
                count = all.reduce(count) { $0 &+ $1.buckets[index] }
                let bound =
                    index == Histogram.bounds.count
                    ? "+Inf" : seconds(UInt64(Histogram.bounds[index]))
                text += "\(name)_bucket{le=\"\(bound)\"} \(count)\n"
            }
            text += "\(name)_sum \(seconds(all.reduce(0) { $0 &+ $1.sumNanoseconds }))\n"
            text += "\(name)_count \(count)\n"
        } value: { blocks in
            let all = blocks.map(read)
            return .times(
                count: Int(clamping: all.reduce(0) { $0 &+ $1.buckets.reduce(0, &+) }),
                nanoseconds: Int(clamping: all.reduce(0) { $0 &+ $1.sumNanoseconds }))
        }
    }
}

extension Histogram {
    struct Readings {
        let buckets: [UInt64]
        let sumNanoseconds: UInt64
    }

    var readings: Readings {
        var buckets: [UInt64] = []
        for index in 0...Self.bounds.count { buckets.append(bucket(index)) }
        return Readings(buckets: buckets, sumNanoseconds: sumNanoseconds)
    }
}

func writeHead(_ name: String, _ type: String, _ help: String, _ text: inout String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
}

/// Exact in decimal, so that bounds read `0.00025` and not `0.00025000000000000001`.
private func seconds(_ nanoseconds: UInt64) -> String {
    let rest = String(nanoseconds % 1_000_000_000)
    let fraction = String(repeating: "0", count: 9 - rest.count) + rest
    let digits = fraction.reversed().drop { $0 == "0" }.reversed()
    return "\(nanoseconds / 1_000_000_000)" + (digits.isEmpty ? "" : "." + String(digits))
}
