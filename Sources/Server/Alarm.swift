// Alarm sees to it that a tick begins at a certain time. What is due then the tick finds by itself.

import Loop

final class Alarm: TimerTarget {
    private unowned let loop: Loop
    private var armed: (timer: TimerID, time: Int64)?

    init(_ loop: Loop) { self.loop = loop }

    /// Where it is set to an earlier time it stays: then the one who asks will ask again.
    func set(to time: Int64) {
        if let armed {
            guard time < armed.time else { return }
            loop.disarm(armed.timer)
        }
        let wait = max(time - Instant.now().nanoseconds, 0)
        armed = (loop.arm(self, after: .nanoseconds(wait)), time)
    }

    func timerFired(_ id: TimerID) { armed = nil }
}
