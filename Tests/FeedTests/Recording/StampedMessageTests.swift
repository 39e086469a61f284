// What lies on the stamped channel may have been written by anybody: it is read to its end, or refused whole.

import Jobs
import Testing

@testable import Feed

@Suite("A stamped message")
struct StampedMessageTests {
    private func read(_ text: String) -> StampedMessage? { read(Array(text.utf8)) }
    private func read(_ bytes: [UInt8]) -> StampedMessage? { StampedMessage(bytes.span) }

    private static let head = "STAMPED me era 7\n"

    @Test("is read with its entries, their bodies, queues and owners, whatever they hold")
    func good() throws {
        let text =
            Self.head + "job:a epochepo 1 event 5 3 4\n\"q\"\"me\"ab\ncd"
            + "feed:b epochepoch123456 18446744073709551614 gap 0 0 0\n"
            + "other:c epochepo 2 event 1 0 0\nx" + "job:\u{FC} epochepo 3 event 0 0 0\n"
        let message = try #require(read(text))
        #expect(message.by?.text == "me" && message.era?.text == "era" && message.last == 7)
        #expect(
            message.entries.map(\.job) == [
                try JobID(checking: "a"), try JobID(checking: "b", kind: .feed), nil, nil,
            ])
        #expect(message.entries.map(\.seq) == [1, .max - 1, 2, 3])
        #expect(message.entries.map(\.kind) == [.event, .gap, .event, .event])
        #expect(message.entries.map(\.epoch.text).prefix(2) == ["epochepo", "epochepoch123456"])
        let bytes = Array(text.utf8)
        #expect(message.entries.map { Array(bytes[$0.body]) }.first == Array("ab\ncd".utf8))
        #expect(message.entries.map { Array(bytes[$0.queue]) }.first == Array("\"q\"".utf8))
        #expect(message.entries.map { Array(bytes[$0.owner]) }.first == Array("\"me\"".utf8))
        let longest = String(repeating: "a", count: 488) + " epochepo 1 event 0 0 0\n"
        #expect(read(Self.head + longest)?.entries.count == 1)
        let unnamed = try #require(read("STAMPED - - 0\n"))
        #expect(unnamed.by == nil && unnamed.era == nil && unnamed.entries.isEmpty)
    }

    @Test(
        "is refused where any of it is not what the script writes",
        arguments: [
            "", "STAMPED", "STAMPED me era 7", "STAMPED me era\n", "STAMPED me era -1\n",
            "STAMPED me era 9223372036854775808\n", "STAMPED m! era 1\n", "STAMP me era 1\n",
            "STAMPED me era 1 \n", "STAMPED  era 1\n",
        ]
            + [
                "job:a epochepo 1 event 0 0 0", "job:a epochepo 1 event 0 0\n", "\n", " \n",
                "job:a epochepo 1 event 0 0 0 \n", "job:a epochepo 1 event 0 0 0 0\n",
                "job:a  epochepo 1 event 0 0 0\n", "job:a epoch 1 event 0 0 0\n",
                "job:a epochepoch1234567 1 event 0 0 0\n", "job:a epoch-epo 1 event 0 0 0\n",
                "job:a epochepo 0 event 0 0 0\n", "job:a epochepo -1 event 0 0 0\n",
                "job:a epochepo +1 event 0 0 0\n", "job:a epochepo 1x event 0 0 0\n",
                "job:a epochepo 18446744073709551615 event 0 0 0\n",
                "job:a epochepo 18446744073709551616 event 0 0 0\n",
                "job:a epochepo 99999999999999999999 event 0 0 0\n",
                "job:a epochepo  event 0 0 0\n", "job:a epochepo 1 Event 0 0 0\n",
                "job:a epochepo 1 eventt 0 0 0\n", "job:a epochepo 1 event 1 0 0\n",
                "job:a epochepo 1 event 0 1 0\n", "job:a epochepo 1 event 0 0 1\n",
                "job:a epochepo 1 event -1 0 0\nx",
                "job:a epochepo 1 event 401 401 0\n" + String(repeating: "x", count: 801),
                "job:a epochepo 1 event 18446744073709551614 1 0\n",
                "job:a epochepo 1 event 9223372036854775807 9 9\n",
                "job:a epochepo 1 event 1 0 0\nxy",
                String(repeating: "a", count: 489) + " epochepo 1 event 0 0 0\n",
            ].map { head + $0 })
    func refused(text: String) {
        #expect(read(text) == nil)
    }

    @Test("is refused where a stem is no text, and at each place where it may be cut short")
    func cut() {
        let bytes = Array((Self.head + "job:abc epochepo 12 event 3 2 2\n\"\"\"\"xyz").utf8)
        for end in bytes.indices where end != Self.head.utf8.count {
            #expect(read(Array(bytes[..<end])) == nil, "\(end)")
        }
        #expect(read(bytes)?.entries.count == 1)
        var broken = bytes
        broken[Self.head.utf8.count + 5] = 0xFF
        #expect(read(broken) == nil)
    }
}
