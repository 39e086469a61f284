// Makes tokens, for `jobwire token`, `jobwire run` and tests.

import JSON

public struct TokenContent: Sendable {
    public var issuer: String?
    public var audience: String?
    public var subject: String?
    public var id: String?
    /// Ids, or prefixes ending in `*`.
    public var jobs: [String] = []
    public var queues: [String] = []
    public var feeds: [String] = []
    public var scope: Grant.Scope = []
    public var issuedAt: Int64?
    public var notBefore: Int64?
    public var expiresAt: Int64?

    public init() {}
}

public final class TokenMinter {
    private static let header = Base64URL.encode(Array(#"{"alg":"HS256","typ":"JWT"}"#.utf8))
    private let hmac: HMAC

    public init(_ key: TokenKey) throws(TokenSetupFault) {
        guard case .secret(let secret) = key.material else { throw .cannotSign }
        hmac = try HMAC(key: secret)
    }

    public func mint(_ content: TokenContent) throws(TokenSetupFault) -> String {
        try mint(header: Self.header, claims: content.json)
    }

    private func mint(header: String, claims: [UInt8]) throws(TokenSetupFault) -> String {
        let text = header + "." + Base64URL.encode(claims)
        guard let code = hmac.code(of: Array(text.utf8).span) else { throw .cryptoUnavailable }
        return text + "." + Base64URL.encode(code)
    }
}

extension TokenContent {
    /// Only the claims that say something.
    var json: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        for (name, text) in [
            ("iss", issuer), ("aud", audience), ("sub", subject), ("jti", id),
        ] {
            guard let text else { continue }
            writer.key(name)
            writer.string(text)
        }
        for (name, entries) in [("jobs", jobs), ("queues", queues), ("feeds", feeds)]
        where !entries.isEmpty {
            writer.key(name)
            writer.beginArray()
            for entry in entries { writer.string(entry) }
            writer.endArray()
        }
        let words = Grant.Scope.words.filter { scope.contains($0.scope) }.map(\.word)
        if !words.isEmpty {
            writer.key("scope")
            writer.string(words.joined(separator: " "))
        }
        for (name, time) in [("iat", issuedAt), ("nbf", notBefore), ("exp", expiresAt)] {
            guard let time else { continue }
            writer.key(name)
            writer.integer(time)
        }
        writer.endObject()
        return writer.bytes
    }
}
