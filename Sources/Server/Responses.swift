// The bodies of HTTP answers. Errors are `{"error":{"code":…,"message":…}}`, with a code that stays.

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
        let challenge = [(name: "www-authenticate", value: "Bearer")]
        return error(
            close.httpStatus, close.name, close.reason, close.httpStatus == 401 ? challenge : [])
    }

    static func violation(_ violation: HTTPViolation) -> Response {
        error(
            violation.status, violation.rawValue,
            "the request breaks a rule of HTTP/1.1: \(violation.rawValue)")
    }

    static let notFound = error(404, "not_found", "there is nothing at this path")

    static let redisAway = error(
        503, "redis_away", "Redis can't be asked at the moment; come again", [("retry-after", "1")])

    static let methodNotAllowed = error(
        405, "method_not_allowed", "only GET and HEAD are answered here", [("allow", "GET, HEAD")])

    /// A snapshot with its ETag, or 304 for who has it. Watchers come and go without a new tag.
    static func snapshot(_ opening: Opening, watchers: Int, knownTags: [String]) -> Response {
        let tag = "\"\(opening.epoch?.text ?? "none"):\(opening.seq)\""
        let headers = [(name: "etag", value: tag), ("cache-control", "no-cache")]
        if knownTags.contains(where: { $0 == tag || $0 == "W/" + tag || $0 == "*" }) {
            return Response(status: 304, headers: headers)
        }
        var json = JSONWriter()
        json.beginObject()
        opening.snapshot.writeMembers(into: &json, job: opening.job, watchers: watchers)
        json.endObject()
        return Response(
            status: 200, headers: headers + [("content-type", "application/json")], body: json.bytes
        )
    }

    /// No inline script or style, nothing from elsewhere, no framing; the page's own rules.
    static func asset(_ file: (path: String, contentType: String, body: String)) -> Response {
        Response(
            status: 200,
            headers: [
                ("content-type", file.contentType), ("cache-control", "no-cache"),
                ("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"),
                (
                    "content-security-policy",
                    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
                        + "img-src 'self' data:; base-uri 'none'; form-action 'none'; "
                        + "frame-ancestors 'none'"
                ),
            ],
            body: Array(file.body.utf8))
    }
}
