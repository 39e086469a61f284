// Silence tells a running job that has said nothing for long: it gets the event `stalled`, numbered and
// kept like any other, and the next event of any kind has it run again (SnapshotChange.swift).
//
// Silence is only what was listened to: nothing is told before everything has been heard, without a break,
// for as long as a job may be silent. Sweeps look at so many jobs, at times of chance.

import Jobs
import Loop

final class Silence {
    /// Words for jobs that nobody works on, and that may be silent for as long as they like.
    static let idle = [
        "queued", "unknown", "pending", "waiting", "scheduled", "delayed", "paused", "stalled",
    ]
    /// Jobs looked at by one sweep in Redis, or in memory.
    static let listedLooksMax = 64
    static let keptLooksMax = 4_096

    /// nil where jobs may be silent for ever.
    let silentMax: Duration?
    private var reader = EventReader()
    private let loop: Loop
    private var heardAllSince: Instant?
    private var sweep: () -> Void = {}

    init(loop: Loop, silentMax: Duration) {
        self.loop = loop
        self.silentMax = silentMax > .zero ? silentMax : nil
    }

    func start(_ sweep: @escaping () -> Void) {
        guard silentMax != nil else { return }
        self.sweep = sweep
        sweepLater(hasMore: false)
    }

    /// Whether at this moment whatever is published is heard.
    func hears(_ everything: Bool) {
        if !everything {
            heardAllSince = nil
        } else if heardAllSince == nil {
            heardAllSince = loop.now
        }
    }

    /// Jobs silent since then are stalled; nil where it can't be known.
    var silentSince: Instant? {
        guard let silentMax, let heardAllSince, loop.now - heardAllSince >= silentMax else {
            return nil
        }
        return Instant(nanoseconds: loop.now.nanoseconds - silentMax.nanoseconds)
    }

    static func mayStall(_ snapshot: Snapshot) -> Bool {
        snapshot.finishedAt == nil && !idle.contains(snapshot.status.lowercased())
    }

    func event(at now: WallTime) -> PreparedEvent {
        let seconds = (silentMax ?? .zero) / .seconds(1)
        let text = #"{"type":"status","data":{"status":"stalled","silent_seconds":\#(seconds)}}"#
        return reader.read(Array(text.utf8).span, heardAt: now)
    }

    func sweepLater(hasMore: Bool) {
        guard let silentMax else { return }
        let usual = min(max(silentMax / 8, .milliseconds(50)), .seconds(1))
        _ = loop.arm(
            self, after: (hasMore ? .milliseconds(50) : usual) * Double.random(in: 0.75...1.25))
    }
}

extension Silence: TimerTarget {
    func timerFired(_ id: TimerID) { sweep() }
}
