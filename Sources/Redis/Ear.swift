// An ear is one connection of a subscriber: greeted, asked for all that is wanted, and then read. There is
// one, and while it is silent its successor beside it.
//
// Invariant: what it hears is handed on only while it `isHeard`; it `isReady` exactly while all that was
// asked for from the beginning stands. While it is open it keeps its subscriber and the owner alive.

import Bytes
import Loop

/// What is asked for on each connection.
struct Wanted {
    let patterns: [String]
    let channels: (RedisIdentity) -> [String]
    let wishes: [String]
}

final class Ear {
    private let options: RedisOptions
    private let wanted: Wanted
    private let link: Link
    private weak var subscriber: RedisSubscriber?
    private var subscriptions = Subscriptions(patterns: [], channels: [])
    private var reader: PushReader?
    var isHeard: Bool
    private(set) var isReady = false
    /// It owes an answer, and nothing comes.
    private(set) var isSilent = false
    private(set) var server: RedisIdentity?

    init(
        loop: Loop, address: RedisAddress, options: RedisOptions, wanted: Wanted, isHeard: Bool
    ) {
        (self.options, self.wanted, self.isHeard) = (options, wanted, isHeard)
        link = Link(
            loop: loop, address: address, options: options,
            readBudgetBytes: RedisSubscriber.readBudgetBytes)
    }

    func start(for subscriber: RedisSubscriber) {
        self.subscriber = subscriber
        link.start(owner: self)
    }

    func stop() {
        (isReady, isSilent) = (false, false)
        link.stop()
    }

    func fail(_ fault: RedisFault) { link.fail(fault) }
    func retryNow() { link.retryNow() }

    var state: RedisState { isReady ? .ready : link.state }
    var refusedWish: RedisFault? { subscriptions.refusedWish }

    /// Asks more where all stands.
    func ask(_ question: Subscriptions.Question) {
        guard isReady, case .open = link.phase else { return }
        guard let command = subscriptions.ask(question) else { return link.fail(.overflow) }
        link.send(command)
    }

    private func hear(_ notice: PushNotice) {
        guard case .open = link.phase else { return }
        let step = subscriptions.hear(notice)
        link.answered()
        switch step {
        case .more, .alive: break
        case .ready:
            isReady = true
            subscriber?.earReady(self)
        case .changed(let channel, let change):
            if isHeard { subscriber?.earHeard(change, of: channel) }
        case .refused(let fault): link.fail(fault)
        }
    }

    private func forget() {
        (isReady, isSilent, server, reader) = (false, false, nil, nil)
    }
}

extension Ear: LinkOwner {
    func linkOpened(_ server: RedisIdentity) {
        guard let subscriber, let owner = subscriber.owner else { return link.stop() }
        self.server = server
        let channels = wanted.channels(server)
        precondition(!wanted.patterns.isEmpty || !channels.isEmpty, "a subscriber to nothing")
        subscriptions = Subscriptions(
            patterns: wanted.patterns, channels: channels, wishes: wanted.wishes)
        reader = PushReader(options: options, patterns: wanted.patterns) {
            [self] channel, pattern, payload in
            guard isHeard else { return }
            owner.subscriber(subscriber, heard: channel, pattern: pattern, payload: payload)
        } notice: { [self] in
            hear($0)
        }
        for command in subscriptions.commands { link.send(command) }
    }

    func linkReceived(_ bytes: Span<UInt8>) throws(RedisFault) {
        if isSilent {
            isSilent = false
            subscriber?.earSpoke()
        }
        defer { if isHeard { subscriber?.earReadDone() } }
        try reader?.feed(bytes)
    }

    func linkFellQuiet() { ask(.ping) }

    func linkFellSilent(since heardAt: Instant) {
        guard isReady, isHeard else { return link.fail(.timedOut(.reply)) }
        guard !isSilent else { return }
        isSilent = true
        subscriber?.earFellSilent(since: heardAt)
    }

    func linkLost(_ fault: RedisFault, retryAfter delay: Duration) {
        forget()
        subscriber?.earLost(self, fault, retryAfter: delay)
    }

    func linkEnded() { forget() }
}
