// JobListing is `GET /api/v1/jobs`: a query in, a question to the feed, a page out.

import Feed
import JSON
import Jobs
import Tokens
import Wire

enum JobListing {
    static let limitDefault = 50
    static let limitMax = 200

    static func request(_ query: Query, _ grant: Grant) throws(Close) -> JobListRequest {
        let limit = try query.count("limit", default: limitDefault, in: 1...limitMax)
        var request = JobListRequest(limit: limit) { grant.mayFollow($0) }
        request.coversBelonging = grant.belongings
        request.status = query.first("status")
        request.queue = query.first("queue")
        request.owner = query.first("owner")
        request.text = query.first("q")
        request.cursor = query.first("cursor")
        return request
    }

    static func response(_ page: JobListPage, watchers: (JobID) -> Int) -> Response {
        var json = JSONWriter(reserving: 512 * page.rows.count)
        json.beginObject()
        json.key("jobs")
        json.beginArray()
        for row in page.rows {
            json.beginObject()
            row.snapshot.writeMembers(into: &json, job: row.job, watchers: watchers(row.job))
            json.endObject()
        }
        json.endArray()
        json.key("next")
        if let next = page.next { json.string(next) } else { json.null() }
        json.endObject()
        return .json(200, json.bytes)
    }
}
