// What a subscriber asks on one connection, and what the answers mean. Pure.
//
// Each pattern and channel is asked for by a command of its own, and Redis answers in order: so each
// answer belongs to the question that was asked first, and a refusal shows which one it was. Wishes come
// last: a user that lacks the right to one does without. Once all of it stands, a subscriber may ask for
// more, leave it again, and ask whether Redis lives: then any answer says so, also an error.
//
// Invariant: `unanswered` are the questions whose answers are still to come, in this order; what nobody
// asked breaks the protocol.

import Bytes

/// What became of a channel that was asked for, or left, on a subscription that stood.
public enum ChannelChange: Equatable, Sendable {
    case subscribed, unsubscribed, refused(RedisFault)
}

struct Subscriptions {
    enum Question: Equatable {
        case need(Subscription), wish(String)
        case later(String), leave(String)
        case ping
    }

    enum Step: Equatable {
        case more, ready, alive, refused(RedisFault)
        case changed(String, ChannelChange)
    }

    private(set) var unanswered: [Question]
    /// The right that a wish lacked.
    private(set) var refusedWish: RedisFault?

    /// Nobody needs more; a subscriber whose Redis does not answer must not pile them up.
    static let unansweredMax = 64

    init(patterns: [String], channels: [String], wishes: [String] = []) {
        unanswered =
            patterns.map { .need(.pattern($0)) } + channels.map { .need(.channel($0)) }
            + wishes.map { .wish($0) }
    }

    /// What is asked from the beginning.
    var commands: [SharedBytes] { unanswered.map(\.command) }

    /// Asks more on a subscription that stands; nil where too much is unanswered already.
    mutating func ask(_ question: Question) -> SharedBytes? {
        guard unanswered.count < Self.unansweredMax else { return nil }
        unanswered.append(question)
        return question.command
    }

    mutating func hear(_ notice: PushNotice) -> Step {
        guard let question = unanswered.first else { return Self.unasked }
        if notice == question.answer {
            unanswered.removeFirst()
            return isAnswered(question)
        }
        guard case .error(let text) = notice else { return Self.unasked }
        unanswered.removeFirst()
        return isRefused(question, RedisFault(answer: text, needing: question.rules(for: text)))
    }

    private func isAnswered(_ question: Question) -> Step {
        switch question {
        case .need, .wish: beginning
        case .later(let name): .changed(name, .subscribed)
        case .leave(let name): .changed(name, .unsubscribed)
        case .ping: .alive
        }
    }

    private mutating func isRefused(_ question: Question, _ fault: RedisFault) -> Step {
        switch question {
        case .need: return .refused(fault)
        case .wish:
            guard case .noPermission = fault else { return .refused(fault) }
            refusedWish = fault
            return beginning
        case .later(let name), .leave(let name): return .changed(name, .refused(fault))
        case .ping: return .alive
        }
    }

    /// Nothing else is asked before the beginning is over.
    private var beginning: Step { unanswered.isEmpty ? .ready : .more }

    private static let unasked = Step.refused(.protocolBroken("a push nobody asked for"))
}

extension Subscriptions.Question {
    var command: SharedBytes {
        switch self {
        case .need(.pattern(let name)): RedisCommand.encoded("PSUBSCRIBE", name)
        case .need(.channel(let name)), .wish(let name), .later(let name):
            RedisCommand.encoded("SUBSCRIBE", name)
        case .leave(let name): RedisCommand.encoded("UNSUBSCRIBE", name)
        case .ping: RedisCommand.encoded("PING")
        }
    }

    /// What Redis says where it does as it was asked.
    var answer: PushNotice {
        switch self {
        case .need(let subscription): .confirmed(subscription)
        case .wish(let name), .later(let name): .confirmed(.channel(name))
        case .leave(let name): .left(name)
        case .ping: .pong
        }
    }

    /// Redis refuses either the command or the channel. A pattern must be allowed letter by letter:
    /// `&job:*` does not allow `job:*:updates`.
    func rules(for text: String) -> String {
        let wantsChannel = text.contains("channel")
        return switch self {
        case .need(.pattern(let name)): wantsChannel ? "&\(name)" : "+psubscribe"
        case .need(.channel(let name)), .wish(let name), .later(let name):
            wantsChannel ? "&\(name)" : "+subscribe"
        case .leave: "+unsubscribe"
        case .ping: "+ping"
        }
    }
}
