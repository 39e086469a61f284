// MemoryHistory numbers and keeps the events of jobs in the memory of this one bridge.
//
// It follows the `append` and `touch` of the design's recording algorithm, without Redis: a job gets
// a random epoch with its first event and numbers without holes; when the subscription was broken
// (a new era), a gap entry is put before whatever comes next, in each job that had events before or was followed.
// Where one is the last entry already, the epoch is left before it: it is told once more, under a new name.
//
// Invariants: (epoch, seq) never names two entries, because an epoch that was forgotten never comes
// back. A job that a loop follows is never forgotten. `bytes` is what all records weigh together.

import Jobs
import Wire

public struct MemoryLimits: Equatable, Sendable {
    public var perJob: RingLimits
    public var jobsMax: Int
    public var bytesMax: Int

    public init(
        perJob: RingLimits = RingLimits(), jobsMax: Int = 100_000, bytesMax: Int = 268_435_456
    ) {
        self.perJob = perJob
        self.jobsMax = jobsMax
        self.bytesMax = bytesMax
    }
}

struct MemoryHistory {
    final class Record {
        let job: JobID
        var epoch: Epoch
        var seq: UInt64 = 0
        var forks: [Fork] = []
        var era: Int
        var loops: LoopSet
        var snapshot = Snapshot()
        var ring = Ring<Update>()
        /// Since the hand of `forget` last passed.
        var wasUsed = true
        var place = 0
        var birth: UInt64 = 0
        /// Of the last event, by the monotonic clock.
        var heardAt: Int64 = 0

        init(job: JobID, epoch: Epoch, era: Int, loops: LoopSet) {
            self.job = job
            self.epoch = epoch
            self.era = era
            self.loops = loops
        }
    }

    /// What a record weighs beside its entries and its snapshot, roughly: enough to bound memory by.
    private static let recordBytes = 512

    /// How many records one event may look at to make room, so that no event pays for all.
    private static let looksMax = 128

    /// So many epochs back a cursor is understood.
    private static let forksMax = 8

    private let limits: MemoryLimits
    private var random: any RandomNumberGenerator
    private var era = 0
    private var records: [JobID: Record] = [:]
    /// What each loop follows of jobs that had no event yet, since which era: a record for each would be a
    /// hundred times as much.
    private var awaited = [[JobID: Int]](repeating: [:], count: LoopSet.loopsMax)
    private var order: [Record] = []
    private(set) var births = BirthOrder<Record>()
    private var hand = 0
    private var silenceHand = 0
    private(set) var bytes = 0

    init(limits: MemoryLimits, random: any RandomNumberGenerator) {
        self.limits = limits
        self.random = random
    }

    var jobCount: Int { records.count }

    /// A gap in a job that these loops follow: told as an update, or in place of what came behind a number.
    enum Missed { case update(Update, LoopSet), opening(Opening, LoopSet) }

    /// Something may have been missed: in each job, whatever comes next comes behind a gap entry. Answers
    /// those of the followed jobs; the others get theirs when they are next touched.
    mutating func beginEra(heardAt: Int64) -> [Missed] {
        era += 1
        var missed: [Missed] = []
        for record in order where !record.loops.isEmpty {
            let epoch = record.epoch
            guard let gap = alignEra(record, heardAt) else { continue }
            missed.append(
                record.epoch == epoch
                    ? .update(gap, record.loops)
                    : .opening(
                        opening(of: record, updates: [gap], behind: gap.seq - 1), record.loops))
        }
        return missed
    }

    /// Gives the event its number. The gap, where there is one, comes first.
    mutating func append(
        _ event: PreparedEvent, to job: JobID, heardAt: Int64
    ) -> (gap: Update?, update: Update, loops: LoopSet) {
        let record = records[job] ?? begin(job)
        record.wasUsed = true
        record.heardAt = heardAt
        let gap = alignEra(record, heardAt)
        bytes -= record.snapshot.byteCount
        record.snapshot.apply(event.change)
        bytes += record.snapshot.byteCount
        let update = put(record) { seq in
            Update(
                job: job, epoch: record.epoch, seq: seq, kind: .event, type: event.type,
                frame: EventFrame.encode(job: job, seq: seq, rest: event.rest.span),
                heardAt: heardAt)
        }
        return (gap, update, record.loops)
    }

    /// Everything about a job at this moment, and from now on its updates, for `loop`.
    /// No other loop misses the gap that this may bring: where one follows, `beginEra` has put it.
    mutating func follow(
        _ job: JobID, from loop: Int, isBrief: Bool = false, heardAt: Int64
    ) -> Opening {
        guard let record = records[job] else {
            awaited[loop][job] = era
            return Opening(job: job)
        }
        record.wasUsed = true
        _ = alignEra(record, heardAt)
        record.loops.insert(loop)
        let entries = record.ring.entries
        return opening(
            of: record,
            updates: Array(isBrief ? entries.suffix(Opening.briefEntriesMax) : entries),
            isBrief: isBrief)
    }

    mutating func unfollow(_ job: JobID, from loop: Int) {
        if let record = records[job] { return record.loops.remove(loop) }
        awaited[loop][job] = nil
    }

    /// The job as it stands, for somebody who does not stay.
    func peek(_ job: JobID) -> Opening {
        records[job].map { opening(of: $0, updates: Array($0.ring.entries)) } ?? Opening(job: job)
    }

    func belonging(of job: JobID) -> Belonging { records[job]?.snapshot.belonging ?? Belonging() }

    /// Of the next few records, those whose job has been silent since before `time` and should not be.
    mutating func silent(before time: Int64) -> [JobID] {
        var jobs: [JobID] = []
        for _ in 0..<min(Silence.keptLooksMax, order.count) {
            if silenceHand >= order.count { silenceHand = 0 }
            let record = order[silenceHand]
            silenceHand += 1
            if record.heardAt <= time, Silence.mayStall(record.snapshot) { jobs.append(record.job) }
        }
        return jobs
    }

    private func opening(
        of record: Record, updates: [Update], isBrief: Bool = false, behind: UInt64? = nil
    ) -> Opening {
        Opening(
            job: record.job, epoch: record.epoch, seq: record.seq, forks: record.forks,
            snapshot: record.snapshot, updates: updates, isBrief: isBrief, behind: behind)
    }

    private mutating func alignEra(_ record: Record, _ heardAt: Int64) -> Update? {
        guard record.era != era else { return nil }
        record.era = era
        if case .gap = record.ring.entries.last?.kind { fork(record) }
        return put(record) { seq in
            Update(
                job: record.job, epoch: record.epoch, seq: seq, kind: .gap(.unrecorded),
                type: EventType("gap"),
                frame: EventFrame.gap(
                    job: record.job, epoch: record.epoch, from: seq, to: seq, reason: .unrecorded),
                heardAt: heardAt)
        }
    }

    /// Leaves the epoch before its last entry.
    private mutating func fork(_ record: Record) {
        record.seq -= 1
        let left = Fork(epoch: record.epoch, seq: record.seq)
        record.forks = Array((record.forks + [left]).suffix(Self.forksMax))
        record.epoch = Epoch.random(using: &random)
        bytes -= record.ring.bytes
        record.ring.removeAll(behind: record.seq)
        bytes += record.ring.bytes
    }

    private mutating func put(_ record: Record, _ entry: (UInt64) -> Update) -> Update {
        record.seq += 1
        let update = entry(record.seq)
        bytes += record.ring.append(update, within: limits.perJob)
        if bytes > limits.bytesMax { forget(sparing: record) }
        return update
    }

    /// A job's first event: its numbering begins, in the era since which it is followed.
    private mutating func begin(_ job: JobID) -> Record {
        var loops = LoopSet()
        var since = era
        for loop in awaited.indices where !awaited[loop].isEmpty {
            guard let era = awaited[loop].removeValue(forKey: job) else { continue }
            loops.insert(loop)
            since = min(since, era)
        }
        let record = Record(
            job: job, epoch: Epoch.random(using: &random), era: since, loops: loops)
        record.place = order.count
        record.birth = births.append(record)
        records[job] = record
        order.append(record)
        bytes += Self.recordBytes
        if records.count > limits.jobsMax { forget(sparing: record) }
        return record
    }

    /// Forgets jobs that nobody follows and that were not used for the longest time (second chance).
    private mutating func forget(sparing spared: Record) {
        var looks = Self.looksMax
        while looks > 0, records.count > limits.jobsMax || bytes > limits.bytesMax {
            looks -= 1
            if hand >= order.count { hand = 0 }
            let record = order[hand]
            if record === spared || !record.loops.isEmpty || record.wasUsed {
                record.wasUsed = false
                hand += 1
            } else {
                remove(record)
            }
        }
    }

    private mutating func remove(_ record: Record) {
        records[record.job] = nil
        births.remove(record.birth)
        bytes -= Self.recordBytes + record.ring.bytes + record.snapshot.byteCount
        let last = order.removeLast()
        if last !== record {
            order[record.place] = last
            last.place = record.place
        }
    }
}
