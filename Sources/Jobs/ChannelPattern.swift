// ChannelPattern is a name of Redis channels in which each `*` stands for any bytes, also for none. The
// other signs that Redis reads in a pattern are not for us: what matches what must be known here too.

public struct ChannelPattern: Equatable, Sendable {
    public let text: String
    /// What stands between the stars; at least one part.
    private let parts: [[UInt8]]
    /// Bytes before the first star and behind the last one: asked for with each message.
    private let headBytes: Int
    private let tailBytes: Int

    /// nil where a sign stands in it that Redis reads as a pattern, or nothing at all.
    public init?(_ text: String) {
        guard !text.isEmpty, !text.utf8.contains(where: { "?[]\\".utf8.contains($0) }) else {
            return nil
        }
        self.text = text
        parts = text.utf8.split(separator: Self.star, omittingEmptySubsequences: false)
            .map { Array($0) }
        (headBytes, tailBytes) = (parts[0].count, parts[parts.count - 1].count)
    }

    public var stars: Int { parts.count - 1 }

    /// Where in the channel the only `*` stands. Redis has matched the rest already.
    func place(in channel: Span<UInt8>) -> Range<Int> {
        let start = min(headBytes, channel.count)
        return start..<max(start, channel.count - tailBytes)
    }

    /// The channel that has `word` in the place of each `*`.
    public func channel(with word: String) -> String {
        String(decoding: Array(parts.joined(separator: word.utf8)), as: UTF8.self)
    }

    public func matches(_ channel: Span<UInt8>) -> Bool {
        // The first part is at the start, the last at the end, and the others as early as can be.
        guard stars > 0 else { return channel.count == headBytes && holds(0, channel, at: 0) }
        let end = channel.count - tailBytes
        guard end >= headBytes, holds(0, channel, at: 0), holds(stars, channel, at: end)
        else { return false }
        var at = headBytes
        for part in 1..<stars {
            while at + parts[part].count <= end, !holds(part, channel, at: at) { at += 1 }
            at += parts[part].count
            guard at <= end else { return false }
        }
        return true
    }

    private func holds(_ part: Int, _ channel: Span<UInt8>, at: Int) -> Bool {
        let bytes = parts[part]
        return at + bytes.count <= channel.count
            && bytes.indices.allSatisfy { channel[at + $0] == bytes[$0] }
    }

    /// Whether some channel matches both.
    public func overlaps(_ other: ChannelPattern) -> Bool {
        let (one, two) = (Array(text.utf8), Array(other.text.utf8))
        // meets[b]: whether what is left of `one` and what is left of `two` from b on have a channel
        // in common; built from the ends, one row for each sign of `one`.
        var meets = [Bool](repeating: false, count: two.count + 1)
        for a in (0...one.count).reversed() {
            var row = meets
            for b in (0...two.count).reversed() {
                if a < one.count, one[a] == Self.star {
                    row[b] = meets[b] || b < two.count && row[b + 1]
                } else if b < two.count, two[b] == Self.star {
                    row[b] = row[b + 1] || a < one.count && meets[b]
                } else if a < one.count, b < two.count {
                    row[b] = one[a] == two[b] && meets[b + 1]
                } else {
                    row[b] = a == one.count && b == two.count
                }
            }
            meets = row
        }
        return meets[0]
    }

    private static let star = UInt8(ascii: "*")
}
