// A subscription that is kept: connected, confirmed, proven alive, and made again for ever.
//
// Messages may be heard before `subscriberReady`, from patterns that already stand. Between
// `subscriberLost` and the next message there may be messages that nobody heard. While connected it
// keeps itself and its owner alive; `stop` ends that.

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
    /// After all that one read of the socket brought.
    func subscriberReadDone(_ subscriber: RedisSubscriber)
    /// Lost, or not reached at all: told after each try.
    func subscriberLost(_ subscriber: RedisSubscriber, _ fault: RedisFault)
    func subscriberRetrying(after delay: Duration)
}

public enum RedisState: String, Sendable {
    case stopped, connecting, greeting, open, ready, waiting
}

public final class RedisSubscriber {
    private let options: RedisOptions
    private let patterns: [String]
    private let channels: [String]
    private let wishes: [String]
    private weak var owner: (any RedisSubscriberOwner)?
    private let link: Link
    private var subscriptions: Subscriptions
    private var reader: PushReader?
    private var isReady = false
    /// Who answers, since it was last greeted; nil while not connected.
    public private(set) var server: RedisIdentity?

    /// A burst is read whole before others get their turn: Redis drops subscribers that lag.
    public static let readBudgetBytes = 1 << 20

    /// `wishes` are channels that it does without where the user may not hear them.
    public init(
        loop: Loop, address: RedisAddress, options: RedisOptions, patterns: [String],
        channels: [String] = [], wishes: [String] = [], owner: any RedisSubscriberOwner
    ) {
        precondition(!patterns.isEmpty || !channels.isEmpty, "a subscriber to nothing")
        self.options = options
        self.patterns = patterns
        self.channels = channels
        self.wishes = wishes
        self.owner = owner
        link = Link(
            loop: loop, address: address, options: options, readBudgetBytes: Self.readBudgetBytes)
        subscriptions = Subscriptions(patterns: patterns, channels: channels, wishes: wishes)
    }

    public func start() { link.start(owner: self) }

    /// Closes and stays closed. The owner hears nothing more, but for what the read holds that this
    /// may be called from.
    public func stop() { link.stop() }

    /// It looks alive and is not: begun again like one that was lost.
    public func distrust() { link.fail(.connectionLost("our own probe was not heard on it")) }

    public var state: RedisState { isReady ? .ready : link.state }
    /// What one of the wishes was refused for; nil where all are heard.
    public var refusedWish: RedisFault? { subscriptions.refusedWish }

    private func hear(_ notice: PushNotice) {
        guard case .open = link.phase else { return }
        let step = subscriptions.hear(notice)
        link.answered()
        switch step {
        case .more, .alive: break
        case .ready:
            isReady = true
            owner?.subscriberReady(self)
        case .refused(let fault): link.fail(fault)
        }
    }

    private func forget() {
        isReady = false
        server = nil
        reader = nil
    }
}

extension RedisSubscriber: LinkOwner {
    func linkOpened(_ server: RedisIdentity) {
        guard let owner else { return link.stop() }
        self.server = server
        subscriptions = Subscriptions(patterns: patterns, channels: channels, wishes: wishes)
        reader = PushReader(options: options, patterns: patterns) {
            [self] channel, pattern, payload in
            owner.subscriber(self, heard: channel, pattern: pattern, payload: payload)
        } notice: { [self] in
            hear($0)
        }
        for command in subscriptions.commands { link.send(command) }
    }

    func linkReceived(_ bytes: Span<UInt8>) throws(RedisFault) {
        defer { owner?.subscriberReadDone(self) }
        try reader?.feed(bytes)
    }

    func linkFellSilent() { link.send(RedisCommand.encoded("PING")) }

    func linkLost(_ fault: RedisFault, retryAfter delay: Duration) {
        forget()
        owner?.subscriberLost(self, fault)
        owner?.subscriberRetrying(after: delay)
    }

    func linkEnded() { forget() }
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
