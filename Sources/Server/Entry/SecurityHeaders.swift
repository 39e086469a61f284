// What every answer tells a browser not to do with it: guess its kind, frame it, load it into a foreign
// page, tell others where it stood. A page of ours may besides use its own files, and only those.

import Settings
import Wire

struct SecurityHeaders {
    typealias Headers = [(name: String, value: String)]

    /// For what is no page. Nobody should open it in a browser; who does runs nothing.
    let data: Headers
    let page: Headers

    init(_ settings: Settings) {
        // Pages of allowed origins ask by CORS, which this does not concern.
        var always: Headers = [
            ("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
        ]
        let seconds = settings.hstsMaxAge.components.seconds
        if !settings.tlsCertificate.isEmpty, seconds > 0 {
            always.append(("strict-transport-security", "max-age=\(seconds)"))
        }
        data =
            always + [("content-security-policy", "default-src 'none'; frame-ancestors 'none'")]
        page =
            always + [
                ("cross-origin-opener-policy", "same-origin"), ("x-frame-options", "DENY"),
                (
                    "content-security-policy",
                    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
                        + "img-src 'self' data:; base-uri 'none'; form-action 'none'; "
                        + "frame-ancestors 'none'"
                ),
            ]
    }
}

extension Door {
    /// What an answer on this route has besides its own headers.
    func headers(for route: Route, _ head: RequestHead) -> SecurityHeaders.Headers {
        switch route {
        case .asset: securityHeaders.page
        case _ where route.isAPI: securityHeaders.data + crossOrigin.headers(for: head)
        default: securityHeaders.data
        }
    }
}
