// What a subscriber makes of Redis' answers, each taken for the question that was asked first.

import Testing

@testable import Redis

@Suite("What a subscriber asks for")
struct SubscriptionsTests {
    @Test("names the ACL rule that a pattern or channel lacks")
    func rules() {
        let names = (patterns: ["job:*:updates"], channels: ["control"])
        let channel = "NOPERM this user has no permissions to access one of the channels used"
        let command = "NOPERM this user has no permissions to run the 'subscribe' command"
        var subscriptions = Subscriptions(patterns: names.patterns, channels: names.channels)
        func refusal(_ text: String) -> Subscriptions.Step {
            var refused = subscriptions
            return refused.hear(.error(text))
        }
        #expect(refusal(channel) == .refused(.noPermission(needs: "&job:*:updates")))
        #expect(refusal(command) == .refused(.noPermission(needs: "+psubscribe")))
        #expect(subscriptions.hear(.confirmed(.pattern("job:*:updates"))) == .more)
        #expect(refusal(channel) == .refused(.noPermission(needs: "&control")))
        #expect(refusal(command) == .refused(.noPermission(needs: "+subscribe")))
        #expect(subscriptions.hear(.confirmed(.channel("control"))) == .ready)
    }

    @Test("takes whatever Redis answers to its PING for a sign of life, once all stands")
    func anyAnswer() {
        let channel = Subscription.channel("a")
        for answer: PushNotice in [
            .pong, .error("BUSY Redis is busy running a script."), .error("NOPERM no"),
        ] {
            var subscriptions = Subscriptions(patterns: [], channels: ["a"])
            #expect(subscriptions.hear(.confirmed(channel)) == .ready)
            #expect(subscriptions.ask(.ping) != nil)
            #expect(subscriptions.hear(answer) == .alive)
            #expect(subscriptions.hear(answer) == unasked)
        }
    }

    @Test("hears one channel more, leaves it again, and is told what the user may not")
    func later() {
        var subscriptions = Subscriptions(patterns: ["a"], channels: [])
        #expect(subscriptions.hear(.confirmed(.pattern("a"))) == .ready)
        for question: Subscriptions.Question in [
            .later("b"), .ping, .later("c"), .leave("b"), .leave("d"),
        ] { #expect(subscriptions.ask(question) != nil) }
        #expect(subscriptions.hear(.confirmed(.channel("b"))) == .changed("b", .subscribed))
        #expect(subscriptions.hear(.pong) == .alive)
        let noRight = "NOPERM this user has no permissions to access one of the channels used"
        #expect(
            subscriptions.hear(.error(noRight))
                == .changed("c", .refused(.noPermission(needs: "&c"))))
        #expect(subscriptions.hear(.left("b")) == .changed("b", .unsubscribed))
        #expect(subscriptions.hear(.error("BUSY x")) == .changed("d", .refused(.busy)))
        #expect(subscriptions.hear(.left("b")) == unasked)
    }

    @Test("asks no more where too much is unanswered")
    func tooMuchUnanswered() {
        var subscriptions = Subscriptions(patterns: ["a"], channels: [])
        _ = subscriptions.hear(.confirmed(.pattern("a")))
        for _ in 0..<64 { #expect(subscriptions.ask(.later("b")) != nil) }
        #expect(subscriptions.ask(.later("b")) == nil)
        _ = subscriptions.hear(.confirmed(.channel("b")))
        #expect(subscriptions.ask(.ping) != nil)
    }

    @Test("does without a wish that the user has no right to, and without nothing else")
    func wishes() {
        let noRight = "NOPERM this user has no permissions to access one of the channels used"
        var subscriptions = Subscriptions(patterns: ["a"], channels: [], wishes: ["probe", "b"])
        #expect(subscriptions.hear(.confirmed(.pattern("a"))) == .more)
        #expect(subscriptions.refusedWish == nil)
        #expect(subscriptions.hear(.error(noRight)) == .more)
        #expect(subscriptions.refusedWish == .noPermission(needs: "&probe"))
        var other = subscriptions
        #expect(subscriptions.hear(.confirmed(.channel("b"))) == .ready)
        #expect(other.hear(.error("ERR no")) == .refused(.refused("ERR no")))
    }

    @Test("takes confirmations only in the order it asked")
    func confirmationOrder() {
        for wrong: PushNotice in [
            .pong, .confirmed(.pattern("b")), .confirmed(.channel("a")), .left("a"),
        ] {
            var subscriptions = Subscriptions(patterns: ["a", "b"], channels: [])
            #expect(subscriptions.hear(wrong) == unasked)
        }
    }

    private let unasked = Subscriptions.Step.refused(.protocolBroken("a push nobody asked for"))
}
