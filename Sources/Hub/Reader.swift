// Reader is a follower that is read a history at its own pace: one that joins, or one that has fallen
// behind because its socket did not take what came.
//
// What was promised as its replay it gets whole. Behind that, what it has yet to see is its queue, though
// nobody keeps one for it: where it is a reader because it fell behind, or the queue is half full,
// progress is passed over that newer progress has overtaken; where the queue is full, or the ring has
// already lost some of it, the log events in it are passed over. Everything else is sent.
//
// Invariant: a gap names what was passed over, exactly, before the next event is sent.

import Jobs

struct Reader {
    let wish: Wish
    /// Where the client stands, as far as it has been told.
    private(set) var standing: Cursor
    private(set) var next: UInt64
    /// To be told before anything else.
    private var gaps: [Gap]
    /// `live` is told once the reader has passed this number; nil when it was told.
    private(set) var liveAfter: UInt64?

    /// Up to here nothing is passed over.
    private let wholeUpTo: UInt64
    /// What of `Topic.bytesHeard` lies before the first entry of the queue.
    private var bytesPassed: Int
    private var isBehind: Bool
    /// Log events up to here are passed over.
    private var elidesUpTo: UInt64 = 0
    /// When it was last sent progress.
    private(set) var progressAt: Int64?
    private var passedOver: (from: UInt64, to: UInt64, reason: GapReason)?

    /// One that joins, or has to be read what was not heard in time.
    init(
        joining topic: Topic, _ wish: Wish, standing: Cursor, next: UInt64, gaps: [Gap],
        liveAfter: UInt64?
    ) {
        (self.wish, self.standing, self.next, self.gaps) = (wish, standing, next, gaps)
        self.liveAfter = liveAfter
        (wholeUpTo, bytesPassed, isBehind) = (topic.seq, topic.bytesHeard, false)
    }

    /// One that was live, until it could not be sent these.
    init(behind topic: Topic, _ wish: Wish, unsent: [Entry], isNewEpoch: Bool) {
        let first = unsent.first?.seq ?? topic.seq + 1
        let bytes = unsent.reduce(0) { $0 + $1.byteCount }
        (self.wish, next, gaps) = (wish, first, [])
        standing = Cursor(epoch: isNewEpoch ? nil : topic.epoch, seq: first - 1)
        liveAfter = isNewEpoch ? first - 1 : nil
        (wholeUpTo, bytesPassed, isBehind) = (0, topic.bytesHeard - bytes, true)
    }

    /// Reads on, up to about `bytes`.
    mutating func read(
        _ topic: Topic, bytes: Int, queueBytesMax: Int, at now: Int64
    ) -> [Item] {
        var items: [Item] = gaps.map { .gap($0) }
        gaps = []
        var left = bytes
        let first = topic.ring.firstSeq ?? topic.seq + 1
        if next < first {
            elidesUpTo = topic.seq
            isBehind = true
            for entry in topic.keepsakes?.entries(from: next) ?? [] where left > 0 {
                pass(entry, topic, &items, &left)
            }
            if left > 0 {
                lose(upTo: first, topic, &items)
                if first > wholeUpTo { bytesPassed = topic.bytesHeard - topic.ring.bytes }
            }
        } else {
            let unread = topic.bytesHeard - bytesPassed
            if unread > queueBytesMax / 2 { isBehind = true }
            if unread > queueBytesMax { elidesUpTo = topic.seq }
        }
        if left > 0 {
            for entry in topic.ring.entries(from: next) where left > 0 {
                pass(entry, topic, &items, &left)
            }
        }
        tellGap(topic, &items)
        tellLive(before: next, topic, &items)
        if items.contains(where: \.isProgress) { progressAt = now }
        standing = Cursor(epoch: topic.epoch, seq: next - 1)
        return items
    }

    private mutating func pass(
        _ entry: Entry, _ topic: Topic, _ items: inout [Item], _ left: inout Int
    ) {
        if entry.seq > next { lose(upTo: entry.seq, topic, &items) }
        tellLive(before: entry.seq, topic, &items)
        next = entry.seq + 1
        if entry.seq > wholeUpTo { bytesPassed += entry.byteCount }
        guard topic.isWanted(entry, wish) else { return }
        if let reason = reasonToPassOver(entry, topic) {
            return passOver(entry.seq...entry.seq, reason, topic, &items)
        }
        tellGap(topic, &items)
        items.append(.entry(entry))
        left -= entry.byteCount
    }

    private func reasonToPassOver(_ entry: Entry, _ topic: Topic) -> GapReason? {
        guard entry.seq > wholeUpTo, case .event = entry.update.kind else { return nil }
        let type = entry.update.type
        if type.isLog, entry.seq <= elidesUpTo { return .slowConsumer }
        if type.isProgress, isBehind, entry.seq < topic.latestProgress { return .conflated }
        return nil
    }

    /// What lies before `seq` is not kept any more.
    private mutating func lose(upTo seq: UInt64, _ topic: Topic, _ items: inout [Item]) {
        guard next < seq else { return }
        passOver(next...seq - 1, .slowConsumer, topic, &items)
        next = seq
    }

    private mutating func passOver(
        _ seqs: ClosedRange<UInt64>, _ reason: GapReason, _ topic: Topic, _ items: inout [Item]
    ) {
        tellLive(before: seqs.lowerBound, topic, &items)
        let before = passedOver ?? (seqs.lowerBound, seqs.upperBound, reason)
        passedOver = (
            before.from, seqs.upperBound, before.reason == reason ? reason : .slowConsumer
        )
    }

    private mutating func tellGap(_ topic: Topic, _ items: inout [Item]) {
        guard let (from, to, reason) = passedOver else { return }
        passedOver = nil
        items.append(.gap(Gap(from: from, to: to, reason: reason, epoch: topic.epoch)))
    }

    private mutating func tellLive(
        before seq: UInt64, _ topic: Topic, _ items: inout [Item]
    ) {
        guard let liveAfter, seq > liveAfter else { return }
        tellGap(topic, &items)
        // Not `liveAfter`: a gap may have carried the client past it, and no cursor goes back.
        items.append(.live(topic.epoch, seq - 1))
        self.liveAfter = nil
    }
}

extension Item {
    fileprivate var isProgress: Bool {
        if case .entry(let entry) = self { entry.update.type.isProgress } else { false }
    }
}
