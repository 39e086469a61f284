// SilenceWatch knows when each job was last heard, and finds those that have been silent for too long. Pure:
// time, in monotonic nanoseconds, comes in.
//
// A job that speaks costs a look into a dictionary: it stays in the bucket that it is in, and is moved on only
// when that is due. So it is found an eighth of the time late at most, and never early.
//
// Invariant: each watched job is in one bucket, which is due no later than the job.

import Jobs

/// A job and the number of its last entry.
struct Cursored: Equatable {
    let job: JobID
    let seq: UInt64
}

struct SilenceWatch {
    /// No more jobs are watched.
    static let jobsMax = 1_000_000

    private let silentMax: Int64
    private let bucketSpan: Int64
    private var last: [JobID: (seq: UInt64, at: Int64)] = [:]
    private var buckets: [Int64: [JobID]] = [:]

    init(silentMax: Int64) {
        self.silentMax = silentMax
        bucketSpan = max(silentMax / 16, 1)
    }

    var count: Int { last.count }

    mutating func heard(_ job: JobID, seq: UInt64, at now: Int64) {
        if last.updateValue((seq, now), forKey: job) != nil { return }
        guard last.count <= Self.jobsMax else {
            last[job] = nil
            return
        }
        buckets[bucket(now), default: []].append(job)
    }

    /// What the list says is older than what was heard.
    mutating func heard(listed: Cursored, at now: Int64) {
        if last[listed.job] == nil { heard(listed.job, seq: listed.seq, at: now) }
    }

    /// Up to so many jobs that have been silent for too long. They are no longer watched.
    mutating func silent(at now: Int64, atMost max: Int) -> [Cursored] {
        var silent: [Cursored] = []
        for each in buckets.keys.sorted() where each <= now / bucketSpan {
            while silent.count < max, let job = buckets[each]?.popLast() {
                guard let known = last[job] else { continue }
                if now - known.at >= silentMax {
                    last[job] = nil
                    silent.append(Cursored(job: job, seq: known.seq))
                } else {
                    buckets[bucket(known.at), default: []].append(job)
                }
            }
            if buckets[each]?.isEmpty == true { buckets[each] = nil }
        }
        return silent
    }

    /// When this one's time has come, whoever was heard at `time` has been silent for too long.
    private func bucket(_ time: Int64) -> Int64 { (time + silentMax) / bucketSpan + 1 }
}
