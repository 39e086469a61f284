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
        case .aligned(true):
            log.info("recording")
            canRecord(true)
        case .aligned(false): log.info("recording_paused")
        case .overflowed:
            warn(
                "record_queue_full",
                ["what_to_do": "is Redis slow or full? see record-queue-bytes-max"])
        case .otherPatterns:
            warn(
                "other_patterns",
                ["what_to_do": "give all bridges of this Redis the same patterns, or key-prefixes"])
        case .noRunID:
            canRecord(false)
            warn("recording_needs_info", ["what_to_do": "ACL SETUSER <user> +info"])
        case .replica:
            canRecord(false)
            warn("redis_is_a_replica", ["what_to_do": "let redis-url name the primary"])
        case .standsStill(let standsStill):
            canRecord(!standsStill)
            if standsStill {
                warn(
                    "recording_stands_still", ["what_to_do": "jobwire doctor asks what ails Redis"])
            }
        case .refused(let text): warn("script_refused", ["why": .word(text)])
        case .unreadable(let job):
            warn("unreadable_history", ["job": .word(job), "why": "a key of it has a wrong type"])
        case .strange: warn("strange_message", ["on": "our own channels"])
        }
    }

    /// A Redis that hears us and can't record is as good as none, and clients must not wait in silence.
    private func canRecord(_ canRecord: Bool) {
        house.isRedisReady.store(canRecord, ordering: .relaxed)
        if isRedisLost == canRecord { house.postToAll(.redis(canRecord ? .back : .lost)) }
        isRedisLost = !canRecord
    }

    func warn(_ event: StaticString, _ fields: @autoclosure () -> Log.Fields) {
        throttledLog.line(.warning, event, at: loop.now.milliseconds, fields())
    }
}
