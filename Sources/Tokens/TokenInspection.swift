// What stands in a token and what would become of it, for `jobwire token inspect`. Decoding is not
// believing: nothing here grants anything.

import JSON

public struct TokenInspection: Sendable {
    /// The JSON of the two readable parts, fit for a terminal; nil where it can't be read.
    public let header: String?
    public let claims: String?
    public let expiresAt: Int64?
    /// Nil when the token would be let in.
    public let fault: TokenFault?
    /// Without a key everything but the signature is judged.
    public let signatureChecked: Bool

    public init(of token: String, by verifier: TokenVerifier?, rules: TokenRules, now: Int64) {
        let bytes = Array(token.utf8)
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        let header = parts.first.flatMap(Self.json)
        let claims = parts.dropFirst().first.flatMap(Self.json)
        (self.header, self.claims) = (header.map(Self.shown), claims.map(Self.shown))
        let read = Self.read(claims, rules)
        expiresAt = (try? read.get())?.grant.expiresAt
        signatureChecked = verifier != nil
        do throws(TokenFault) {
            if let verifier {
                _ = try verifier.verify(bytes.span, now: now)
            } else {
                try Self.judge(bytes.span, header, read, rules, now)
            }
            fault = nil
        } catch { fault = error }
    }

    private static func json(_ part: ArraySlice<UInt8>) -> String? {
        var bytes: [UInt8] = []
        var outline = JSONOutline()
        guard Base64URL.decode(Array(part).span, into: &bytes),
            (try? outline.read(bytes.span, levels: 0)) != nil
        else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The same JSON with nothing in it that could move a cursor or turn text around.
    private static func shown(_ json: String) -> String {
        json.unicodeScalars.map { scalar in
            switch scalar.properties.generalCategory {
            case .control: scalar.value < 0x20 ? " " : escaped(scalar)
            case .format, .lineSeparator, .paragraphSeparator: escaped(scalar)
            default: String(scalar)
            }
        }.joined()
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        String(scalar).utf16.map { unit in
            let hex = String(unit, radix: 16)
            return "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
        }.joined()
    }

    private static func read(
        _ json: String?, _ rules: TokenRules
    ) -> Result<TokenClaims, TokenFault> {
        guard let json else { return .failure(.malformed) }
        let bytes = Array(json.utf8)
        do throws(TokenFault) {
            var outline = JSONOutline()
            try outline.readTokenPart(bytes.span, levels: ClaimPath.partsMax + 1)
            let name = try outline.issuer(in: bytes.span)
            guard let index = rules.issuer(named: name) ?? (rules.issuers.count == 1 ? 0 : nil)
            else { throw .wrongIssuer }
            return .success(try TokenClaims(outline, bytes.span, rules.issuers[index]))
        } catch { return .failure(error) }
    }

    /// In the verifier's order, but for the signature.
    private static func judge(
        _ token: Span<UInt8>, _ header: String?, _ claims: Result<TokenClaims, TokenFault>,
        _ rules: TokenRules, _ now: Int64
    ) throws(TokenFault) {
        guard !token.isEmpty else { throw .missing }
        guard token.count <= rules.bytesMax else { throw .tooLong }
        guard let dots = TokenDots(token), let header else { throw .malformed }
        let bytes = Array(header.utf8)
        var outline = JSONOutline()
        try outline.readTokenPart(bytes.span)
        let algorithm = try TokenHeader(outline, bytes.span).algorithm
        guard rules.issuers.contains(where: { $0.algorithms.contains(algorithm) }) else {
            throw .algorithmNotAllowed
        }
        var signature: [UInt8] = []
        guard Base64URL.decode(token.extracting((dots.second + 1)...), into: &signature) else {
            throw .malformed
        }
        try claims.get().check(rules, now: now)
    }
}
