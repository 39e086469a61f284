// A subscription that is kept: connected, confirmed, proven alive, and made again for ever.
//
// Messages may be heard before `subscriberReady`, from patterns that already stand. Between
// `subscriberLost` and the next message there may be messages that nobody heard. A subscription that is
// only silent is not lost: see `Succession`. While connected it keeps itself and its owner alive; `stop`
// ends that.
//
// Invariant: the owner hears one ear, and of its successor nothing before that took over.

import Bytes
import Loop

public protocol RedisSubscriberOwner: AnyObject {
    /// Every pattern and channel is confirmed, and each wish confirmed or refused. `subscriber.server`
    /// tells whom we are connected to.
    func subscriberReady(_ subscriber: RedisSubscriber)
    /// `pattern` is the index of the pattern that matched, nil for a plain channel. Both spans are
    /// only good during the call.
    func subscriber(
        _ subscriber: RedisSubscriber, heard channel: Span<UInt8>, pattern: Int?,
        payload: Span<UInt8>)
    /// Redis' answer to `subscribe(to:)` or `unsubscribe(from:)`.
    func subscriber(
        _ subscriber: RedisSubscriber, _ change: ChannelChange, of channel: String)
    /// It owes an answer and says nothing, or it speaks again: nothing is lost meanwhile. The silence of one
    /// that is given up ends with `subscriberLost`.
    func subscriber(_ subscriber: RedisSubscriber, isSilent: Bool)
    /// After all that one read of the socket brought.
    func subscriberReadDone(_ subscriber: RedisSubscriber)
    /// Lost, or not reached at all: told after each try.
    func subscriberLost(_ subscriber: RedisSubscriber, _ fault: RedisFault)
    func subscriberRetrying(after delay: Duration)
}

extension RedisSubscriberOwner {
    /// Most never ask for more, and some have time.
    public func subscriber(
        _ subscriber: RedisSubscriber, _ change: ChannelChange, of channel: String
    ) {}
    public func subscriber(_ subscriber: RedisSubscriber, isSilent: Bool) {}
}

public enum RedisState: String, Sendable {
    case stopped, connecting, greeting, open, ready, waiting
}

public final class RedisSubscriber {
    private let loop: Loop
    private let address: RedisAddress
    private let options: RedisOptions
    private let wanted: Wanted
    weak var owner: (any RedisSubscriberOwner)?
    private var ear: Ear
    private var successor: Ear?
    private var succession: Succession
    private var grace: TimerID?

    /// A burst is read whole before others get their turn: Redis drops subscribers that lag.
    public static let readBudgetBytes = 1 << 20

    /// `channels` are asked for at each connection, of the server that was found there. `wishes` are
    /// channels that it does without where the user may not hear them.
    public init(
        loop: Loop, address: RedisAddress, options: RedisOptions, patterns: [String],
        channels: @escaping (RedisIdentity) -> [String], wishes: [String] = [],
        owner: any RedisSubscriberOwner
    ) {
        (self.loop, self.address, self.options, self.owner) = (loop, address, options, owner)
        wanted = Wanted(patterns: patterns, channels: channels, wishes: wishes)
        ear = Ear(loop: loop, address: address, options: options, wanted: wanted, isHeard: true)
        succession = Succession(grace: options.successionGrace)
    }

    /// The same channels, whichever server it is.
    public convenience init(
        loop: Loop, address: RedisAddress, options: RedisOptions, patterns: [String],
        channels: [String] = [], wishes: [String] = [], owner: any RedisSubscriberOwner
    ) {
        self.init(
            loop: loop, address: address, options: options, patterns: patterns,
            channels: { _ in channels }, wishes: wishes, owner: owner)
    }

    public func start() { ear.start(for: self) }

    /// Closes and stays closed. The owner hears nothing more, but for what the read holds that this
    /// may be called from.
    public func stop() {
        carryOut(succession.stopped())
        ear.stop()
    }

    /// It looks alive and is not: begun again like one that was lost.
    public func distrust() { ear.fail(.connectionLost("our own probe was not heard on it")) }

    /// Somebody else reached Redis: whoever waits before the next try need not.
    public func retryNow() {
        ear.retryNow()
        successor?.retryNow()
    }

    /// Hears one channel more on a subscription that is ready, until it is lost; the owner is told when
    /// Redis has said yes or no. Does nothing on one that is not ready.
    public func subscribe(to channel: String) { ear.ask(.later(channel)) }

    /// Ends what `subscribe(to:)` began, in the same way.
    public func unsubscribe(from channel: String) { ear.ask(.leave(channel)) }

    public var state: RedisState { ear.state }
    /// Ready, but it owes an answer and says nothing: what it may hold comes later, or never.
    public var isSilent: Bool { ear.isSilent }
    /// Who answers, since it was last greeted; nil while not connected.
    public var server: RedisIdentity? { ear.server }
    /// What one of the wishes was refused for; nil where all are heard.
    public var refusedWish: RedisFault? { ear.refusedWish }

    private func carryOut(
        _ step: Succession.Step, because fault: RedisFault = .timedOut(.reply)
    ) {
        switch step {
        case .nothing: break
        case .connectSuccessor:
            successor = Ear(
                loop: loop, address: address, options: options, wanted: wanted, isHeard: false)
            successor?.start(for: self)
        case .waitOut(let time):
            disarm()
            grace = loop.arm(self, after: time)
        case .dropSuccessor:
            disarm()
            successor?.stop()
            successor = nil
        case .takeOver: takeOver(because: fault)
        }
    }

    private func takeOver(because fault: RedisFault) {
        guard let successor else { return }
        disarm()
        ear.isHeard = false
        ear.stop()
        (ear, self.successor) = (successor, nil)
        owner?.subscriberLost(self, fault)
        // The owner may have stopped it.
        ear.isHeard = true
        if ear.isReady { owner?.subscriberReady(self) }
    }

    private func disarm() {
        if let grace { loop.disarm(grace) }
        grace = nil
    }
}

/// What ears tell.
extension RedisSubscriber {
    func earReady(_ ear: Ear) {
        if ear === self.ear {
            owner?.subscriberReady(self)
        } else {
            carryOut(succession.successorStands(at: loop.now))
        }
    }

    func earHeard(_ change: ChannelChange, of channel: String) {
        owner?.subscriber(self, change, of: channel)
    }

    func earReadDone() { owner?.subscriberReadDone(self) }

    func earFellSilent(since heardAt: Instant) {
        carryOut(succession.fellSilent(since: heardAt, at: loop.now))
        owner?.subscriber(self, isSilent: true)
    }

    func earSpoke() {
        carryOut(succession.spoke())
        owner?.subscriber(self, isSilent: false)
    }

    func earLost(_ ear: Ear, _ fault: RedisFault, retryAfter delay: Duration) {
        guard ear === self.ear else { return succession.successorFell() }
        let step = succession.ended()
        guard step == .nothing else { return carryOut(step, because: fault) }
        owner?.subscriberLost(self, fault)
        owner?.subscriberRetrying(after: delay)
    }
}

extension RedisSubscriber: TimerTarget {
    public func timerFired(_ id: TimerID) {
        grace = nil
        carryOut(succession.graceEnded())
    }
}

extension Link {
    var state: RedisState {
        switch phase {
        case .stopped, .closing(nil): .stopped
        case .connecting: .connecting
        case .greeting: .greeting
        case .open: .open
        case .closing, .waiting: .waiting
        }
    }
}
