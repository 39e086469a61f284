// The list of a memory history's jobs: the youngest first, by when their first event was heard. A cursor
// is the age of the last job seen, so jobs that come or are forgotten meanwhile move nothing.

import Jobs

extension MemoryHistory {
    func list(_ request: JobListRequest) throws(JobListFault) -> JobListPage {
        var before: UInt64?
        if let cursor = request.cursor {
            guard let birth = UInt64(cursor) else { throw .badCursor }
            before = birth
        }
        var page = JobListPage()
        var (looks, bytes) = (0, 0)
        var last: UInt64 = 0
        births.visit(before: before) { birth, record in
            let isFull = page.rows.count == request.limit || bytes > JobListPage.bytesMax
            guard !isFull, looks < JobListPage.looksMax else {
                page.next = String(last)
                return false
            }
            looks += 1
            last = birth
            guard request.wants(record.job, record.snapshot) else { return true }
            page.rows.append(.init(job: record.job, snapshot: record.snapshot))
            bytes += record.snapshot.byteCount
            return true
        }
        return page
    }
}
