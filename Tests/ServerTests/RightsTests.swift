// Tokens end, and are refreshed.

import Support
import Testing

@Suite("Rights over time")
struct RightsTests {
    @Test("a token that outlasts the calendar ends with it", arguments: [1 << 53, 1 << 62])
    func endless(seconds: Int64) throws {
        let scene = try Scene()
        let client = try scene.follow("j1", token: try Token.of(jobs: "j1", for: seconds))
        #expect(try client.hear().text("expires_at") == "9999-12-31T23:59:59.000Z")
    }

    @Test("a fresh token of the same subject takes the old one's place", arguments: [1, 3])
    func refresh(loops: Int) throws {
        let scene = try Scene(loops: loops)
        let client = try scene.open(token: try Token.of(jobs: "a", subject: "u1"))
        try client.say(subscribe(["b"]))
        #expect(try client.hear().text("code") == "forbidden")
        try client.say(auth(try Token.of(jobs: "a", "b", subject: "u1"), id: 3))
        let answer = try client.hear()
        #expect(answer.type == "authenticated" && answer.id as? Int == 3)
        #expect(answer.text("expires_at") != nil)
        try client.say(subscribe(["b"]))
        #expect(try client.hear().type == "subscribed")
    }

    @Test("a token of another subject, or a bad one, is rejected and the old one stands")
    func otherSubject() throws {
        let scene = try Scene()
        let client = try scene.open(token: try Token.of(jobs: "a", subject: "u1"))
        for (token, code) in [
            (try Token.of(jobs: "*", subject: "u2"), "other_subject"),
            (try Token.of(jobs: "*"), "other_subject"),
            (try Token.of(jobs: "*", subject: "u1", for: -3_600), "token_expired"),
        ] {
            try client.say(auth(token, id: 1))
            let answer = try client.hear()
            #expect(answer.type == "rejected" && answer.text("code") == code)
            #expect(answer.id as? Int == 1)
        }
        try client.say(subscribe(["b"]))
        #expect(try client.hear().text("code") == "forbidden")
        try client.say(subscribe(["a"]))
        #expect(try client.hear().type == "subscribed")
    }

    @Test("rights that a fresh token lacks end their subscriptions", arguments: [1, 3])
    func lostRights(loops: Int) throws {
        let scene = try Scene(loops: loops)
        let client = try scene.open(token: try Token.of(jobs: "a", "b", "c", subject: "u1"))
        try client.say(subscribe(["a", "b", "c"]))
        for _ in 0..<3 { try client.hear(until: "live") }
        try client.say(auth(try Token.of(jobs: "b", subject: "u1"), id: 1))
        let heard = try client.hear(until: "authenticated")
        let ended = heard.filter { $0.type == "unsubscribed" }
        #expect(Set(ended.compactMap(\.job)) == ["a", "c"])
        #expect(ended.allSatisfy { $0.text("reason") == "right_lost" })
        for job in ["a", "b", "c"] { try scene.publish(job, "1") }
        try client.say(#"{"type":"ping"}"#)
        let after = try client.hear(throughSeq: 1)
        #expect(after.compactMap(\.seq).count == 1 && after.last?.job == "b")
        #expect(try scene.metric("jobwire_subscriptions") == 1)
    }

    @Test("a one-job socket ends with the right to its job, and not with that to another one")
    func oneJobSocket() throws {
        let scene = try Scene()
        let client = try scene.follow("a", token: try Token.of(jobs: "a", "b", subject: "u1"))
        try client.hear(until: "live")
        try client.say(subscribe(["b"]))
        try client.hear(until: "live")
        try client.say(auth(try Token.of(jobs: "a", subject: "u1"), id: 1))
        let heard = try client.hear(until: "authenticated")
        #expect(heard.first?.type == "unsubscribed" && heard.first?.job == "b")
        try client.say(auth(try Token.of(jobs: "b", subject: "u1"), id: 2))
        #expect(try client.ending().code == 4403)
    }

    @Test("a token that ends closes its socket with 4401, unless it was refreshed before")
    func expiry() throws {
        let scene = try Scene { $0.tokenLeeway = .zero }
        let refreshed = try scene.open(token: try Token.of(jobs: "*", subject: "u1", for: 2))
        #expect(try refreshed.hear().type == "token_expiring")
        try refreshed.say(auth(try Token.of(jobs: "*", subject: "u1"), id: 1))
        #expect(try refreshed.hear().type == "authenticated")
        let same = try Token.of(jobs: "*", subject: "u1", for: 2)
        let again = try scene.open(token: same)
        #expect(try again.hear().type == "token_expiring")
        try again.say(auth(same, id: 1))
        #expect(try again.hear().type == "authenticated")
        #expect(try again.ending().code == 4401, "it is not told of the same one twice")
        let ending = try scene.open(token: try Token.of(jobs: "*", subject: "u1", for: 2))
        let job = try scene.follow("a", token: try Token.of(jobs: "a", for: 2))
        #expect(try ending.ending() == .init(code: 4401, reason: "the token has expired"))
        #expect(try job.ending().code == 4401)
        try refreshed.say(#"{"type":"ping"}"#)
        #expect(try refreshed.hear().type == "pong")
        #expect(try scene.metric(#"jobwire_closes_total{code="4401"}"#) == 3)
    }

    private func auth(_ token: String, id: Int) -> String {
        #"{"type":"auth","data":{"token":"\#(token)"},"id":\#(id)}"#
    }
}
