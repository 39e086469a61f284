// TouchAnswer is what `touch` says of jobs at one instant.
//
// A history is Redis' word, not ours: what somebody else wrote into it is left out, and only entries that
// follow one another are taken, from the end that was asked for.

import Jobs
import Redis
import Wire

struct TouchAnswer {
    enum Job {
        case none
        /// A key of it is of a wrong type, or it says what no job of ours says.
        case unreadable
        case stands(Standing)
    }

    struct Standing {
        let cursor: Cursor
        let forks: [Fork]
        let snapshot: Snapshot
        /// Oldest first.
        let entries: [Entry]
        /// The number that they follow, where they were asked for behind a cursor and nothing of that
        /// is trimmed.
        let behind: UInt64?

        /// Whether the entries are all that followed this one, under the same name.
        func goesOn(behind told: Cursor?) -> Bool {
            behind != nil && told?.epoch == cursor.epoch && told?.seq == behind
        }
    }

    struct Entry {
        let seq: UInt64
        let kind: StampedMessage.Kind
        let body: [UInt8]
    }

    let reign: String
    let jobs: [Job]

    init?(_ reply: RedisReply, _ part: HistoryPart = .all) {
        guard case .array(let parts) = reply, let reign = parts.first?.text else { return nil }
        self.reign = reign
        jobs = parts.dropFirst().map { Self.job($0, part) }
    }

    private static func job(_ reply: RedisReply, _ part: HistoryPart) -> Job {
        if reply.text == "NONE" { return .none }
        guard case .array(let parts) = reply, parts.count == 6,
            let epoch = parts[0].text.flatMap({ Epoch(checking: $0) }),
            case .integer(let number) = parts[1], number >= 0, let forks = parts[2].text,
            case .array(let fields) = parts[3], case .array(let kept) = parts[4],
            let after = parts[5].text
        else { return .unreadable }
        let (seq, asked) = (UInt64(number), UInt64(after))
        let entries = entries(kept, part, upTo: seq, isOldestFirst: asked != nil)
        let isWhole = asked.map { $0 + UInt64(entries.count) == seq } ?? false
        return .stands(
            Standing(
                cursor: Cursor(epoch: epoch, seq: seq),
                forks: forks.split(separator: " ").compactMap(fork),
                snapshot: Snapshot(fields: fields), entries: entries,
                behind: isWhole ? asked : nil))
    }

    private static func fork(_ text: Substring) -> Fork? {
        guard let cursor = try? Cursor(checking: String(text)), let epoch = cursor.epoch else {
            return nil
        }
        return Fork(epoch: epoch, seq: cursor.seq)
    }

    private static func entries(
        _ kept: [RedisReply], _ part: HistoryPart, upTo last: UInt64, isOldestFirst: Bool
    ) -> [Entry] {
        var entries: [Entry] = []
        let isFrom = if case .from = part { true } else { false }
        if isFrom || isOldestFirst {
            for reply in kept {
                guard let entry = entry(reply), entry.seq <= last,
                    entries.last.map({ $0.seq + 1 == entry.seq }) ?? true
                else { break }
                entries.append(entry)
            }
            return entries
        }
        var expected = last
        if case .before(let seq, _) = part { expected = min(last, seq - 1) }
        for reply in kept {
            guard let entry = entry(reply), entry.seq == expected else { break }
            entries.append(entry)
            expected -= 1
        }
        return entries.reversed()
    }

    private static func entry(_ reply: RedisReply) -> Entry? {
        guard case .array(let parts) = reply, parts.count == 2, let id = parts[0].text,
            id.hasSuffix("-0"), let seq = UInt64(id.dropLast(2)), seq > 0,
            case .array(let fields) = parts[1], fields.count == 2,
            let kind = fields[0].text.flatMap(StampedMessage.Kind.init),
            case .bytes(let body) = fields[1]
        else { return nil }
        return Entry(seq: seq, kind: kind, body: body)
    }
}

extension Snapshot {
    /// Of a state's names and values in turn.
    init(fields: [RedisReply]) {
        var values: [String: [UInt8]] = [:]
        for place in stride(from: 0, to: fields.count - 1, by: 2) {
            guard let name = fields[place].text, case .bytes(let value) = fields[place + 1] else {
                continue
            }
            values[name] = value
        }
        self.init(kept: values)
    }
}
