// FollowedJobs knows how far each followed job has been told, and which must be read from Redis.
//
// What is recorded is heard on one subscription, in one order. An entry that follows the last one told is
// passed on, an old one is dropped, anything else sends us to read the job: live entries wait
// meanwhile and are merged by number. Two loops that ask at once are served by one read.
//
// Invariant: what loops are told of a job is contiguous within an epoch, or an opening stands between.
// It returns what is to be told and calls nobody: who is told may follow another job at once.

import Jobs
import Loop

/// What the loops of `LoopSet` are to be told, in order.
enum FollowedNews {
    case update(Update, SnapshotChange?, LoopSet)
    case opened(Opening, LoopSet)
}

struct FollowedJobs {
    /// A job that Redis is to be asked for. A check wants to know only whether something was missed,
    /// a brief read wants only the latest entries, and what was missed begins behind what was told.
    struct Wish: Equatable {
        enum Kind { case check, brief, missed, whole }

        let job: JobID
        let kind: Kind
        var isCheck: Bool { kind == .check }
        let behind: Cursor?
        let followedSince: Instant
        /// An answer to an older asking is ignored.
        let ticket: Int
    }

    private enum Phase {
        case live
        case wanted(Need)
        case asked(Need, ticket: Int)
    }

    /// Why Redis is asked.
    private enum Need {
        /// An era began: the job must be touched, and what that brings comes by the subscription.
        case touch
        /// The subscription was broken: has anything been missed?
        case check
        case read
    }

    private struct Followed {
        var loops = LoopSet()
        /// Those of `loops` that wait for an opening, and those that came after it was asked for.
        var waiting = LoopSet()
        var late = LoopSet()
        /// Without an epoch: there was no event yet.
        var told: Cursor?
        var phase = Phase.wanted(.read)
        var early: [(Update, SnapshotChange?)] = []
        var earlyBytes = 0
        var isOverfull = false
        /// Nobody has asked for more than the latest entries.
        var isBrief = true
        let since: Instant
        /// Jobs are asked for in the order in which they came, whatever their names hash to.
        let place: Int
    }

    /// What may wait of one job while it is read. Beyond it the job is read once more.
    private let earlyBytesMax: Int
    private var jobs: [JobID: Followed] = [:]
    /// In the order of asking; some may not be wanted any more.
    private var wanted: [JobID] = []
    private var tickets = 0
    private var places = 0

    init(earlyBytesMax: Int) { self.earlyBytesMax = earlyBytesMax }

    var count: Int { jobs.count }
    /// Some of the wishes may have become void; then `nextWishes` is empty.
    var isWanting: Bool { !wanted.isEmpty }
    func isFollowed(_ job: JobID) -> Bool { jobs[job] != nil }
    func loops(of job: JobID) -> LoopSet { jobs[job]?.loops ?? LoopSet() }

    mutating func follow(_ job: JobID, from loop: Int, isBrief: Bool = false, at now: Instant) {
        let isNew = jobs[job] == nil
        if isNew { places += 1 }
        var followed = jobs[job] ?? Followed(since: now, place: places)
        followed.isBrief = followed.isBrief && isBrief
        followed.loops.insert(loop)
        followed.waiting.insert(loop)
        var isListed = false
        switch followed.phase {
        case .live: followed.phase = .wanted(.read)
        case .wanted:
            followed.phase = .wanted(.read)
            isListed = !isNew
        case .asked:
            followed.late.insert(loop)
            isListed = true
        }
        jobs[job] = followed
        if !isListed { want(job) }
    }

    /// While Redis is away jobs may come and go: the list stays in proportion to what is followed.
    private mutating func want(_ job: JobID) {
        wanted.append(job)
        guard wanted.count > 64 + 2 * jobs.count else { return }
        wanted = inOrder { if case .wanted = $0 { true } else { false } }
    }

    private func inOrder(_ isMeant: @escaping (Phase) -> Bool) -> [JobID] {
        jobs.lazy.compactMap { isMeant($1.phase) ? ($1.place, $0) : nil }
            .sorted { $0.0 < $1.0 }.map(\.1)
    }

    mutating func unfollow(_ job: JobID, from loop: Int) {
        jobs[job]?.loops.remove(loop)
        jobs[job]?.waiting.remove(loop)
        jobs[job]?.late.remove(loop)
        if jobs[job]?.loops.isEmpty == true { jobs[job] = nil }
    }

    /// An era was opened by somebody.
    mutating func touchAll() { wantAll(.touch) }

    /// The subscription stands again.
    mutating func checkAll() { wantAll(.check) }

    private mutating func wantAll(_ need: Need) {
        for job in jobs.keys {
            guard var followed = jobs[job] else { continue }
            let mustRead = !followed.waiting.isEmpty || followed.told == nil
            switch followed.phase {
            case _ where mustRead: followed.phase = .wanted(.read)
            // A touch trusts the subscription, so it does not replace a doubt.
            case .wanted(.read), .asked(.read, _): followed.phase = .wanted(.read)
            case .wanted(.check), .asked(.check, _): followed.phase = .wanted(.check)
            default: followed.phase = .wanted(need)
            }
            followed.late = LoopSet()
            jobs[job] = followed
        }
        wanted = inOrder { _ in true }
    }

    /// What is to be asked next: up to so many checks, a few short reads, or one whole one.
    mutating func nextWishes(checksMax: Int) -> [Wish] {
        var wishes: [Wish] = []
        var taken = 0
        for job in wanted {
            guard let followed = jobs[job], case .wanted(let need) = followed.phase else {
                taken += 1
                continue
            }
            let kind = kind(of: need, followed)
            let most = kind == .check ? checksMax : kind == .whole ? 1 : Self.shortReadsMax
            guard wishes.isEmpty || kind == wishes[0].kind && wishes.count < most else { break }
            taken += 1
            tickets += 1
            jobs[job]?.phase = .asked(need, ticket: tickets)
            wishes.append(
                Wish(
                    job: job, kind: kind, behind: kind == .missed ? followed.told : nil,
                    followedSince: followed.since, ticket: tickets))
        }
        wanted.removeFirst(taken)
        return wishes
    }

    private func kind(of need: Need, _ followed: Followed) -> Wish.Kind {
        guard case .read = need else { return .check }
        if followed.isBrief { return .brief }
        return followed.waiting.isEmpty && followed.told?.epoch != nil ? .missed : .whole
    }

    private static let shortReadsMax = 16

    /// No answer came, or none that counts.
    mutating func failed(_ wish: Wish) {
        guard case .asked(let need, wish.ticket) = jobs[wish.job]?.phase else { return }
        jobs[wish.job]?.phase = .wanted(need)
        want(wish.job)
    }

    /// Where the job stands: the answer to a check.
    mutating func stands(_ wish: Wish, at cursor: Cursor) -> [FollowedNews] {
        guard case .asked(let need, wish.ticket) = jobs[wish.job]?.phase,
            let told = jobs[wish.job]?.told
        else { return [] }
        // It got its epoch before its first event.
        if told == Cursor(epoch: nil, seq: 0), cursor.seq == 0 {
            jobs[wish.job]?.told = cursor
            return goOn(wish.job)
        }
        // What a touch has put is on its way to us by the subscription, which was not broken.
        let hasAll =
            if case .touch = need { told.epoch == cursor.epoch && told.seq <= cursor.seq } else {
                told == cursor
            }
        guard hasAll else {
            wantRead(wish.job)
            return []
        }
        return goOn(wish.job)
    }

    /// Live again, unless somebody came meanwhile.
    private mutating func goOn(_ job: JobID) -> [FollowedNews] {
        guard jobs[job]?.late.isEmpty == true else {
            wantRead(job)
            return []
        }
        return goLive(job)
    }

    /// What the job has behind what was told: the answer to a read of what was missed.
    mutating func missed(_ wish: Wish, _ updates: [(Update, SnapshotChange?)]) -> [FollowedNews] {
        guard let followed = jobs[wish.job], case .asked(_, wish.ticket) = followed.phase else {
            return []
        }
        jobs[wish.job]?.waiting = followed.late
        jobs[wish.job]?.late = LoopSet()
        jobs[wish.job]?.told?.seq += UInt64(updates.count)
        let now = followed.loops.subtracting(followed.late)
        defer { if !followed.late.isEmpty { wantRead(wish.job) } }
        return updates.map { .update($0.0, $0.1, now) } + goLive(wish.job)
    }

    /// All of the job at one moment: the answer to a read.
    mutating func opened(_ wish: Wish, _ opening: Opening) -> [FollowedNews] {
        guard var followed = jobs[wish.job],
            case .asked(_, wish.ticket) = followed.phase
        else { return [] }
        let cursor = Cursor(epoch: opening.epoch, seq: opening.seq)
        let due = followed.told == cursor ? followed.waiting : followed.loops
        let opening = opening.shown(to: followed.told)
        followed.told = cursor
        followed.waiting = followed.late
        followed.late = LoopSet()
        jobs[wish.job] = followed
        let now = due.subtracting(followed.waiting)
        let news: [FollowedNews] = now.isEmpty ? [] : [.opened(opening, now)]
        defer { if !followed.waiting.isEmpty { wantRead(wish.job) } }
        return news + goLive(wish.job)
    }

    private mutating func wantRead(_ job: JobID) {
        jobs[job]?.phase = .wanted(.read)
        want(job)
    }

    private mutating func goLive(_ job: JobID) -> [FollowedNews] {
        guard let followed = jobs[job] else { return [] }
        jobs[job]?.phase = .live
        jobs[job]?.early = []
        jobs[job]?.earlyBytes = 0
        jobs[job]?.isOverfull = false
        let news: [FollowedNews] = followed.early.compactMap { update, change in
            hear(update, change).map { .update(update, change, $0) }
        }
        if followed.isOverfull, case .live = jobs[job]?.phase { wantRead(job) }
        return news
    }

    /// What was recorded, as the subscription brings it. Answers which loops are to be told of it.
    mutating func hear(_ update: Update, _ change: SnapshotChange?) -> LoopSet? {
        guard let place = jobs.index(forKey: update.job) else { return nil }
        guard case .live = jobs.values[place].phase else {
            keepEarly(update, change)
            return nil
        }
        guard let told = jobs.values[place].told, update.seq <= told.seq + 1,
            told.epoch == update.epoch || told.epoch == nil
        else {
            // The answer will be younger than this update, so it need not be kept for it.
            wantRead(update.job)
            return nil
        }
        guard update.seq > told.seq else { return nil }
        jobs.values[place].told = Cursor(epoch: update.epoch, seq: update.seq)
        return jobs.values[place].loops
    }

    private static let earlyOverhead = 256

    private mutating func keepEarly(_ update: Update, _ change: SnapshotChange?) {
        guard let followed = jobs[update.job], !followed.isOverfull else { return }
        guard followed.earlyBytes + update.byteCount + Self.earlyOverhead <= earlyBytesMax else {
            jobs[update.job]?.early = []
            jobs[update.job]?.isOverfull = true
            return
        }
        jobs[update.job]?.early.append((update, change))
        jobs[update.job]?.earlyBytes += update.byteCount + Self.earlyOverhead
    }
}
