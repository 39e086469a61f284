// LongPoll waits for the first event behind a cursor, and then is over: who waited looks at the history
// again and finds it there, or is told that his token counts no more. It keeps nothing of what it hears.

import Bytes
import Hub
import Jobs
import Loop
import Tokens

final class LongPoll: HTTPFollower {
    enum End { case lookAgain, revoked }

    let id: FollowerID
    let caller: Caller
    let grant: Grant
    let job: JobID
    private unowned let worker: Worker
    /// nil when it is over.
    private var whenOver: ((End) -> Void)?
    private var timer: TimerID?

    var isClosing: Bool { whenOver == nil }

    init(
        id: FollowerID, job: JobID, caller: Caller, grant: Grant, worker: Worker,
        _ whenOver: @escaping (End) -> Void
    ) {
        self.id = id
        (self.caller, self.grant) = (caller, grant)
        self.job = job
        self.worker = worker
        self.whenOver = whenOver
    }

    func start(_ wish: Wish, atMost: Duration) {
        timer = worker.loop.arm(self, after: atMost)
        worker.follow(job, by: self, wish)
    }

    /// Who waited has gone.
    func cancel() {
        whenOver = nil
        leave()
    }

    func welcome(_ welcome: Welcome) { readOn() }

    func resume(_ job: JobID) { readOn() }
    func left(_ departure: Departure) {}
    /// Who waited looks again when it is over.
    func review(_ job: JobID, _ belonging: Belonging) {}
    var hasCursor: Bool { true }

    func readOn() {
        while !isClosing {
            let (items, hasCaughtUp) = worker.hub.read(
                job, for: id, bytes: 1, at: worker.loop.now.nanoseconds)
            if items.contains(where: \.isNews) { return end() }
            if hasCaughtUp { return }
        }
    }

    var hasRoom: Bool { true }
    func fallBehind(on job: JobID) {}

    func deliver(_ blocks: [SharedBytes], count: Int) {
        if count > 0 { end() }
    }

    func notify(_ notice: SharedBytes) {}
    func drain() { end() }
    func revoke() { end(.revoked) }
    func disconnect() { end() }

    private func end(_ end: End = .lookAgain) {
        guard let whenOver else { return }
        self.whenOver = nil
        leave()
        whenOver(end)
    }

    private func leave() {
        guard let timer else { return }
        worker.loop.disarm(timer)
        self.timer = nil
        worker.unfollow(job, by: id)
        worker.forget(self)
    }
}

extension LongPoll: TimerTarget {
    func timerFired(_ id: TimerID) { end() }
}

extension Item {
    fileprivate var isNews: Bool {
        switch self {
        case .entry, .gap: true
        case .live: false
        }
    }
}
