// What `jobwire verify --for` makes of what was heard, recorded and delivered of one job.

import Testing

@testable import Command

@Suite("Heard, recorded and delivered")
struct VerifyBookTests {
    private static func rest(_ text: String) -> [UInt8] {
        Array("\"n\":\"\(text)\",\"timestamp\":\"2025-01-06T12:00:00.000Z\"}".utf8)
    }

    private static func entry(_ text: String) -> VerifyBook.Entry {
        text == "gap" ? .gap : VerifyBook.entry(rest(text)[...])
    }

    /// The history begins at 1, and the follower was told of the job before that.
    private static func compared(
        heard: [String], recorded: [String], delivered: [(UInt64, String)],
        gaps: [(UInt64, UInt64)] = [], from: UInt64 = 1
    ) -> VerifyBook.Comparison {
        var book = VerifyBook()
        book.begin(at: 1)
        for text in heard { book.hear(VerifyBook.hash(heard: rest(text))) }
        var gaps = gaps
        for (seq, text) in delivered {
            while let (first, last) = gaps.first, first < seq {
                book.skip(from: first, to: last)
                gaps.removeFirst()
            }
            book.deliver(seq, entry(text))
        }
        for (first, last) in gaps { book.skip(from: first, to: last) }
        return book.compared(with: recorded.map(entry), from: from)
    }

    @Test("Equal is equal, with durable events between and repeated ones")
    func equal() {
        let found = Self.compared(
            heard: ["a", "a", "b"], recorded: ["a", "durable", "a", "b"],
            delivered: [(1, "a"), (2, "durable"), (3, "a"), (4, "b")])
        #expect(found == VerifyBook.Comparison(recorded: 4))
    }

    @Test(
        "Each difference has its words",
        arguments: [
            (["a", "b", "c"], ["a", "c"], [(1, "a"), (2, "c")], "number 2 was not recorded"),
            (["a", "b", "c"], ["a"], [(1, "a")], "2 and 1 behind it was not recorded"),
            (["a", "a"], ["a"], [(1, "a")], "number 1 was not recorded"),
            (["a", "b"], ["b", "a"], [(1, "b"), (2, "a")], "number 1 was not recorded"),
            (["a", "b"], ["a", "b"], [(1, "a")], "2 is recorded and was not"),
            (["a", "b"], ["a", "b"], [(1, "a"), (2, "x")], "2 was not delivered as it"),
            (["a", "b"], ["a", "b"], [(2, "b"), (1, "a")], "2 was delivered where 1 was due"),
            (["a"], ["a", "gap", "b"], [(1, "a"), (3, "b")], "2 is recorded and was not"),
        ] as [([String], [String], [(UInt64, String)], String)])
    func differences(
        _ heard: [String], _ recorded: [String], _ delivered: [(UInt64, String)], _ words: String
    ) {
        let found = Self.compared(heard: heard, recorded: recorded, delivered: delivered)
        #expect(found.difference?.contains(words) == true, "\(found)")
    }

    @Test("What a gap tells at the place where it is missing is no difference; elsewhere it is one")
    func gaps() {
        let told = Self.compared(
            heard: ["a", "b", "c"], recorded: ["a", "gap", "c"], delivered: [(1, "a"), (3, "c")],
            gaps: [(2, 2)])
        #expect(told == VerifyBook.Comparison(recorded: 2, told: 1))
        let elsewhere = Self.compared(
            heard: ["a", "b", "c"], recorded: ["gap", "a", "c"], delivered: [(2, "a"), (3, "c")],
            gaps: [(1, 1)])
        #expect(elsewhere.difference?.contains("number 2 was not recorded") == true)
    }

    @Test("What was trimmed meanwhile is not missed")
    func trimmed() {
        let found = Self.compared(
            heard: ["a", "b", "c"], recorded: ["c"], delivered: [(1, "a"), (2, "b"), (3, "c")],
            from: 3)
        #expect(found == VerifyBook.Comparison(recorded: 1))
    }

    @Test(
        "Without a history, heard is compared with delivered, but for a time that the bridge gave")
    func memory() {
        var book = VerifyBook()
        book.begin(at: 1)
        let text = "\"n\":1,\"timestamp\":\""
        book.hear(VerifyBook.hash(heard: Array("\(text)1970-01-01T00:00:00.000Z\"}".utf8)))
        #expect(book.compared(with: nil, from: 1).difference?.contains("not delivered") == true)
        book.deliver(1, VerifyBook.entry(Array("\(text)2026-01-01T00:00:00.123Z\"}".utf8)[...]))
        #expect(book.compared(with: nil, from: 1).difference == nil)
    }
}
