// RevocableToken is what a connection's token is revoked by: its id, and how long it lasts. A bridge is asked for
// it by another one, whose administrator named the connection; so what becomes of the answer is decided where he
// is known, and not by whoever may publish in Redis.

import Fleet
import JSON
import Loop
import Tokens

struct RevocableToken: Equatable, Sendable {
    let name: Revocation.Name
    /// Seconds since 1970; nil where it never ends.
    let expiresAt: Int64?

    init?(_ grant: Grant) {
        guard let id = grant.id else { return nil }
        name = Revocation.Name(id, of: grant.issuer)
        expiresAt = grant.expiresAt
    }

    /// nil where another bridge knows no such connection, or says what none of us would.
    init?(_ json: [UInt8]) {
        var outline = JSONOutline()
        let text = json.span
        guard (try? outline.read(text)) != nil, outline.kind == .object,
            let id = outline.member("jti", in: text).flatMap({ text.jsonString($0.value) }),
            id.utf8.count <= Revocation.nameBytesMax
        else { return nil }
        let issuer = outline.member("iss", in: text).flatMap { text.jsonString($0.value) }
        guard issuer?.utf8.count ?? 0 <= Revocation.nameBytesMax else { return nil }
        name = Revocation.Name(id, of: issuer)
        expiresAt = outline.member("exp", in: text).flatMap { text.jsonInteger($0.value) }
    }

    var json: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.key("jti")
        json.string(name.text)
        if let issuer = name.issuer {
            json.key("iss")
            json.string(issuer)
        }
        if let expiresAt {
            json.key("exp")
            json.integer(expiresAt)
        }
        json.endObject()
        return json.bytes
    }
}

extension Worker {
    /// Of a connection of any bridge; nil where there is none of that id, or none with a token.
    func token(
        of connection: ConnectionID,
        _ reply: @escaping (Result<RevocableToken?, FleetFault>) -> Void
    ) {
        let question = FleetMessage(
            FleetKind.connection.rawValue, Array("{\"serial\":\(connection.serial)}".utf8))
        ask(question, of: connection.node) { answer in
            switch answer {
            case .success(let json): reply(.success(RevocableToken(json)))
            case .failure(.noSuchNode): reply(.success(nil))
            case .failure(let fault): reply(.failure(fault))
            }
        }
    }

    /// Answers the question above, on loop 0.
    func answer(whose message: FleetMessage, _ call: FleetCall) {
        var outline = JSONOutline()
        let text = message.data.span
        guard (try? outline.read(text)) != nil,
            let serial = outline.member("serial", in: text).flatMap({ text.jsonInteger($0.value) })
        else { return }
        askLoops(.token(serial: Int(serial))) { [weak self] answers in
            let token = answers.lazy.compactMap {
                if case .token(let token) = $0 { token } else { nil }
            }.first
            self?.fleet?.answer(call, token?.json ?? Array("null".utf8))
        }
    }

    func revocableToken(by serial: Int) -> RevocableToken? {
        for case let session? in sessions where session.caller.serial == serial {
            if case .open(let grant) = session.phase { return RevocableToken(grant) }
        }
        let follower = httpFollowers.values.first { $0.caller.serial == serial }
        return follower.flatMap { RevocableToken($0.grant) }
    }
}
