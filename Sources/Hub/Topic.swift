// Topic is one followed job in one loop: where its history stands, its latest entries, its followers.
//
// Invariants: every follower is in exactly one of `waiting`, `live`, `filtered`, `reading`.
// `pending` is what has been heard and goes out at the end of the tick; `ring` and `seq` speak of the
// moment before it, `snapshot` of the one after. Nobody is welcomed while something is pending, so
// that a welcome is of one moment. A live follower has everything up to `seq`.

import Jobs

final class Topic {
    enum Phase {
        /// The feed was asked; what is heard meanwhile waits here and is merged by number.
        case opening(early: [(Update, SnapshotChange?)])
        case open
    }

    private static let capacityKeptMax = 8

    // A server may have as many of these as clients, so what is small lies where an alignment leaves room,
    // and what most topics do not have is a reference that is nil.
    let job: JobID
    private(set) var hasBeenOpen = false
    /// Whether the hub looks at `releaseAt`.
    var isHolding = false
    /// Of all asks: how many had reached the feed when it last answered for this topic, and before that how
    /// many came before the first for it.
    var asksAnswered: Int
    var phase = Phase.opening(early: [])
    var epoch: Epoch?
    var seq: UInt64 = 0
    var forks: [Fork] = []
    var snapshot = Snapshot()
    var ring = Ring<Entry>()
    /// nil while nobody reads, and nothing was let go that readers must be sent.
    private(set) var keepsakes: Keepsakes?
    /// Of all entries that were ever put into the ring.
    private(set) var bytesHeard = 0
    /// The number of the latest progress event.
    private(set) var latestProgress: UInt64 = 0
    var pending: [Entry] = []

    var waiting: [Waiting] = []
    var live: [FollowerID] = []
    var filtered: [Filtered] = []
    var reading: [FollowerID: Reader] = [:]
    /// nil where no view has ever had to do with it.
    var viewing: Viewing?
    /// When the first of what paces hold is due.
    var releaseAt: Int64?

    init(job: JobID, asksBefore: Int) {
        self.job = job
        asksAnswered = asksBefore
    }

    var watchers: Int { waiting.count + live.count + filtered.count + reading.count }
    /// The number the next heard update must carry.
    var nextHeard: UInt64 { seq + UInt64(pending.count) + 1 }
    var epochHeard: Epoch? { pending.last?.update.epoch ?? epoch }

    /// Moves what is pending into the ring, and hands it out; of what is more than one piece, a piece.
    func takePending(
        through last: UInt64 = .max, limits: HubLimits, _ handOut: ([Entry]) -> Void
    ) {
        var entries: [Entry] = []
        swap(&entries, &pending)
        if let end = entries.last, end.seq > last {
            pending = entries.filter { $0.seq > last }
            entries.removeLast(pending.count)
        }
        for entry in entries {
            epoch = entry.update.epoch
            put(entry, limits)
        }
        handOut(entries)
        // The next tick's will lie in the same memory; that of a burst goes back.
        guard pending.isEmpty, entries.capacity <= Self.capacityKeptMax else { return }
        entries.removeAll(keepingCapacity: true)
        swap(&entries, &pending)
    }

    private func put(_ entry: Entry, _ limits: HubLimits) {
        seq = entry.seq
        bytesHeard += entry.byteCount
        if entry.update.type.isProgress { latestProgress = seq }
        if reading.isEmpty {
            ring.append(entry, within: limits.ring)
        } else {
            ring.append(entry, within: limits.ring) { self.keep($0, limits) }
        }
    }

    private func keep(_ entry: Entry, _ limits: HubLimits) {
        let keepsakes = keepsakes ?? Keepsakes()
        keepsakes.keep(entry, bytesMax: limits.queueBytesMax)
        self.keepsakes = keepsakes
    }

    /// Who took nothing of a delivery, though there was something for him, is read on from there.
    func fallBehind(_ followers: [FollowerID], in delivery: Delivery, _ limits: HubLimits) {
        let fallen = Set(followers)
        if reading.isEmpty {
            // While nobody was behind, nothing was kept of what this tick pushed out of the ring.
            let kept = ring.firstSeq ?? seq + 1
            for entry in delivery.entries where entry.seq < kept { keep(entry, limits) }
        }
        func fall(_ follower: FollowerID, _ wish: Wish, _ unsent: [Entry]) {
            reading[follower] = Reader(
                behind: self, wish, unsent: unsent, isNewEpoch: delivery.beginsEpoch != nil)
        }
        for follower in live where fallen.contains(follower) {
            fall(follower, Wish(), delivery.entries)
        }
        for each in filtered where fallen.contains(each.follower) {
            let selection = delivery.filtered.first { $0.follower == each.follower }
            if let selection { fall(each.follower, each.wish, selection.entries) }
        }
        live.removeAll { fallen.contains($0) }
        filtered.removeAll { fallen.contains($0.follower) }
    }

    /// An empty dictionary keeps its memory, and most topics are idle: so it is let go.
    @discardableResult
    func endReading(_ follower: FollowerID) -> Bool {
        guard reading.removeValue(forKey: follower) != nil else { return false }
        if reading.isEmpty { (reading, keepsakes) = ([:], nil) }
        return true
    }

    func remove(_ follower: FollowerID) -> Bool {
        if endReading(follower) { return true }
        if let index = live.firstIndex(of: follower) {
            live.swapAt(index, live.count - 1)
            live.removeLast()
            return true
        }
        if let index = filtered.firstIndex(where: { $0.follower == follower }) {
            filtered.remove(at: index)
            return true
        }
        guard let index = waiting.firstIndex(where: { $0.follower == follower }) else {
            return false
        }
        waiting.remove(at: index)
        return true
    }

    /// What an opening tells that was not heard yet.
    enum News { case nothing, updates([Update]), everything }

    func news(in opening: Opening) -> News {
        guard hasBeenOpen, opening.epoch == epochHeard else {
            return .everything
        }
        // Of a brief topic only the latest are here; nobody told us more than the answer has.
        let bringsPast = viewing?.isBrief == true && opening.isWhole
        if bringsPast, opening.seq + 1 >= nextHeard { return .everything }
        guard opening.seq >= nextHeard else { return .nothing }
        let missed = opening.updates.filter { $0.seq >= nextHeard }
        // Who waits wants to be welcomed at this number, not at an earlier one. Where the job has gone
        // to another queue or owner, it is not known which of the events has brought it there.
        guard missed.first?.seq == nextHeard, waiting.isEmpty,
            viewing == nil || opening.snapshot.belonging == snapshot.belonging
        else { return .everything }
        return .updates(missed)
    }

    /// Whether an opening that has only what comes behind this number can be taken over.
    func holds(through behind: UInt64) -> Bool { hasBeenOpen && nextHeard > behind }

    /// Takes over what the feed said. Followers that were live go on from where they were.
    func open(_ opening: Opening, limits: HubLimits) {
        let standing = Cursor(epoch: epoch, seq: seq)
        if let behind = opening.behind {
            for entry in pending where entry.seq <= behind {
                ring.append(entry, within: limits.ring)
            }
            ring.removeAll(behind: behind)
        } else {
            ring.removeAll()
        }
        // What else is pending was not delivered: it is in the opening, or it is gone.
        pending = []
        epoch = opening.epoch
        seq = opening.seq
        forks = opening.forks
        snapshot = opening.snapshot
        keepsakes = nil
        for update in opening.updates { ring.append(Entry(update), within: limits.ring) }
        latestProgress = ring.entries.last { $0.update.type.isProgress }?.seq ?? 0
        guard hasBeenOpen else {
            hasBeenOpen = true
            return
        }
        let readers = reading
        func resume(
            _ follower: FollowerID, at standing: Cursor, _ wish: Wish, isLive: Bool = true
        ) {
            let isTornOff = opening.isTornOff && standing.epoch == nil
            self.resume(follower, at: standing, wish, isLive: isLive, isTornOff: isTornOff)
        }
        for follower in live { resume(follower, at: standing, Wish()) }
        for each in filtered {
            // What a pace still holds the client has not seen.
            let seq = each.pace?.firstHeld.map { $0 - 1 } ?? standing.seq
            resume(each.follower, at: Cursor(epoch: standing.epoch, seq: seq), each.wish)
        }
        for (follower, reader) in readers {
            resume(follower, at: reader.standing, reader.wish, isLive: reader.liveAfter == nil)
        }
        live = []
        filtered = []
        releaseAt = nil
    }

    private func resume(
        _ follower: FollowerID, at standing: Cursor, _ wished: Wish, isLive: Bool, isTornOff: Bool
    ) {
        let wish = Wish(
            after: standing, types: wished.types, progressInterval: wished.progressInterval)
        var (next, gaps) = place(wish, limits: nil)
        if isTornOff {
            gaps = [Gap(from: nil, to: nil, reason: .epochChanged, epoch: epoch)] + gaps
        }
        // A new epoch is announced before its first event, by a gap or by `live`; an old one goes on.
        let isUnannounced = standing.epoch != epoch && (isLive || standing.epoch == nil)
        reading[follower] = Reader(
            joining: self, wish, standing: standing, next: next, gaps: gaps,
            liveAfter: isUnannounced ? next - 1 : isLive ? nil : seq)
    }

    /// Begins to serve a new follower from the ring.
    func welcome(_ follower: FollowerID, _ wish: Wish, limits: RingLimits) -> Welcome {
        let (next, gaps) = place(wish, limits: limits)
        let standing =
            wish.after.map { Cursor(epoch: $0.epoch ?? epoch, seq: $0.seq) }
            ?? Cursor(epoch: epoch, seq: gaps.first?.from.map { $0 - 1 } ?? next - 1)
        reading[follower] = Reader(
            joining: self, wish, standing: standing, next: next, gaps: gaps, liveAfter: seq)
        let replayed = ring.entries(from: next)
        return Welcome(
            follower: follower, job: job, snapshot: snapshot, epoch: epoch, seq: seq,
            replay: Replay(
                from: replayed.first?.seq, to: replayed.last?.seq,
                count: wish.isWhole
                    ? replayed.count : replayed.count(where: { isWanted($0, wish) }),
                isComplete: gaps.isEmpty))
    }
}
