// Credential is what a request brought to say who asks (protocol.md section 5), and Bearer is who it was.
//
// The first place that has one decides; a bad one is refused even where a good one follows, so that
// nobody is served by accident with other rights than he believes to have. The places in their order:
// the header, the subprotocol, `?ticket=`, `?token=`, the cookie.

import Loop
import Tokens
import Wire

enum Credential: Equatable {
    case token(String)
    case ticket(String)
}

/// What his token lets him do, and the token, which is his whatever he traded for it.
struct Bearer {
    let grant: Grant
    let token: String
}

extension Door {
    private static let bearerProtocol = "bearer."

    /// nil where none came. `protocols` are those of a WebSocket.
    func credential(
        _ head: RequestHead, protocols: [String]? = nil, query: Query, isSecure: Bool
    ) throws(Close) -> Credential? {
        if let authorization = head.first("authorization") {
            let words = authorization.split(separator: " ", maxSplits: 1)
            guard words.count == 2, words[0].lowercased() == "bearer" else {
                throw .tokenRefused(.malformed)
            }
            return .token(String(words[1]))
        }
        if let offer = protocols?.first(where: { $0.hasPrefix(Self.bearerProtocol) }) {
            return .token(String(offer.dropFirst(Self.bearerProtocol.count)))
        }
        if let ticket = query.first("ticket") { return .ticket(ticket) }
        if let token = query.first("token") { return .token(token) }
        let needsOrigin = protocols != nil || !(head.method == .get || head.method == .head)
        return try cookie(head, needsOrigin: needsOrigin, isSecure: isSecure).map { .token($0) }
    }

    /// A browser sends it by itself, for whichever page: who asks is told by the origin alone.
    private func cookie(
        _ head: RequestHead, needsOrigin: Bool, isSecure: Bool
    ) throws(Close) -> String? {
        let token: String?
        do throws(CookieFault) { token = try cookie?.value(in: head) } catch {
            throw .cookieRefused(error)
        }
        if token != nil {
            try crossOrigin.checkCookie(head, needsOrigin: needsOrigin, isSecure: isSecure)
        }
        return token
    }

    /// Whose token this is.
    func bearer(of token: String) throws(Close) -> Bearer {
        Bearer(grant: try grant(of: token), token: token)
    }
}

extension Worker {
    /// Says who it is: of a token at once, of a ticket when Redis has been asked.
    func identify(_ credential: Credential, _ answer: @escaping (Result<Bearer, Close>) -> Void) {
        switch credential {
        case .token(let token): answer(bearer(of: token))
        case .ticket(let text): redeem(text, answer)
        }
    }

    func bearer(of token: String) -> Result<Bearer, Close> {
        do throws(Close) { return .success(try door.bearer(of: token)) } catch {
            return .failure(error)
        }
    }
}
