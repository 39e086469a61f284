// What recording in Redis says of itself, for the log.

import Feed
import Jobs
import Loop
import Synchronization
import Telemetry

extension Worker {
    /// So many writes take much longer than Redis takes to record what is on its way.
    private static let deliveriesHeldMin = 256

    /// A large delivery waits, once, for events that are being recorded right now: then both go out in one
    /// write to each client, and a write is what costs. The next tick, whatever brings it, delivers.
    func drainHub() {
        hasHeldDelivery =
            !hasHeldDelivery && feed?.isAwaitingEvents == true
            && hub.deliveriesDue >= Self.deliveriesHeldMin
        guard !hasHeldDelivery else { return }
        hub.drain(at: loop.now.nanoseconds, deliver, welcome: welcome)
    }

    func hear(recording news: RecordingNews) {
        switch news {
        case .aligned(true): log.info("recording")
        case .aligned(false): log.info("recording_paused")
        case .openedOverSilence:
            warn(
                "opened_over_silence",
                ["what_to_do": "look for a bridge that is connected to Redis and stands still"])
        case .overflowed:
            warn(
                "record_queue_full",
                ["what_to_do": "is Redis slow or full? see record-queue-bytes-max"])
        case .otherPatterns:
            warn(
                "other_patterns",
                [
                    "what_to_do":
                        "stop the bridges with other patterns and this one takes over, or give them a key-prefix"
                ])
        case .noRunID:
            warn("recording_needs_info", ["what_to_do": "ACL SETUSER <user> +info"])
        case .replica:
            warn("redis_is_a_replica", ["what_to_do": "let redis-url name the primary"])
        case .refused(let text): warn("script_refused", ["why": .word(text)])
        case .unreadable(let job):
            warn("unreadable_history", ["job": .word(job), "why": "a key of it has a wrong type"])
        case .strange: warn("strange_message", ["on": "our own channels"])
        }
    }

    /// A Redis that is there and brings nothing is as good as none, and clients must not wait in silence.
    func hear(_ flow: Flow) {
        house.flow.store(flow, ordering: .relaxed)
        metrics.isFlowing.set(flow == .flows ? 1 : 0)
        if flow == .flows {
            log.info("updates_flow")
        } else {
            warn("updates_stand_still", ["why": .text(flow.word)])
        }
        if (flow == .flows) == isRedisLost {
            isRedisLost.toggle()
            house.postToAll(.redis(isRedisLost ? .lost : .back))
        }
    }

    func warn(_ event: StaticString, _ fields: @autoclosure () -> Log.Fields) {
        throttledLog.line(.warning, event, at: loop.now.milliseconds, fields())
    }
}
