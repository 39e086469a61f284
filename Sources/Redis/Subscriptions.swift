// What a subscriber asks for, and when all of it stands. Pure.
//
// Each pattern and channel is asked for by a command of its own, so that a refusal shows which it
// was. Redis answers in order. Invariant: the first `confirmed` of `wanted` stand.

import Bytes

struct Subscriptions {
    enum Step: Equatable { case more, ready, alive, refused(RedisFault) }

    let wanted: [Subscription]
    private var confirmed = 0

    init(patterns: [String], channels: [String]) {
        wanted = patterns.map(Subscription.pattern) + channels.map(Subscription.channel)
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
        case .pong where confirmed == wanted.count: return .alive
        case .confirmed(let subscription) where isNext(subscription):
            confirmed += 1
            return confirmed == wanted.count ? .ready : .more
        case .error(let text): return .refused(RedisFault(answer: text, needing: rules(for: text)))
        case .pong, .confirmed: return .refused(.protocolBroken("a push nobody asked for"))
        }
    }

    private func isNext(_ subscription: Subscription) -> Bool {
        confirmed < wanted.count && wanted[confirmed] == subscription
    }

    /// Redis refuses either the command or the channel. A pattern must be allowed letter by letter:
    /// `&job:*` does not allow `job:*:updates`.
    private func rules(for text: String) -> String {
        guard confirmed < wanted.count else { return "+ping" }
        let wantsChannel = text.contains("channel")
        return switch wanted[confirmed] {
        case .pattern(let name): wantsChannel ? "&\(name)" : "+psubscribe"
        case .channel(let name): wantsChannel ? "&\(name)" : "+subscribe"
        }
    }
}
