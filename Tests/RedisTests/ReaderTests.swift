// Whatever way the network cuts the bytes, the same messages and replies come out; what Redis must
// not send is named and ends the parse, before it costs memory.

import Testing

@testable import Redis

@Suite("PushReader")
struct PushReaderTests {
    enum Item: Equatable {
        case message(channel: String, pattern: Int?, payload: String)
        case notice(PushNotice)
    }

    /// Confirmations of all kinds, messages of both kinds with an empty and a binary payload, a pong, an error.
    static let stream: [UInt8] =
        push("psubscribe", "job:*:updates", nil) + push("subscribe", "control", nil)
        + push("pmessage", "job:*:updates", "job:1:updates", "{\"a\":1}")
        + push("message", "control", "") + push("pong", "")
        + push("pmessage", "feed:*", "feed:x", "\r\n$3\r\n*2\r\n")
        + Array("-ERR no\r\n".utf8) + push("unsubscribe", "control", nil)

    static let items: [Item] = [
        .notice(.confirmed(.pattern("job:*:updates"))), .notice(.confirmed(.channel("control"))),
        .message(channel: "job:1:updates", pattern: 0, payload: "{\"a\":1}"),
        .message(channel: "control", pattern: nil, payload: ""), .notice(.pong),
        .message(channel: "feed:x", pattern: 1, payload: "\r\n$3\r\n*2\r\n"),
        .notice(.error("ERR no")), .notice(.left("control")),
    ]

    @Test("hears the same wherever the bytes are cut in three")
    func cutAnywhere() {
        let all = Self.stream
        for first in 0...all.count {
            for second in stride(from: first, through: all.count, by: 7) {
                let parts = [all[..<first], all[first..<second], all[second...]]
                #expect(heard(parts).items == Self.items, "cut at \(first) and \(second)")
            }
        }
    }

    @Test("hears the same byte by byte")
    func byteByByte() {
        #expect(heard(Self.stream.map { [$0] }).items == Self.items)
    }

    @Test("keeps a channel whose payload comes much later")
    func channelIsCopied() {
        let channel = "job:" + String(repeating: "c", count: 10_000) + ":updates"
        let payload = String(repeating: "p", count: 200_000)
        let once = push("pmessage", "job:*:updates", channel, payload)
        let parts = stride(from: 0, to: once.count * 2, by: 1_400).map { start in
            (once + once)[start..<min(start + 1_400, once.count * 2)]
        }
        let message = Item.message(channel: channel, pattern: 0, payload: payload)
        #expect(heard(parts).items == [message, message])
    }

    @Test(
        "names what is no push",
        arguments: [
            "+OK\r\n", ":1\r\n", "$2\r\nhi\r\n", "$-1\r\n", "*-1\r\n", "*0\r\n",
            "*1\r\n$4\r\npong\r\n",
            "*5\r\n$8\r\npmessage\r\n", "*3\r\n$8\r\npmessage\r\n", "*3\r\n$7\r\nmassage\r\n",
            "*4\r\n$8\r\npmessage\r\n$1\r\nx\r\n", "*3\r\n$7\r\nmessage\r\n:1\r\n",
            "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n:1\r\n", "*3\r\n*1\r\n",
            "*3\r\n$7\r\nmessage\r\n$-1\r\n",
            "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n$1\r\nd\r\n",
            "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n",
            "*3\r\n$12\r\npunsubscribe\r\n$1\r\nc\r\n:0\r\n", "*2\r\n$4\r\npong\r\n:1\r\n",
            "*2\r\n+pong\r\n",
            "hello\r\n", "*x\r\n", "*2\r\n$-2\r\n", "*2\r\n$9223372036854775808\r\n",
            "*4294967296\r\n",
            "*2\r\n:99999999999999999999\r\n",
        ])
    func notAPush(text: String) {
        let (items, fault) = heard([Array(text.utf8)])
        guard case .protocolBroken = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
        #expect(items.isEmpty)
    }

    @Test("refuses a message above the limit when it is announced, not when it has come")
    func oversized() {
        let max = 100_000
        for (count, isAllowed) in [(max - 1, true), (max, true), (max + 1, false)] {
            let whole = push("message", "c", String(repeating: "x", count: count))
            let (items, fault) = heard([whole[...]], bulkBytesMax: max)
            #expect(items.isEmpty == !isAllowed)
            #expect(fault == (isAllowed ? nil : .oversized(limit: max)), "\(count)")
        }
        let announced = Array("*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$536870912\r\n".utf8)
        let little = announced + Array(repeating: 120, count: 70_000)
        #expect(heard([little[...]]).fault == .oversized(limit: 64 << 20))
    }

    @Test("refuses a line without an end", arguments: ["+", "-", ":", "*", "$", "*3\r\n$"])
    func endlessLine(start: String) throws {
        let bytes = Array(start.utf8) + Array(repeating: 49, count: 70_000)
        let fault = heard([bytes[...]]).fault
        #expect(fault == .protocolBroken("a line of more than 65536 bytes"))
    }

    @Test("reads on after a very long message")
    func afterLongMessage() {
        let long = String(repeating: "x", count: 3 << 20)
        let parts = [push("message", "c", long), push("message", "c", "y")]
        #expect(
            heard(parts).items == [
                .message(channel: "c", pattern: nil, payload: long),
                .message(channel: "c", pattern: nil, payload: "y"),
            ])
    }

    private func heard(
        _ parts: [some Collection<UInt8>], bulkBytesMax: Int = 64 << 20
    ) -> (items: [Item], fault: RedisFault?) {
        var options = RedisOptions()
        options.bulkBytesMax = bulkBytesMax
        var items: [Item] = []
        let reader = PushReader(options: options, patterns: ["job:*:updates", "feed:*"]) {
            channel, pattern, payload in
            items.append(.message(channel: channel.text, pattern: pattern, payload: payload.text))
        } notice: {
            items.append(.notice($0))
        }
        do {
            for part in parts { try reader.feed(Array(part).span) }
        } catch {
            return (items, error)
        }
        return (items, nil)
    }
}

@Suite("ReplyReader")
struct ReplyReaderTests {
    static let stream = Array(
        "+OK\r\n-ERR x\r\n:-9223372036854775808\r\n$5\r\na\r\nbc\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n*3\r\n:1\r\n*2\r\n$1\r\nx\r\n*0\r\n*1\r\n+y\r\n:7\r\n"
            .utf8)

    static let replies: [RedisReply] = [
        .simple("OK"), .error("ERR x"), .integer(.min), .bytes(Array("a\r\nbc".utf8)), .bytes([]),
        .null, .null, .array([]),
        .array([
            .integer(1), .array([.bytes(Array("x".utf8)), .array([])]), .array([.simple("y")]),
        ]), .integer(7),
    ]

    @Test("builds the same replies wherever the bytes are cut")
    func cutAnywhere() {
        for first in 0...Self.stream.count {
            for second in first...Self.stream.count {
                let parts = [
                    Self.stream[..<first], Self.stream[first..<second], Self.stream[second...],
                ]
                #expect(replies(parts).replies == Self.replies, "cut at \(first) and \(second)")
            }
        }
    }

    @Test("refuses arrays nested deeper than its limit")
    func nesting() {
        for depth in 1...12 {
            let text = String(repeating: "*1\r\n", count: depth) + ":1\r\n"
            let (replies, fault) = replies([Array(text.utf8)[...]])
            #expect(replies.isEmpty == (depth > 7), "\(depth)")
            if depth > 7 {
                guard case .protocolBroken = fault else {
                    Issue.record("\(depth): \(String(describing: fault))")
                    continue
                }
            }
        }
    }

    @Test("refuses a reply that grows above its limit, however small its parts")
    func oversized() {
        var options = RedisOptions()
        options.replyBytesMax = 64_000
        let parts = Array(("*2000000000\r\n" + String(repeating: ":1\r\n", count: 1_001)).utf8)
        #expect(replies([parts.dropLast(4)], options: options).fault == nil)
        #expect(replies([parts[...]], options: options).fault == .oversized(limit: 64_000))
    }

    private func replies(
        _ parts: [ArraySlice<UInt8>], options: RedisOptions = RedisOptions()
    ) -> (replies: [RedisReply], fault: RedisFault?) {
        var replies: [RedisReply] = []
        let reader = ReplyReader(options: options) { replies.append($0) }
        do {
            for part in parts { try reader.feed(part.span) }
        } catch {
            return (replies, error)
        }
        return (replies, nil)
    }
}

/// A push as Redis writes it; nil stands for the count at the end of a confirmation.
private func push(_ elements: String?...) -> [UInt8] {
    elements.reduce(into: Array("*\(elements.count)\r\n".utf8)) { bytes, element in
        bytes += (element.map { "$\($0.utf8.count)\r\n\($0)\r\n" } ?? ":1\r\n").utf8
    }
}
