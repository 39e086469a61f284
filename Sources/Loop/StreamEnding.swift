// How a stream ends: by its owner, its peer, an error or a deadline. All ways lead through `end`.

extension Stream {
    func arm(after delay: Duration) {
        disarm()
        timer = loop.arm(StreamDeadline(self), after: delay)
    }

    func disarm() {
        if let timer { loop.disarm(timer) }
        timer = nil
    }

    func deadlinePassed() {
        timer = nil
        switch phase {
        case .connecting where connector?.triesAnother() == true: break
        case .connecting, .handshaking, .finishing: end(.timedOut)
        case .lingering: end(.closedByUs)
        case .open, .ending, .closed: break
        }
    }

    /// Frees all that is held. The owner is told at the end of the tick.
    func end(_ end: StreamEnd) {
        guard phase != .closed else { return }
        phase = .closed
        disarm()
        if let token { loop.poller.release(token) }
        token = nil
        tls = nil
        descriptor = .none
        connector = nil
        outbox.drop()
        unread = []
        stalledSince = nil
        loop.ended.append((self, end))
    }

    func tellOwner(_ end: StreamEnd) {
        let told = owner
        owner = nil
        told?.streamClosed(self, end)
    }
}

/// The wheel's handle on a stream, there only while a deadline runs.
private final class StreamDeadline: TimerTarget {
    private let stream: Stream
    init(_ stream: Stream) { self.stream = stream }
    func timerFired(_ id: TimerID) { stream.deadlinePassed() }
}
