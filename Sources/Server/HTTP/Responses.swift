// The bodies of HTTP answers. Errors are `{"error":{"code":…,"message":…}}`, with a code that stays.

import Feed
import JSON
import Jobs
import Wire

extension Response {
    static func json(
        _ status: Int, _ body: [UInt8], _ headers: [(name: String, value: String)] = []
    ) -> Response {
        Response(
            status: status,
            headers: [("content-type", "application/json"), ("cache-control", "no-store")]
                + headers,
            body: body)
    }

    static func error(
        _ status: Int, _ code: String, _ message: String,
        _ headers: [(name: String, value: String)] = []
    ) -> Response {
        var json = JSONWriter()
        json.beginObject()
        json.key("error")
        json.beginObject()
        json.key("code")
        json.string(code)
        json.key("message")
        json.string(message)
        json.endObject()
        json.endObject()
        return .json(status, json.bytes, headers)
    }

    /// The same refusal that a WebSocket is closed with, in HTTP's words.
    static func refusal(_ close: Close) -> Response {
        let headers: [(name: String, value: String)] =
            switch close.httpStatus {
            case 401: [("www-authenticate", "Bearer")]
            case 429, 503: [("retry-after", String(close.retryAfter))]
            default: []
            }
        return error(close.httpStatus, close.name, close.reason, headers)
    }

    static func violation(_ violation: HTTPViolation) -> Response {
        error(
            violation.status, violation.rawValue,
            "the request breaks a rule of HTTP/1.1: \(violation.rawValue)")
    }

    static let notFound = error(404, "not_found", "there is nothing at this path")

    /// Not now; later perhaps.
    static func unavailable(_ code: String, _ message: String) -> Response {
        error(503, code, message, [("retry-after", "1")])
    }

    static let redisAway = unavailable(
        JobListFault.redisUnavailable.rawValue, JobListFault.redisUnavailable.message)

    static func methodNotAllowed(_ route: Route) -> Response {
        error(
            405, "method_not_allowed", "only \(route.allow) are answered here",
            [("allow", route.allow)])
    }

    /// A snapshot with its ETag, or 304 for who has it. Watchers come and go without a new tag.
    static func snapshot(_ opening: Opening, watchers: Int, knownTags: [String]) -> Response {
        let tag = tag(opening)
        let headers = [(name: "etag", value: tag), ("cache-control", "private, no-cache")]
        if names(knownTags, tag) { return Response(status: 304, headers: headers) }
        var json = JSONWriter()
        json.beginObject()
        opening.snapshot.writeMembers(into: &json, job: opening.job, watchers: watchers)
        json.endObject()
        return Response(
            status: 200, headers: headers + [("content-type", "application/json")], body: json.bytes
        )
    }

    /// What is told of a job changes with its last number, and with nothing else.
    private static func tag(_ opening: Opening) -> String {
        "\"\(opening.epoch?.text ?? "none"):\(opening.seq)\""
    }

    private static func names(_ knownTags: [String], _ tag: String) -> Bool {
        knownTags.contains { $0 == tag || $0 == "W/" + tag || $0 == "*" }
    }

    /// A finished job's page may be kept for a while, by the client alone; others are asked for again.
    static func events(_ page: EventsPage, of opening: Opening, knownTags: [String]) -> Response {
        let tag = tag(opening)
        let isFinished = opening.snapshot.finishedAt != nil
        let headers = [
            (name: "etag", value: tag),
            ("cache-control", isFinished ? "private, max-age=60" : "private, no-cache"),
        ]
        if names(knownTags, tag) { return Response(status: 304, headers: headers) }
        return Response(
            status: 200, headers: headers + [("content-type", "application/json")],
            body: page.json())
    }

    /// The lines of all log events; where some are missing, a line that says so.
    static func log(_ opening: Opening) -> Response {
        var text: [UInt8] = []
        if let first = opening.updates.first?.seq ?? (opening.epoch.map { _ in opening.seq + 1 }),
            first > 1
        {
            text += "[events 1 to \(first - 1) are no longer kept]\n".utf8
        }
        for update in opening.updates {
            switch update.kind {
            // Kept in the history are only gaps of which nobody knows whether anything is missing.
            case .gap(let reason): text += "[events may be missing here: \(reason.rawValue)]\n".utf8
            case .event where update.type.isLog:
                let frame = update.frame
                LogLines.append(from: Frames.payload(of: frame), to: &text)
            case .event: break
            }
        }
        return Response(
            status: 200,
            headers: [
                ("content-type", "text/plain; charset=utf-8"), ("cache-control", "no-store"),
            ], body: text)
    }

    static func published(_ result: Result<Published, PublishFault>) -> Response {
        switch result {
        case .success(let published):
            var json = JSONWriter()
            json.beginObject()
            json.key("epoch")
            json.string(published.epoch.text)
            json.key("seqs")
            json.beginArray()
            for seq in published.seqs { json.integer(seq) }
            json.endArray()
            json.endObject()
            return .json(200, json.bytes)
        case .failure(let fault) where fault == .noChannel:
            return .error(501, fault.rawValue, fault.message)
        case .failure(.keyReused):
            return .error(409, PublishFault.keyReused.rawValue, PublishFault.keyReused.message)
        case .failure(let fault):
            return .unavailable(fault.rawValue, fault.message)
        }
    }

    static func asset(_ file: (path: String, contentType: String, body: String)) -> Response {
        Response(
            status: 200,
            headers: [
                ("content-type", file.contentType), ("cache-control", "no-cache"),
            ],
            body: Array(file.body.utf8))
    }
}
