// The connections of a recorded feed: what they say goes to the recorder, and what it wants of them is done.
//
// Neither connection counts before it is known which server it is at: two servers have two orders.

import Bytes
import Loop
import Redis

extension RecordedFeed: RedisSubscriberOwner {
    public func subscriberReady(_ subscriber: RedisSubscriber) {
        tell(.redisReady)
        commands?.retryNow()
        let mayHear = subscriber.refusedWish == nil
        if probe.mayHear, !mayHear { tell(.mayNotProbe) }
        probe.mayHear = mayHear
        if probe.canProve { sendProbe() } else { prove(true) }
        guard let runID = subscriber.server?.runID else { return tell(.recording(.noRunID)) }
        recorder.subscriptionReady(runID: runID)
        followed.checkAll()
        advance()
    }

    /// What was published meanwhile is still to come, so recording goes on where it stood.
    public func subscriber(_ subscriber: RedisSubscriber, isSilent: Bool) {
        guard !isSilent else {
            prove(false)
            return tell(.redisLost(.timedOut(.reply)))
        }
        watchAnew()
        tell(.redisReady)
        if probe.canProve { sendProbe() } else { prove(true) }
    }

    public func subscriber(
        _ subscriber: RedisSubscriber, heard channel: Span<UInt8>, pattern: Int?,
        payload: Span<UInt8>
    ) {
        if let pattern { return hear(payload, on: channel, pattern: pattern) }
        if channel.reads(calls.stamped) {
            hearStamped(payload)
        } else if channel.reads(calls.control) {
            hearControl(payload)
        } else if probe.isOurs(payload) {
            prove(true)
        }
    }

    public func subscriberReadDone(_ subscriber: RedisSubscriber) {
        advance()
        tell(.caughtUp)
    }

    public func subscriberLost(_ subscriber: RedisSubscriber, _ fault: RedisFault) {
        recorder.subscriptionLost()
        prove(false)
        tell(.redisLost(fault))
        advance()
    }

    public func subscriberRetrying(after pause: Duration) { tell(.redisRetrying(after: pause)) }

    func reconnectSubscription() {
        subscriber?.stop()
        recorder.subscriptionLost()
        prove(false)
        tell(.redisLost(.stopped))
        subscribeAgainAt = loop.now + Self.reconnectPause
    }
}

extension RecordedFeed: RedisCommandsOwner {
    public func commandsReady(_ commands: RedisCommands) {
        tell(.commandsReady)
        subscriber?.retryNow()
        sendProbe()
        guard let server = commands.server, let runID = server.runID else {
            return tell(.recording(.noRunID))
        }
        guard server.role != .replica else {
            tell(.recording(.replica))
            return reconnectCommands()
        }
        // What follows in the pipeline finds the script there. Where it may not be loaded this way,
        // the first call brings it along.
        commands.send([Array("SCRIPT".utf8), Array("LOAD".utf8), ScriptCalls.script.source]) { _ in
        }
        recorder.commandsReady(runID: runID)
        resendPosts()
        advance()
    }

    public func commandsLost(_ commands: RedisCommands, _ fault: RedisFault) {
        recorder.commandsLost()
        tell(.commandsLost(fault))
    }

    public func commandsRetrying(after delay: Duration) {}

    func reconnectCommands() {
        commands?.stop()
        recorder.commandsLost()
        tell(.commandsLost(.stopped))
        connectAgainAt = loop.now + Self.reconnectPause
    }

    /// Long enough for a name or a proxy to point to the server that is meant.
    private static let reconnectPause: Duration = .milliseconds(500)
}

extension RecordedFeed: TimerTarget {
    public func timerFired(_ id: TimerID) {
        _ = loop.arm(self, after: Self.beat)
        if let due = subscribeAgainAt, loop.now >= due {
            subscribeAgainAt = nil
            subscriber?.start()
        }
        if let due = connectAgainAt, loop.now >= due {
            connectAgainAt = nil
            commands?.start()
        }
        endLatePosts()
        if loop.now - probedAt >= probeInterval {
            probedAt = loop.now
            proveNow()
        }
        advance()
    }

    private func proveNow() {
        guard subscriber?.state == .ready else { return }
        if probe.canProve {
            if !probe.intervalPassed() {
                prove(false)
                // Each time: a subscription that came back meanwhile has said that all is well.
                standsStill = true
                tell(.recording(.standsStill(true)))
            }
            sendProbe()
        } else {
            // The subscriber's own PING has been answered, or it is silent.
            prove(subscriber?.isSilent == false)
        }
    }

    private func sendProbe() {
        guard probe.canProve, let commands, commands.state == .ready, subscriber?.state == .ready
        else { return }
        commands.send(probe.command) { [weak self] answer in
            guard let self, case .success(.error(let text)) = answer, text.hasPrefix("NOPERM")
            else { return }
            if probe.mayPublish { tell(.mayNotProbe) }
            probe.mayPublish = false
            prove(true)
        }
    }

    private func prove(_ isProven: Bool) {
        guard isProven != self.isProven else { return }
        self.isProven = isProven
        tell(.proven(isProven))
        guard isProven, standsStill else { return }
        standsStill = false
        tell(.recording(.standsStill(false)))
    }
}
