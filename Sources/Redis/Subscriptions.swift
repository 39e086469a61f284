// What a subscriber asks for, and when all of it stands. Pure.
//
// Each pattern and channel is asked for by a command of its own, so that a refusal shows which it
// was. Redis answers in order. Wishes come last: a user who lacks the right to one does without.
// Invariant: the first `answered` of `wanted` stand, but for wishes that were refused.

import Bytes

struct Subscriptions {
    enum Step: Equatable { case more, ready, alive, refused(RedisFault) }

    let wanted: [Subscription]
    private let needed: Int
    private var answered = 0
    /// The right that a wish lacked.
    private(set) var refusedWish: RedisFault?

    init(patterns: [String], channels: [String], wishes: [String] = []) {
        wanted =
            patterns.map(Subscription.pattern) + (channels + wishes).map(Subscription.channel)
        needed = wanted.count - wishes.count
    }

    var commands: [SharedBytes] {
        wanted.map {
            switch $0 {
            case .pattern(let name): RedisCommand.encoded("PSUBSCRIBE", name)
            case .channel(let name): RedisCommand.encoded("SUBSCRIBE", name)
            }
        }
    }

    mutating func hear(_ notice: PushNotice) -> Step {
        switch notice {
        case .pong where answered == wanted.count: return .alive
        case .confirmed(let subscription) where isNext(subscription): return next()
        case .error(let text):
            let fault = RedisFault(answer: text, needing: rules(for: text))
            guard case .noPermission = fault, (needed..<wanted.count).contains(answered) else {
                return .refused(fault)
            }
            refusedWish = fault
            return next()
        case .pong, .confirmed: return .refused(.protocolBroken("a push nobody asked for"))
        }
    }

    private mutating func next() -> Step {
        answered += 1
        return answered == wanted.count ? .ready : .more
    }

    private func isNext(_ subscription: Subscription) -> Bool {
        answered < wanted.count && wanted[answered] == subscription
    }

    /// Redis refuses either the command or the channel. A pattern must be allowed letter by letter:
    /// `&job:*` does not allow `job:*:updates`.
    private func rules(for text: String) -> String {
        guard answered < wanted.count else { return "+ping" }
        let wantsChannel = text.contains("channel")
        return switch wanted[answered] {
        case .pattern(let name): wantsChannel ? "&\(name)" : "+psubscribe"
        case .channel(let name): wantsChannel ? "&\(name)" : "+subscribe"
        }
    }
}
