// What a token is traded for: a cookie that a browser keeps (`/api/v1/session`), or a ticket for one use
// (`/api/v1/tickets`).

import JSON
import Jobs
import Loop
import Tokens
import Wire

extension HTTPConnection {
    func answerSession(_ head: RequestHead, _ query: Query) throws(Close) {
        guard let cookie = worker.door.cookie else { return respond(.noSessions) }
        // Nobody else's page shall sign somebody in or out.
        try worker.door.crossOrigin.checkCookie(head, needsOrigin: false, isSecure: caller.isSecure)
        guard head.method == .post else {
            return respond(
                Response(
                    status: 204,
                    headers: [("set-cookie", cookie.clearing(isSecure: caller.isSecure))]))
        }
        let bearer = try holder(head, query)
        guard cookie.holds(bearer.token) else {
            throw .badRequest("the token is too long for a cookie: \(TokenCookie.bytesMax) bytes")
        }
        let left = bearer.grant.expiresAt.map { max(1, $0 - WallClock.milliseconds() / 1_000) }
        let value = cookie.setting(bearer.token, for: left, isSecure: caller.isSecure)
        respond(.session(until: worker.end(of: bearer.grant), setting: value))
    }

    func giveTicket(_ bearer: Bearer) throws(Close) {
        try worker.giveTicket(to: bearer) { [weak self] in
            switch $0 {
            case .success(let ticket): self?.respond(.ticket(ticket.text, for: ticket.seconds))
            case .failure(let close): self?.refuse(close)
            }
        }
    }

    /// Who has a token, not what one was traded for: that ends when it is said to.
    func holder(_ head: RequestHead, _ query: Query) throws(Close) -> Bearer {
        switch try worker.door.credential(head, query: query, isSecure: caller.isSecure) {
        case nil: throw .tokenRefused(.missing)
        case .ticket: throw .tokenNeeded
        case .token(let token): return try worker.door.bearer(of: token)
        }
    }
}

extension Response {
    fileprivate static let noSessions = error(
        404, "no_sessions", "this server keeps no token in a cookie (token-cookie)")

    fileprivate static func ticket(_ text: String, for seconds: Int64) -> Response {
        var json = JSONWriter()
        json.beginObject()
        json.key("ticket")
        json.string(text)
        json.key("expires_in")
        json.integer(seconds)
        json.endObject()
        return .json(200, json.bytes)
    }

    fileprivate static func session(until end: WallTime?, setting cookie: String) -> Response {
        var json = JSONWriter()
        json.beginObject()
        json.key("expires_at")
        if let end { json.string(end.description) } else { json.null() }
        json.endObject()
        return .json(200, json.bytes, [("set-cookie", cookie)])
    }
}
