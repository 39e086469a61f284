// The connections of a recorded feed: what they say goes to the recorder, and what it wants of them is done.
//
// Neither connection counts before it is known which primary it is at: two primaries have two orders. A replica
// is left at once: it hears only what its primary sends on, and can't record.

import Bytes
import Loop
import Redis

extension RecordedFeed: RedisSubscriberOwner {
    public func subscriberReady(_ subscriber: RedisSubscriber) {
        tell(.redisReady)
        commands?.retryNow()
        guard let server = subscriber.server, let reign = server.reign else {
            return tell(.recording(.noRunID))
        }
        guard server.role != .replica else { return leaveReplica() }
        let names = calls.names
        channels = (names.stamped(in: reign), names.control(in: reign))
        recorder.subscriptionReady(reign: reign, at: loop.now)
        followed.checkAll()
        advance()
    }

    /// What was published meanwhile is still to come, so recording goes on where it stood.
    public func subscriber(_ subscriber: RedisSubscriber, isSilent: Bool) {
        guard !isSilent else { return tell(.redisLost(.timedOut(.reply))) }
        watchAnew()
        tell(.redisReady)
    }

    public func subscriber(
        _ subscriber: RedisSubscriber, heard channel: Span<UInt8>, pattern: Int?,
        payload: Span<UInt8>
    ) {
        if let pattern { return hear(payload, on: channel, pattern: pattern) }
        if channel.reads(channels.stamped) {
            hearStamped(payload)
        } else if channel.reads(channels.control) {
            hearControl(payload)
        }
    }

    public func subscriber(
        _ subscriber: RedisSubscriber, _ change: ChannelChange, of channel: String
    ) {
        guard let asked = recorder.presence.asked, channel == self.channel(of: asked.place) else {
            return
        }
        switch change {
        case .subscribed, .unsubscribed: recorder.presenceConfirmed()
        case .refused(let fault): reconnectSubscription(fault)
        }
        advance()
    }

    public func subscriberReadDone(_ subscriber: RedisSubscriber) {
        advance()
        tell(.caughtUp)
    }

    public func subscriberLost(_ subscriber: RedisSubscriber, _ fault: RedisFault) {
        recorder.subscriptionLost()
        beginsUntil = loop.now
        tell(.redisLost(fault))
        advance()
    }

    public func subscriberRetrying(after pause: Duration) { tell(.redisRetrying(after: pause)) }

    func channel(of place: Place) -> String? {
        subscriber?.server?.reign.map {
            switch place {
            case .there: calls.names.present(in: $0)
            case .claim(let era): calls.names.claim(era, in: $0)
            }
        }
    }

    func reconnectSubscription(_ fault: RedisFault = .stopped) {
        subscriber?.stop()
        recorder.subscriptionLost()
        tell(.redisLost(fault))
        subscribeAgainAt = loop.now + Self.reconnectPause
    }
}

extension RecordedFeed: RedisCommandsOwner {
    public func commandsReady(_ commands: RedisCommands) {
        tell(.commandsReady)
        subscriber?.retryNow()
        guard let server = commands.server, let reign = server.reign else {
            return tell(.recording(.noRunID))
        }
        guard server.role != .replica else { return leaveReplica() }
        // What follows in the pipeline finds the script there. Where it may not be loaded this way,
        // the first call brings it along.
        commands.send([Array("SCRIPT".utf8), Array("LOAD".utf8), ScriptCalls.script.source]) { _ in
        }
        recorder.commandsReady(reign: reign)
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

    /// The primary that is meant may be elsewhere by now.
    func leaveReplica() {
        guard subscribeAgainAt == nil || connectAgainAt == nil else { return }
        tell(.recording(.replica))
        reconnectSubscription()
        reconnectCommands()
    }

    /// Long enough for a name or a proxy to point to the server that is meant.
    private static let reconnectPause: Duration = .milliseconds(250)
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
        advance()
    }
}
