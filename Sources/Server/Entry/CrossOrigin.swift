// CrossOrigin tells a browser which foreign pages may read our answers (the Fetch standard's CORS), those
// of the allowed origins, and refuses what a foreign page made a browser send with our cookie.
//
// Invariant: `*` stands for pages that bring a token. It never lets in a cookie, nor is told beside
// credentials.

import Wire

struct CrossOrigin {
    /// So long a browser may keep our answer to its question.
    static let preflightSeconds = 600

    /// Empty: not checked where a token comes, for then a foreign page has nothing of ours to abuse.
    private let allowed: [String]
    private let isForAll: Bool
    private let takesCookies: Bool
    private let vary: String

    init(allowedOrigins: [String], takesCookies: Bool) {
        (allowed, self.takesCookies) = (allowedOrigins, takesCookies)
        isForAll = allowed.contains("*")
        vary =
            "accept, authorization" + (takesCookies ? ", cookie" : "")
            + (allowed.isEmpty || isForAll ? "" : ", origin")
    }

    // MARK: who may come

    /// A browser says where its page comes from; other clients say nothing, and need not. Our own
    /// page is always welcome.
    func check(_ head: RequestHead) throws(Close) {
        guard !allowed.isEmpty, !isForAll, let origin = head.first("origin"),
            !allowed.contains(origin), !isOurs(origin, head, isSecure: false)
        else { return }
        throw .originRefused
    }

    /// The same of what a browser adds by itself: it must come from our own page or a named origin.
    /// Without an Origin a browser of today only reads; what does more, and a WebSocket, needs one.
    func checkCookie(_ head: RequestHead, needsOrigin: Bool, isSecure: Bool) throws(Close) {
        if let origin = head.first("origin") {
            guard isOurs(origin, head, isSecure: isSecure) || !isForAll && allowed.contains(origin)
            else { throw .originRefused }
            return
        }
        guard !needsOrigin else { throw .cookieRefused(.originMissing) }
        switch head.first("sec-fetch-site") {
        case nil, "same-origin", "none": return
        default: throw .originRefused
        }
    }

    /// A page by plain http is not ours where we are known to be reached by https.
    private func isOurs(_ origin: String, _ head: RequestHead, isSecure: Bool) -> Bool {
        let host = head.first("host") ?? ""
        return origin == "https://\(host)" || !isSecure && origin == "http://\(host)"
    }

    // MARK: who may read

    func headers(for head: RequestHead) -> [(name: String, value: String)] {
        var headers = [(name: "vary", value: vary)]
        if isForAll {
            headers.append(("access-control-allow-origin", "*"))
        } else if let origin = head.first("origin"), allowed.contains(origin) {
            headers.append(("access-control-allow-origin", origin))
            if takesCookies { headers.append(("access-control-allow-credentials", "true")) }
        } else {
            return headers
        }
        headers.append(("access-control-expose-headers", "etag, retry-after"))
        return headers
    }

    /// The answer to OPTIONS; who is allowed at all is said by `headers`, as with every answer.
    static func options(_ route: Route) -> Response {
        Response(
            status: 204,
            headers: [
                ("allow", route.allow), ("access-control-allow-methods", route.allow),
                (
                    "access-control-allow-headers",
                    "authorization, content-type, idempotency-key, if-none-match, last-event-id"
                ),
                ("access-control-max-age", String(preflightSeconds)),
            ])
    }
}
