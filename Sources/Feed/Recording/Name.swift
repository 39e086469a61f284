// Name is a random word for a bridge, an era or a question. It is never a counter: a counter comes back
// after a failover or FLUSHDB, and then one name means two things.

import Jobs
import Redis

struct Name: Hashable, Sendable, CustomStringConvertible {
    static let length = 12

    let text: String

    /// As it was heard: 1 to 24 letters and digits.
    init?(checking text: some StringProtocol) {
        let utf8 = text.utf8
        guard 1...Self.heardMax ~= utf8.count,
            utf8.allSatisfy({ $0 < 0x80 && Character(Unicode.Scalar($0)).isAlphanumeric })
        else { return nil }
        self.text = String(text)
    }

    private init(made text: String) { self.text = text }

    static func random(using generator: inout some RandomNumberGenerator) -> Name {
        var bits = UInt128(generator.next()) << 64 | UInt128(generator.next())
        var text = ""
        for _ in 0..<length {
            text.unicodeScalars.append(Unicode.Scalar(letters[Int(bits % 62)]))
            bits /= 62
        }
        return Name(made: text)
    }

    /// Bridges that count the same messages share this name.
    static func ofSources(_ sources: [Source]) -> Name {
        let text = sources.map(\.description).sorted().joined(separator: "\n")
        return Name(made: String(decoding: RedisScript(text).sha1.prefix(length), as: UTF8.self))
    }

    /// The question that everybody asks who has heard that the era of this name was opened.
    var afterMark: Name { Name(made: "m" + text) }

    var description: String { text }

    private static let letters = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
    private static let heardMax = 24
}

extension Character {
    fileprivate var isAlphanumeric: Bool { isASCII && (isLetter || isWholeNumber) }
}
