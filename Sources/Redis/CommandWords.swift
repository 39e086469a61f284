// CommandWords are words of a command as Redis reads them, one behind the other in one piece of memory:
// a script's call has thousands of them, and an array for each costs more than all else about it.
//
// Invariant: `bytes` holds `count` whole words, each with its length in front.

public struct CommandWords: Sendable {
    public private(set) var count = 0
    private(set) var bytes: [UInt8] = []

    public init(_ words: [[UInt8]] = []) {
        reserve(words.reduce(0) { $0 + $1.count + RedisCommand.headBytesMax })
        for word in words { append(word) }
    }

    public mutating func reserve(_ more: Int) { bytes.reserveCapacity(bytes.count + more) }

    public mutating func append(_ word: [UInt8]) {
        begin(word.count)
        bytes.append(contentsOf: word)
        end()
    }

    public mutating func append(_ word: Span<UInt8>) {
        begin(word.count)
        bytes.append(copying: word)
        end()
    }

    /// One word, of a text and what follows it.
    public mutating func append(_ text: String, _ rest: String = "") {
        begin(text.utf8.count + rest.utf8.count)
        bytes.append(contentsOf: text.utf8)
        bytes.append(contentsOf: rest.utf8)
        end()
    }

    public mutating func append(_ number: Int64) {
        guard 0..<10 ~= number else { return append(String(number)) }
        begin(1)
        bytes.append(UInt8(ascii: "0") + UInt8(number))
        end()
    }

    private mutating func begin(_ wordBytes: Int) {
        count += 1
        bytes.append(UInt8(ascii: "$"))
        var unit = 1
        while wordBytes / unit >= 10 { unit *= 10 }
        while unit > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(wordBytes / unit % 10))
            unit /= 10
        }
        end()
    }

    private mutating func end() {
        bytes.append(UInt8(ascii: "\r"))
        bytes.append(UInt8(ascii: "\n"))
    }
}
