// JobList is what somebody asks for who does not know a job's name: a filter, a page, a place to go on.

import Jobs

public struct JobListRequest: Sendable {
    /// Compared with the snapshot's own words; nil for any.
    public var status: String?
    public var queue: String?
    public var owner: String?
    /// A part of the id.
    public var text: String?
    public var limit: Int
    /// A `next` of an earlier page.
    public var cursor: String?
    /// The rights of who asks.
    public var covers: @Sendable (JobID) -> Bool
    /// By its queue or its owner a job may be seen as well.
    public var coversBelonging: (@Sendable (Belonging) -> Bool)?

    public init(limit: Int, covers: @escaping @Sendable (JobID) -> Bool) {
        self.limit = limit
        self.covers = covers
    }

    /// Before its queue and its owner are known.
    func mayCover(_ job: JobID) -> Bool { coversBelonging != nil || covers(job) }

    /// The cheap questions first.
    func wants(_ job: JobID, _ snapshot: Snapshot) -> Bool {
        (covers(job) || coversBelonging.map { $0(snapshot.belonging) } ?? false)
            && text.map { job.text.contains($0) } ?? true
            && status.map { snapshot.status == $0 } ?? true
            && queue.map { snapshot.belonging.isIn($0) } ?? true
            && owner.map { snapshot.belonging.isOwned(by: $0) } ?? true
    }
}

public struct JobListPage: Sendable {
    public struct Row: Sendable {
        public let job: JobID
        public let snapshot: Snapshot
    }

    /// So much of snapshots is put on one page, unless one alone is more.
    public static let bytesMax = 1_048_576
    /// So many jobs are looked at for one page, so that no question holds up the events. A page may
    /// therefore have few rows, or none, and still a `next`.
    public static let looksMax = 10_000

    public internal(set) var rows: [Row] = []
    /// Nil where there are no older ones.
    public internal(set) var next: String?

    public init() {}
}

public enum JobListFault: String, Error, Sendable {
    case badCursor = "bad_request"
    case redisUnavailable = "redis_unavailable"
    case redisRefused = "redis_refused"

    public var message: String {
        switch self {
        case .badCursor: "cursor: take the next of an earlier page"
        case .redisUnavailable: "Redis can't be asked at the moment; come again"
        case .redisRefused: "Redis refused to list the jobs; the server's log says why"
        }
    }
}

public typealias JobListReply = (Result<JobListPage, JobListFault>) -> Void

/// Things by their age. Each gets a number, higher than all before.
struct BirthOrder<Element> {
    private var kept: [(birth: UInt64, element: Element?)] = []
    private var next: UInt64 = 1
    private var holes = 0

    var count: Int { kept.count - holes }

    mutating func append(_ element: Element) -> UInt64 {
        defer { next += 1 }
        kept.append((next, element))
        return next
    }

    mutating func remove(_ birth: UInt64) {
        let index = firstIndex(from: birth)
        guard index < kept.count, kept[index].birth == birth, kept[index].element != nil else {
            return
        }
        kept[index].element = nil
        holes += 1
        guard holes > Self.holesMin, holes > kept.count / 2 else { return }
        kept.removeAll { $0.element == nil }
        holes = 0
    }

    /// From the youngest on, or from the first that is older than `birth`, until `visit` answers false.
    func visit(before birth: UInt64?, _ visit: (UInt64, Element) -> Bool) {
        var index = birth.map { firstIndex(from: $0) } ?? kept.count
        while index > 0 {
            index -= 1
            guard let element = kept[index].element else { continue }
            guard visit(kept[index].birth, element) else { return }
        }
    }

    private func firstIndex(from birth: UInt64) -> Int {
        var (low, high) = (0, kept.count)
        while low < high {
            let middle = (low + high) / 2
            if kept[middle].birth < birth { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static var holesMin: Int { 64 }
}
