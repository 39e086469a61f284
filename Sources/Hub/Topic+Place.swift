// Where in a job's history a follower begins to read, and what it must be told is missing before.

import Jobs

extension Topic {
    /// Of the past a paced follower wants the latest progress only.
    func isWanted(_ entry: Entry, _ wish: Wish) -> Bool {
        guard wish.wants(entry) else { return false }
        return wish.progressInterval == nil || !entry.update.type.isProgress
            || entry.seq == latestProgress
    }

    /// Where a follower with this wish begins to read, and what it must be told is missing.
    func place(_ wish: Wish, limits: RingLimits?) -> (next: UInt64, gaps: [Gap]) {
        var gaps: [Gap] = []
        var next: UInt64
        if let after = wish.after {
            next = start(after: after, &gaps)
        } else {
            switch wish.past {
            case .none: return (seq + 1, [])
            case .latest(let count): return (start(ofLatest: count, wish), [])
            case .all: next = 1
            }
        }
        let first = ring.firstSeq ?? seq + 1
        if next < first {
            gaps.append(Gap(from: next, to: first - 1, reason: .trimmed, epoch: epoch))
            next = first
        }
        if let limits, wish.after == nil {
            let bounded = start(within: limits, from: next)
            if bounded > next {
                gaps.append(
                    Gap(from: next, to: bounded - 1, reason: .replayLimit, epoch: epoch))
                next = bounded
            }
        }
        return (next, gaps)
    }

    private func start(after cursor: Cursor, _ gaps: inout [Gap]) -> UInt64 {
        if cursor.epoch == nil || cursor.epoch == epoch, cursor.seq <= seq { return cursor.seq + 1 }
        if let index = forks.lastIndex(where: { $0.epoch == cursor.epoch }) {
            // What follows the fork is always a gap entry, so nothing else need be said.
            return forks[index...].reduce(cursor.seq) { min($0, $1.seq) } + 1
        }
        gaps.append(Gap(from: nil, to: nil, reason: .epochChanged, epoch: epoch))
        return 1
    }

    private func start(ofLatest count: Int, _ wish: Wish) -> UInt64 {
        var left = count
        var start = seq + 1
        for entry in ring.entries.reversed() {
            guard left > 0 else { break }
            if isWanted(entry, wish) { left -= 1 }
            start = entry.seq
        }
        return start
    }

    private func start(within limits: RingLimits, from next: UInt64) -> UInt64 {
        var (count, bytes) = (0, 0)
        var start = seq + 1
        for entry in ring.entries(from: next).reversed() {
            count += 1
            bytes += entry.byteCount
            guard count <= limits.eventsMax, bytes <= limits.bytesMax else { break }
            start = entry.seq
        }
        return start
    }
}
