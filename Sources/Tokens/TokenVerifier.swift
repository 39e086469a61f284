// From a JWT's bytes to what it grants, or to why not.
//
// One for each loop, on its thread: contexts and the outline are used again for the next token.
// Invariant: no claim is read before the signature was found right, and the key, not the token,
// decides the algorithm.

import JSON

public final class TokenVerifier {
    private let rules: TokenRules
    private let keys: [VerifyingKey]
    private var outline = JSONOutline()
    /// The last header that was read and found right. An issuer's tokens share one, so that most
    /// headers need only be compared.
    private var knownHeader: (text: [UInt8], algorithm: TokenAlgorithm)?

    public init(_ rules: TokenRules) throws(TokenSetupFault) {
        guard !rules.keys.isEmpty else { throw .noKey }
        self.rules = rules
        var keys: [VerifyingKey] = []
        for key in rules.keys { keys.append(try VerifyingKey(key)) }
        self.keys = keys
    }

    public func verify(_ token: String, now: Int64) throws(TokenFault) -> Grant {
        try verify(Array(token.utf8).span, now: now)
    }

    /// `now` in seconds since 1970.
    public func verify(_ token: Span<UInt8>, now: Int64) throws(TokenFault) -> Grant {
        guard !token.isEmpty else { throw .missing }
        guard token.count <= rules.bytesMax else { throw .tooLong }
        guard let dots = TokenDots(token) else { throw .malformed }

        var part: [UInt8] = []
        part.reserveCapacity(token.count)
        let algorithm = try algorithm(of: token.extracting(..<dots.first), &part)

        guard Base64URL.decode(token.extracting((dots.second + 1)...), into: &part) else {
            throw .malformed
        }
        let text = token.extracting(..<dots.second)
        guard isSigned(text, by: part, with: algorithm) else { throw .badSignature }

        try read(token.extracting(dots.first + 1..<dots.second), into: &part)
        let claims = try TokenClaims(outline, part.span)
        try claims.check(rules, now: now)
        return claims.grant
    }

    private func algorithm(
        of header: Span<UInt8>, _ part: inout [UInt8]
    ) throws(TokenFault) -> TokenAlgorithm {
        if let knownHeader, header.hasBytes(knownHeader.text) { return knownHeader.algorithm }
        try read(header, into: &part)
        let algorithm = try outline.tokenAlgorithm(part.span)
        var text: [UInt8] = []
        for index in header.indices { text.append(header[index]) }
        knownHeader = (text, algorithm)
        return algorithm
    }

    /// By any key that is for this algorithm; there are several while one takes over from another.
    private func isSigned(
        _ text: Span<UInt8>, by signature: [UInt8], with algorithm: TokenAlgorithm
    ) -> Bool {
        for key in keys where key.algorithm == algorithm && key.accepts(signature, text) {
            return true
        }
        return false
    }

    private func read(_ text: Span<UInt8>, into part: inout [UInt8]) throws(TokenFault) {
        guard Base64URL.decode(text, into: &part) else { throw .malformed }
        try outline.readTokenPart(part.span)
    }
}

extension Span<UInt8> {
    fileprivate func hasBytes(_ bytes: [UInt8]) -> Bool {
        guard count == bytes.count else { return false }
        for index in indices where self[index] != bytes[index] { return false }
        return true
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

/// A key made ready. The public-key algorithms will be further cases.
private enum VerifyingKey {
    case hs256(HMAC)

    init(_ key: TokenKey) throws(TokenSetupFault) {
        switch key.algorithm {
        case .hs256: self = .hs256(try HMAC(key: key.secret))
        }
    }

    var algorithm: TokenAlgorithm {
        switch self {
        case .hs256: .hs256
        }
    }

    func accepts(_ signature: [UInt8], _ text: Span<UInt8>) -> Bool {
        switch self {
        case .hs256(let hmac): hmac.matches(signature, of: text)
        }
    }
}
