// Drain sends everybody away before a restart: no new connections, then the open ones in batches over
// half of the grace, so that they do not all knock at the next bridge in one instant.

import Loop

final class Drain: TimerTarget {
    static let batches = 20

    private unowned let worker: Worker
    private let endsAt: Instant
    private let pause: Duration
    private let batchSize: Int

    init(_ worker: Worker) {
        self.worker = worker
        let grace = worker.settings.drainGrace
        endsAt = worker.loop.now + grace
        pause = grace / (2 * Self.batches)
        batchSize = max(1, (worker.sessionCount + Self.batches - 1) / Self.batches)
        step()
    }

    func timerFired(_ id: TimerID) { step() }

    private func step() {
        let isOver = worker.loop.now >= endsAt
        let someAreLeft = worker.closeSessions(atMost: isOver ? .max : batchSize)
        guard someAreLeft || worker.mustOutlast, !isOver else { return worker.stop() }
        _ = worker.loop.arm(self, after: pause)
    }
}

extension Worker {
    /// Closes so many of the sessions that are left; false when none is.
    func closeSessions(atMost count: Int) -> Bool {
        var left = count
        for case let session? in sessions where !session.isClosing {
            guard left > 0 else { return true }
            session.close(.draining)
            left -= 1
        }
        for follower in httpFollowers.values where !follower.isClosing {
            guard left > 0 else { return true }
            follower.drain()
            left -= 1
        }
        return sessionCount > 0 || !visitors.isEmpty
    }
}
