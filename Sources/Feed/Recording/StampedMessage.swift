// StampedMessage is what a script publishes of what it recorded: who asked for it, up to which ordinal of
// which era, and the entries.
//
//   STAMPED by era last        `-` for by and era where no bridge recorded; last is then of no meaning
//   stem epoch seq kind bytes queueBytes ownerBytes
//                              an entry; behind the line's end lie the job's queue and owner, JSON as
//                              in its state, and the entry's own bytes
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
        /// Where its bytes are in the message, and those of the job's queue and owner; empty where it has none.
        let body: Range<Int>
        let queue: Range<Int>
        let owner: Range<Int>
    }

    /// Both nil where no bridge recorded.
    let by: Name?
    let era: Name?
    let last: Int64
    let entries: [Entry]

    init(by: Name?, era: Name?, last: Int64, entries: [Entry] = []) {
        (self.by, self.era, self.last, self.entries) = (by, era, last, entries)
    }

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
            guard let entry = Self.entry(text, from: at) else { return nil }
            entries.append(entry)
            at = entry.body.upperBound
        }
        self.entries = entries
    }

    /// Entries are many: nothing is made of their words but what is kept.
    private static func entry(_ text: Span<UInt8>, from start: Int) -> Entry? {
        var line = Line(at: start, limit: min(text.count, start + lineBytesMax))
        guard let stem = line.word(text), let epochWord = line.word(text),
            let epoch = Epoch(checking: text.extracting(epochWord)), let seq = line.number(text),
            0 < seq, seq < UInt64.max, let kindWord = line.word(text),
            let kind = Kind(text.extracting(kindWord)), let count = line.number(text),
            let queueCount = line.number(text), let ownerCount = line.number(text), line.hasEnded,
            queueCount <= nameBytesMax, ownerCount <= nameBytesMax, count <= text.count,
            Int(count + queueCount + ownerCount) <= text.count - line.at
        else { return nil }
        let job = JobID(stem: text.extracting(stem))
        guard job != nil || (try? UTF8Span(validating: text.extracting(stem))) != nil else {
            return nil
        }
        let queue = line.at..<line.at + Int(queueCount)
        let owner = queue.upperBound..<queue.upperBound + Int(ownerCount)
        return Entry(
            job: job, epoch: epoch, seq: seq, kind: kind,
            body: owner.upperBound..<owner.upperBound + Int(count), queue: queue, owner: owner)
    }

    /// Reads a line word by word: each ends with a space, and the last with the line.
    private struct Line {
        var at: Int
        let limit: Int
        var hasEnded = false

        mutating func word(_ text: Span<UInt8>) -> Range<Int>? {
            guard !hasEnded else { return nil }
            let start = at
            while at < limit {
                let byte = text[at]
                at += 1
                guard byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\n") else { continue }
                hasEnded = byte == UInt8(ascii: "\n")
                return start..<at - 1
            }
            return nil
        }

        mutating func number(_ text: Span<UInt8>) -> UInt64? {
            guard let word = word(text), 1...20 ~= word.count else { return nil }
            var number: UInt64 = 0
            for place in word {
                guard case UInt8(ascii: "0")...UInt8(ascii: "9") = text[place] else { return nil }
                let (tens, isOver) = number.multipliedReportingOverflow(by: 10)
                let (sum, isOverToo) = tens.addingReportingOverflow(
                    UInt64(text[place] - UInt8(ascii: "0")))
                guard !isOver, !isOverToo else { return nil }
                number = sum
            }
            return number
        }
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
    /// As in record.lua; a longer queue or owner is not announced.
    private static let nameBytesMax = 400
}

extension StampedMessage.Kind {
    fileprivate init?(_ word: Span<UInt8>) {
        guard let known = [Self.event, .gap].first(where: { word.reads($0.rawValue) }) else {
            return nil
        }
        self = known
    }
}
