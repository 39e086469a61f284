// From a JWT's bytes to what it grants, or to why not.
//
// One for each loop, on its thread: contexts and the outline are used again for the next token.
// Invariant: nothing is believed before the signature was found right. Of several issuers `iss` chooses
// one, and with it the keys that alone can make the token right.

import JSON

public final class TokenVerifier {
    private let rules: TokenRules
    private let issuers: [IssuerKeys]
    private let digest: Digest
    private var verified: VerifiedTokens
    private var outline = JSONOutline()
    /// The last header that was read and found right. An issuer's tokens share one, so that most
    /// headers need only be compared.
    private var knownHeader: (text: [UInt8], header: TokenHeader)?
    /// Asks for the keys of that issuer as they are now: a token names one that is not here.
    public var wantKeys: (_ issuer: Int) -> Void = { _ in }

    public init(_ rules: TokenRules) throws(TokenSetupFault) {
        guard rules.issuers.contains(where: { !$0.keys.isEmpty || $0.isRemote }) else {
            throw .noKey
        }
        self.rules = rules
        issuers = try rules.issuers.map { issuer throws(TokenSetupFault) in
            try IssuerKeys(issuer)
        }
        digest = try Digest(.sha256)
        verified = VerifiedTokens(max: rules.cacheMax)
    }

    /// Keys of an issuer that came from afar. They take the place of those that came before.
    public func install(_ keys: [TokenKey], of issuer: Int) throws(TokenSetupFault) {
        verified.forgetAll()
        try issuers[issuer].install(keys)
    }

    public func verify(_ token: String, now: Int64) throws(TokenFault) -> Grant {
        try verify(Array(token.utf8).span, now: now)
    }

    /// `now` in seconds since 1970.
    public func verify(_ token: Span<UInt8>, now: Int64) throws(TokenFault) -> Grant {
        guard !token.isEmpty else { throw .missing }
        guard token.count <= rules.bytesMax else { throw .tooLong }
        guard verified.isUsed, digest.digest(token) else {
            return try claims(of: token, now: now).grant
        }
        let name = VerifiedTokens.Name(digest.bytes)
        if let claims = verified.find(name) {
            try claims.check(rules, now: now)
            return claims.grant
        }
        let claims = try claims(of: token, now: now)
        verified.keep(claims, name)
        return claims.grant
    }

    private func claims(of token: Span<UInt8>, now: Int64) throws(TokenFault) -> TokenClaims {
        guard let dots = TokenDots(token) else { throw .malformed }
        var part: [UInt8] = []
        part.reserveCapacity(token.count)
        let header = try header(token.extracting(..<dots.first), &part)
        let payload = token.extracting(dots.first + 1..<dots.second)
        let index = try issuer(ofTokenWith: payload, &part)

        guard Base64URL.decode(token.extracting((dots.second + 1)...), into: &part) else {
            throw .malformed
        }
        try issuers[index].check(
            part, of: token.extracting(..<dots.second), header, now: now,
            ask: { wantKeys(index) })

        let issuer = rules.issuers[index]
        try read(payload, into: &part, levels: issuer.claims.depth + 1)
        var claims = try TokenClaims(outline, part.span, issuer)
        try claims.check(rules, now: now)
        if !(1...Self.idBytesMax ~= claims.grant.id?.utf8.count ?? 0) {
            claims.grant.id = try fingerprint(of: token.extracting(..<dots.second))
        }
        return claims
    }

    /// A longer `jti`, or an empty one, is as good as none.
    public static let idBytesMax = 1_024

    /// Of what was signed, never of the signature: whoever holds an ECDSA signature can make another
    /// that is right as well.
    private func fingerprint(of signed: Span<UInt8>) throws(TokenFault) -> String {
        guard digest.digest(signed) else { throw .badSignature }
        return "sha256:" + Base64URL.encode(digest.bytes)
    }

    private func header(
        _ text: Span<UInt8>, _ part: inout [UInt8]
    ) throws(TokenFault) -> TokenHeader {
        if let knownHeader, text.isEqual(to: knownHeader.text.span) { return knownHeader.header }
        try read(text, into: &part)
        let header = try TokenHeader(outline, part.span)
        var known: [UInt8] = []
        known.append(text)
        knownHeader = (known, header)
        return header
    }

    /// Where there is one, it is he, and his name is compared later with what was signed.
    private func issuer(
        ofTokenWith payload: Span<UInt8>, _ part: inout [UInt8]
    ) throws(TokenFault) -> Int {
        guard issuers.count > 1 else { return 0 }
        try read(payload, into: &part)
        guard let index = rules.issuer(named: try outline.issuer(in: part.span)) else {
            throw .wrongIssuer
        }
        return index
    }

    private func read(
        _ text: Span<UInt8>, into part: inout [UInt8], levels: Int = 1
    ) throws(TokenFault) {
        guard Base64URL.decode(text, into: &part) else { throw .malformed }
        try outline.readTokenPart(part.span, levels: levels)
    }
}

extension TokenClaims {
    /// What a token of this issuer says, when it is his and meant for us.
    init(
        _ outline: JSONOutline, _ bytes: Span<UInt8>, _ issuer: TokenIssuer
    ) throws(TokenFault) {
        try self.init(outline, bytes, issuer.claims)
        guard issuer.name == nil || grant.issuer.map(issuer.isNamed) ?? false else {
            throw .wrongIssuer
        }
        guard issuer.audience.isEmpty || outline.isFor(issuer.audience, in: bytes) else {
            throw .wrongAudience
        }
    }
}

/// Where the two dots of a token are; a token with more or fewer has none.
struct TokenDots {
    let first: Int
    let second: Int

    init?(_ token: Span<UInt8>) {
        var (first, second): (Int?, Int?)
        for index in token.indices where token[index] == UInt8(ascii: ".") {
            guard second == nil else { return nil }
            (first, second) = first == nil ? (index, nil) : (first, index)
        }
        guard let first, let second else { return nil }
        (self.first, self.second) = (first, second)
    }
}
