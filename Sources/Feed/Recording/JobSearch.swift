// JobSearch finds one page of the jobs that Redis lists: it says what to ask next and takes the answers.
//
// Jobs are listed by their birth, which never changes, so a page begins where the one before it ended
// whatever came or changed meanwhile. Names are looked at first, then the few fields that are asked for,
// and whole states only of what goes on the page.
//
// Invariant: each job behind the cursor is on the page, not wanted, or behind `decided`.

import Jobs
import Redis

struct JobSearch {
    enum Step {
        /// So many names of the list, behind this birth.
        case names(behind: String, count: Int)
        /// Fields of these jobs, or with none named all, until so many bytes are reached.
        case states([JobID], fields: [String], bytesMax: Int)
        case done(JobListPage)
    }

    private struct Found {
        let job: JobID
        let birth: String
    }

    static let namesMax = 512
    static let filteredMax = 256
    static let loadedMax = 64
    /// What one question may read of states before it answers with what it has.
    static let readBytesMax = 16 << 20

    /// The key that is asked, behind the prefix.
    let list: [UInt8]
    private let request: JobListRequest
    private var page = JobListPage()
    private var pageBytes = 0
    private var looks = 0
    private var readBytes = 0
    /// In the list's order: not looked at yet, and found to be wanted.
    private var named: ArraySlice<Found> = []
    private var wanted: ArraySlice<Found> = []
    private var lastNamed: String?
    private var decided: String?
    private var hasEnded = false

    init(_ request: JobListRequest) throws(JobListFault) {
        self.request = request
        list = request.queue.map(Self.list) ?? Array("jobs".utf8)
        guard let cursor = request.cursor else { return }
        guard Self.isBirth(cursor) else { throw .badCursor }
        (lastNamed, decided) = (cursor, cursor)
    }

    func next() -> Step {
        let rowsLeft = request.limit - page.rows.count
        if rowsLeft == 0 || pageBytes > JobListPage.bytesMax { return .done(finished()) }
        if !wanted.isEmpty {
            return .states(
                wanted.prefix(min(Self.loadedMax, rowsLeft)).map(\.job), fields: [],
                bytesMax: JobListPage.bytesMax - pageBytes + 1)
        }
        if looks >= JobListPage.looksMax || readBytes >= Self.readBytesMax {
            return .done(finished())
        }
        if !named.isEmpty {
            return .states(
                named.prefix(Self.filteredMax).map(\.job), fields: Self.fields,
                bytesMax: JobListPage.bytesMax)
        }
        if hasEnded { return .done(finished()) }
        return .names(behind: lastNamed ?? "+inf", count: Self.namesMax)
    }

    private func finished() -> JobListPage {
        var page = page
        if !hasEnded || !named.isEmpty || !wanted.isEmpty { page.next = decided }
        return page
    }

    // MARK: answers; false for what no answer to the step is

    /// Names and births in turn, the youngest first.
    mutating func named(_ reply: RedisReply) -> Bool {
        guard case .array(let parts) = reply, parts.count % 2 == 0 else { return false }
        hasEnded = parts.count / 2 < Self.namesMax
        var found: [Found] = []
        for place in stride(from: 0, to: parts.count, by: 2) {
            guard let birth = parts[place + 1].text, !birth.hasPrefix("-") else {
                // Below zero: what is here is not ours, nor what follows.
                hasEnded = true
                break
            }
            looks += 1
            lastNamed = birth
            guard Self.isBirth(birth), let name = parts[place].text,
                let job = try? JobID(checking: name),
                request.mayCover(job), request.text.map(job.text.contains) ?? true
            else { continue }
            found.append(Found(job: job, birth: birth))
        }
        let mustFilter =
            request.status != nil || request.owner != nil || request.coversBelonging != nil
        (named, wanted) = mustFilter ? (found[...], []) : ([], found[...])
        if found.isEmpty { decide(lastNamed) }
        return true
    }

    mutating func states(_ reply: RedisReply) -> Bool {
        guard case .array(let jobs) = reply, !jobs.isEmpty else { return false }
        if wanted.isEmpty { filter(jobs) } else { load(jobs) }
        // What is behind the last one that was looked at is not wanted either.
        if wanted.isEmpty, named.isEmpty { decide(lastNamed) }
        return true
    }

    /// A score that is no birth is nothing to come back with.
    private mutating func decide(_ birth: String?) {
        if let birth, Self.isBirth(birth) { decided = birth }
    }

    private mutating func filter(_ jobs: [RedisReply]) {
        for reply in jobs {
            guard let found = named.popFirst() else { return }
            if wanted.isEmpty { decided = found.birth }
            guard case .array(let values) = reply else { continue }
            var kept: [String: [UInt8]] = [:]
            for (field, value) in zip(Self.fields, values) {
                if case .bytes(let bytes) = value { kept[field] = bytes }
            }
            readBytes += kept.values.reduce(0) { $0 + $1.count }
            if request.wants(found.job, Snapshot(kept: kept)) { wanted.append(found) }
        }
    }

    private mutating func load(_ jobs: [RedisReply]) {
        for reply in jobs {
            guard let found = wanted.popFirst() else { return }
            decided = found.birth
            guard case .array(let fields) = reply else { continue }
            let snapshot = Snapshot(fields: fields)
            readBytes += snapshot.byteCount
            guard request.wants(found.job, snapshot) else { continue }
            page.rows.append(.init(job: found.job, snapshot: snapshot))
            pageBytes += snapshot.byteCount
        }
    }

    private static let fields = ["created_at", "status", "queue", "owner"]

    /// As the script names it.
    private static func list(of queue: String) -> [UInt8] {
        Array("queue:".utf8) + QueueName.spelled(queue).prefix(200)
    }

    private static func isBirth(_ text: String) -> Bool {
        1...20 ~= text.utf8.count && text.utf8.allSatisfy { 0x30...0x39 ~= $0 }
    }
}
