// CrossOrigin tells a browser which foreign pages may read our answers (the Fetch standard's CORS): those
// of the allowed origins. Where none are set, no page but our own may.

import Wire

struct CrossOrigin {
    /// So long a browser may keep our answer to its question.
    static let preflightSeconds = 600

    let allowedOrigins: [String]

    func headers(for head: RequestHead) -> [(name: String, value: String)] {
        guard !allowedOrigins.isEmpty else { return [] }
        if allowedOrigins.contains("*") {
            return [("access-control-allow-origin", "*")] + Self.exposed
        }
        guard let origin = head.first("origin"), allowedOrigins.contains(origin) else {
            return [("vary", "origin")]
        }
        return [("vary", "origin"), ("access-control-allow-origin", origin)] + Self.exposed
    }

    /// The answer to OPTIONS; who is allowed at all is said by `headers`, as with every answer.
    static func options(_ route: Route) -> Response {
        Response(
            status: 204,
            headers: [
                ("allow", route.allow), ("access-control-allow-methods", route.allow),
                (
                    "access-control-allow-headers",
                    "authorization, content-type, if-none-match, last-event-id"
                ),
                ("access-control-max-age", String(preflightSeconds)),
            ])
    }

    private static let exposed = [(name: "access-control-expose-headers", value: "etag")]
}
