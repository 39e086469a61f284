// RevocationRequest is the body of `POST /api/v1/revocations`: one token by its id, all of a subject that were
// issued so far, or that of a connection. A member that is not known is refused: a slip must not look like a
// revocation.

import Fleet
import JSON
import Jobs
import Wire

struct RevocationRequest: Equatable {
    enum Wanted: Equatable {
        case target(Revocation.Target)
        case connection(ConnectionID)

        /// For the log.
        var description: String {
            switch self {
            case .target(.token(let name)): "jti:\(name.text)"
            case .target(.subject(let name, _)): "sub:\(name.text)"
            case .connection(let id): "connection:\(id)"
            }
        }
    }

    /// Ten years. Nothing is kept for ever.
    static let lifeMax: Int64 = 315_360_000

    let wanted: Wanted
    /// Seconds since 1970; nil where the request does not say.
    let until: Int64?

    /// `now` in seconds since 1970.
    init(_ body: [UInt8], now: Int64) throws(Close) {
        let members = try Members(body)
        let issuer = try members.name("iss")
        let until = try members.time("expires_at")
        guard until.map({ now + 1...now + Self.lifeMax ~= $0 }) ?? true else {
            throw .badRequest("expires_at lies in the past, or more than ten years ahead")
        }
        self.until = until
        let (id, subject) = (try members.name("jti"), try members.name("sub"))
        let issuedUntil = try members.time("issued_until")
        guard issuedUntil == nil || subject != nil else {
            throw .badRequest("issued_until goes with sub")
        }
        guard issuedUntil ?? now <= now else {
            throw .badRequest("issued_until lies in the future")
        }
        switch (id, subject, try members.name("connection")) {
        case (let id?, nil, nil):
            wanted = .target(.token(Revocation.Name(id, of: issuer)))
        case (nil, let subject?, nil):
            wanted = .target(
                .subject(
                    Revocation.Name(subject, of: issuer), issuedUntil: issuedUntil ?? now))
        case (nil, nil, let text?):
            guard issuer == nil else { throw .badRequest("iss goes with jti or sub") }
            guard let connection = ConnectionID(checking: text) else {
                throw .badRequest("connection is no id of a connection")
            }
            wanted = .connection(connection)
        default: throw .badRequest("one of jti, sub and connection says what is revoked")
        }
    }
}

/// The members of the body, each known and there once.
private struct Members {
    private static let known = ["jti", "sub", "connection", "iss", "expires_at", "issued_until"]

    private let body: [UInt8]
    private var places: [String: JSONMember] = [:]

    init(_ body: [UInt8]) throws(Close) {
        self.body = body
        let text = body.span
        var outline = JSONOutline()
        do throws(JSONFault) { try outline.read(text) } catch {
            throw .badRequest("the body is no JSON: \(error.rule) at byte \(error.offset)")
        }
        guard outline.kind == .object else { throw .badRequest("the body is a JSON object") }
        for member in outline.members {
            guard let name = Self.known.first(where: { text.key(of: member, is: $0) }) else {
                throw .badRequest("only \(Self.known.joined(separator: ", ")) are known here")
            }
            guard places.updateValue(member, forKey: name) == nil else {
                throw .badRequest("\(name) stands there twice")
            }
        }
    }

    func name(_ name: String) throws(Close) -> String? {
        guard let member = places[name] else { return nil }
        guard let text = body.span.jsonString(member.value),
            1...Revocation.nameBytesMax ~= text.utf8.count
        else {
            throw .badRequest("\(name) is a text of 1 to \(Revocation.nameBytesMax) bytes")
        }
        return text
    }

    /// As a token writes times, or as RFC 3339 does.
    func time(_ name: String) throws(Close) -> Int64? {
        guard let member = places[name] else { return nil }
        let text = body.span
        if let seconds = text.jsonInteger(member.value), 0...(1 << 53) ~= seconds {
            return seconds
        }
        guard let words = text.jsonString(member.value),
            let time = WallTime(reading: Array(words.utf8).span)
        else { throw .badRequest("\(name) is a time: seconds since 1970, or RFC 3339") }
        return time.milliseconds / 1_000
    }
}
