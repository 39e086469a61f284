// What the feed says of Redis: the log, the metrics, readiness, and a word to every client.

import Feed
import Jobs
import Loop
import Redis
import Synchronization
import Telemetry

extension Worker {
    func hear(status news: FeedNews) {
        let now = loop.now.milliseconds
        switch news {
        case .redisReady:
            metrics.set(redisSubscriber: .ready)
            log.info("redis_ready")
        case .redisLost(let fault):
            metrics.set(redisSubscriber: .waiting)
            metrics.redisReconnects.add()
            throttledLog.line(
                .warning, "redis_lost", at: now, ["fault": .text(fault.name), "why": .word(fault)])
        case .flow(let flow): hear(flow)
        case .redisRetrying(let delay):
            log.debug("redis_retrying", ["after_ms": .duration(delay)])
        case .commandsLost(let fault):
            metrics.set(redisCommands: .waiting)
            log.debug("redis_commands_lost", ["fault": .text(fault.name)])
        case .commandsReady: metrics.set(redisCommands: .ready)
        case .mayNotProbe:
            log.info("probe_not_allowed", ["instead": "PING on the subscription"])
        case .odd(let oddities, let job):
            for oddity in EventOddity.allCases where oddities.contains(oddity) {
                metrics.oddities.add(Oddity(oddity))
                if oddity == .oversized { metrics.drops.add(.oversized) }
                throttledLog.line(
                    .warning, "odd_event", at: now,
                    ["job": .word(job), "oddity": .text(oddity.rawValue)])
            }
        case .refusedChannel(let fault):
            metrics.drops.add(.badJobID)
            throttledLog.line(.warning, "bad_channel", at: now, ["why": .text(fault.message)])
        case .nameless(let fault):
            metrics.drops.add(.nameless)
            throttledLog.line(.warning, "nameless_event", at: now, ["why": .text(fault.message)])
        case .recording(let news): hear(recording: news)
        case .stalled(let count):
            metrics.jobsStalled.add(count)
            log.info("jobs_stalled", ["jobs": .integer(count)])
        case .update, .opened, .active, .caughtUp: break
        }
    }

    /// After each tick: what the feed counted, for the metrics.
    func countHeard() {
        guard let feed else { return }
        let heard = feed.takeHeard()
        metrics.eventsHeard.add(heard.events)
        metrics.eventBytesHeard.add(heard.bytes)
        metrics.jobs.set(feed.jobCount)
        metrics.historyBytes.set(feed.historyBytes)
    }
}
