// What the hook's book promises: one question for all who ask the same, bounds, and yes and no for their time.

import Testing

@testable import Tokens

@Suite("What the rights hook said")
struct HookBookTests {
    private func book(
        cache: Int64 = 30_000, cacheMax: Int = 100, atOnceMax: Int = 4
    ) -> HookBook {
        var options = RightsHookOptions()
        (options.cache, options.cacheMax, options.atOnceMax) = (cache, cacheMax, atOnceMax)
        return HookBook(options)
    }

    private func question(_ ticket: Int, of token: String = "t") -> HookQuestion {
        HookQuestion(token: HeldToken(token), body: [], loop: 0, ticket: UInt64(ticket))
    }

    private func name(_ number: Int) -> HookBook.Name {
        HookBook.Name((0..<32).map { UInt8(truncatingIfNeeded: $0 < 8 ? number >> ($0 * 8) : 0) })
    }

    @Test("a question that is under way is asked once, and all who asked are told")
    func shared() throws {
        var book = book()
        for ticket in 0..<5 { #expect(book.take(question(ticket), name(1), now: 0) == .kept) }
        let tag = try #require(book.next()?.tag)
        #expect(book.next() == nil)
        #expect(book.take(question(5), name(1), now: 0) == .kept)
        let told = book.end(tag, .allowed, maxAge: nil, now: 10)
        #expect(told.map(\.ticket) == [0, 1, 2, 3, 4, 5])
        #expect(book.take(question(6), name(1), now: 11) == .known(isAllowed: true))
        #expect(book.end(tag, .refused, maxAge: nil, now: 12).isEmpty, "it has ended")
    }

    @Test(
        "so many are under way, so many wait, and more are told to come again",
        arguments: [1, 3, 64])
    func bounded(atOnceMax: Int) throws {
        var book = book(atOnceMax: atOnceMax)
        var tags: [Int] = []
        var taken = 0
        while book.take(question(taken), name(taken), now: 0) == .kept {
            taken += 1
            while let (tag, _) = book.next() { tags.append(tag) }
        }
        #expect(taken == atOnceMax + HookBook.waitingMax / 2 && tags.count == atOnceMax)
        #expect(book.take(question(taken), name(taken), now: 0) == .overfull)
        #expect(book.take(question(taken), name(0), now: 0) == .kept, "who asks the same may")
        var ended = 0
        while let tag = tags.popLast() {
            ended += book.end(tag, .failed("x"), maxAge: nil, now: 0).count
            if let (tag, _) = book.next() { tags.append(tag) }
        }
        #expect(ended == taken + 1)
        var sharing = self.book()
        for ticket in 0..<HookBook.sharersMax {
            #expect(sharing.take(question(ticket), name(1), now: 0) == .kept)
        }
        #expect(sharing.take(question(0), name(1), now: 0) == .overfull)
    }

    @Test("who asks very much leaves room for others, and they do not wait behind him")
    func fair() throws {
        var book = book(atOnceMax: 1)
        var number = 0
        func take(_ token: String) -> Bool {
            number += 1
            return book.take(question(number, of: token), name(number), now: 0) == .kept
        }
        func answer() -> String? {
            guard let (tag, question) = book.next() else { return nil }
            _ = book.end(tag, .failed("x"), maxAge: nil, now: 0)
            return question.token.text
        }
        while take("greedy") {}
        for other in ["a", "b", "c"] { #expect(take(other) && take(other)) }
        #expect(!take("greedy"))
        let order = (0..<10).map { _ in answer() }
        #expect(order == ["greedy", "a", "b", "c", "greedy", "a", "b", "c", "greedy", "greedy"])
        // However many tokens there are, their questions are not more than may be.
        for token in 0..<3_000 { while take("t\(token)") {} }
        var told = 0
        while answer() != nil { told += 1 }
        #expect(told == HookBook.waitingMax)
        #expect(take("greedy"))
    }

    @Test(
        "yes and no hold for their time, which the answer may say, and a failure for none",
        arguments: [
            (nil, 30_000), (0, 0), (1, 1_000), (60, 60_000), (300, 300_000), (301, 300_000),
            (.max, 300_000),
        ] as [(Int64?, Int64)])
    func time(maxAge: Int64?, life: Int64) throws {
        for (outcome, isAllowed) in [
            (HookAnswer.Outcome.allowed, true), (.refused, false), (.failed("x"), nil as Bool?),
        ] {
            var book = book()
            _ = book.take(question(1), name(1), now: 5)
            _ = book.end(try #require(book.next()?.tag), outcome, maxAge: maxAge, now: 5)
            let isKept = isAllowed != nil && life > 0
            #expect(book.keptCount == (isKept ? 1 : 0))
            if let isAllowed, isKept {
                let last = book.take(question(2), name(1), now: 5 + life - 1)
                #expect(last == .known(isAllowed: isAllowed))
            }
            #expect(book.take(question(3), name(1), now: 5 + life) == .kept)
        }
    }

    @Test("no more answers are kept than may be, and the latest are", arguments: 0..<8)
    func cacheBounded(most: Int) throws {
        var book = book(cacheMax: most)
        for number in 0..<50 {
            _ = book.take(question(number), name(number), now: 0)
            _ = book.end(try #require(book.next()?.tag), .allowed, maxAge: nil, now: 0)
            #expect(book.keptCount <= most)
            guard most > 0 else { continue }
            #expect(book.take(question(0), name(number), now: 1) == .known(isAllowed: true))
        }
        // Without a cache nothing is known twice.
        guard most == 0 else { return }
        #expect(book.take(question(0), name(49), now: 1) == .kept)
    }

    @Test("every status is yes, no or no answer")
    func statuses() {
        for status in 100..<600 {
            let outcome = RightsHook.outcome(
                .success(Fetched(status: status, body: [], maxAge: nil)))
            switch status {
            case 200..<300: #expect(outcome == .allowed)
            case 401, 403, 404: #expect(outcome == .refused)
            default: #expect(outcome == .failed("the answer was \(status)"))
            }
        }
    }

    @Test("a held token is shown by nothing that prints")
    func hidden() {
        let grant = Grant(subject: "u")
        var held = grant
        held.token = HeldToken("secret-text")
        #expect(
            !"\(held)".contains("secret-text") && !String(reflecting: held).contains("secret-text"))
        var dumped = ""
        dump(held, to: &dumped)
        #expect(!dumped.contains("secret-text"))
    }
}
