// Why a token is refused. The case is the log word, the metric's label and the code of the reply; no
// case carries anything from the token, so none can leak it.

public enum TokenFault: String, Error, CaseIterable, Sendable {
    case missing
    case tooLong = "too_long"
    case malformed
    case duplicateMember = "duplicate_member"
    case algorithmNotAllowed = "algorithm_not_allowed"
    case criticalHeader = "critical_header"
    case badSignature = "bad_signature"
    case expired
    case notYetValid = "not_yet_valid"
    case noExpiry = "no_expiry"
    case badTime = "bad_time"
    case badSubject = "bad_subject"
    case badNames = "bad_names"
    case badScope = "bad_scope"

    /// For people: what is wrong and, where it helps, what would be right.
    public var message: String {
        switch self {
        case .missing: "no token was given"
        case .tooLong: "the token is longer than token-bytes-max"
        case .malformed:
            "not a token: three base64url parts with dots between, the first two JSON objects"
        case .duplicateMember: "a header or claim stands there twice"
        case .algorithmNotAllowed: "the algorithm in the header is not one that is allowed (HS256)"
        case .criticalHeader: "the header has a crit member, and no extension is known here"
        case .badSignature: "the signature does not match: another secret, or the token was changed"
        case .expired: "the token has expired"
        case .notYetValid: "the token is not valid yet: its nbf or iat lies in the future"
        case .noExpiry: "the token has no exp, and require-exp is set"
        case .badTime: "exp, nbf or iat is not a number of seconds"
        case .badSubject: "sub is not a text"
        case .badNames: "jobs, queues or feeds is not an array of names or of prefixes ending in *"
        case .badScope: "scope is not a text"
        }
    }
}

/// Why no verifier or minter could be made.
public enum TokenSetupFault: Error, Equatable, Sendable, CustomStringConvertible {
    case noKey
    case secretTooShort(bytes: Int)
    case cryptoUnavailable

    public var description: String {
        switch self {
        case .noKey: "no key to check tokens with"
        case .secretTooShort(let bytes):
            "the token secret has \(bytes) bytes and needs \(TokenKey.secretBytesMin) at least"
        case .cryptoUnavailable: "OpenSSL refused to set up HMAC"
        }
    }
}
