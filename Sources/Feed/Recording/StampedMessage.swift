// StampedMessage is what a script publishes of what it recorded: who asked for it, up to which ordinal of
// which era, and the entries.
//
//   STAMPED by era last        `-` for by and era where no bridge recorded; last is then of no meaning
//   stem epoch seq kind bytes queueBytes
//                              an entry; behind the line's end lie the job's queue, JSON as in its
//                              state, and the entry's own bytes
//
// Whoever may publish on the channel may write anything: what does not read to its end is refused
// whole.

import Jobs

struct StampedMessage {
    enum Kind: String { case event, gap }

    struct Entry {
        /// nil for what is no job or feed.
        let job: JobID?
        let epoch: Epoch
        let seq: UInt64
        let kind: Kind
        /// Where its bytes are in the message, and those of the job's queue; empty where it has none.
        let body: Range<Int>
        let queue: Range<Int>
    }

    let by: Name?
    let era: Name?
    let last: Int64
    let entries: [Entry]

    init?(_ text: Span<UInt8>) {
        var at = 0
        guard let head = Self.line(text, from: &at), head.count == 4, head.first == "STAMPED",
            let last = head.number(3)
        else { return nil }
        (by, era) = (head.name(1), head.name(2))
        guard by != nil || head[1] == "-", era != nil || head[2] == "-" else { return nil }
        self.last = last
        var entries: [Entry] = []
        while at < text.count {
            guard let words = Self.line(text, from: &at), words.count == 6,
                let epoch = Epoch(checking: String(words[1])), let seq = UInt64(words[2]), seq > 0,
                seq < UInt64.max, let kind = Kind(rawValue: String(words[3])),
                let count = Int(words[4]), let queueCount = Int(words[5]), count >= 0,
                0...Self.queueBytesMax ~= queueCount, count <= text.count - at - queueCount
            else { return nil }
            let queue = at..<at + queueCount
            at += queueCount
            entries.append(
                Entry(
                    job: JobID(stem: words[0]), epoch: epoch, seq: seq, kind: kind,
                    body: at..<at + count, queue: queue))
            at += count
        }
        self.entries = entries
    }

    private static func line(_ text: Span<UInt8>, from at: inout Int) -> Words? {
        let start = at
        let limit = min(text.count, start + lineBytesMax)
        while at < limit, text[at] != UInt8(ascii: "\n") { at += 1 }
        guard at < limit else { return nil }
        defer { at += 1 }
        return Words(text.extracting(start..<at))
    }

    private static let lineBytesMax = 512
    /// As in record.lua; a longer queue is not announced.
    private static let queueBytesMax = 400
}
