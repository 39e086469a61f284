// Why a token is refused. The case is the log word, the metric's label and the code of the reply; no
// case carries anything from the token, so none can leak it.

public enum TokenFault: String, Error, CaseIterable, Sendable {
    case missing
    case tooLong = "too_long"
    case malformed
    case duplicateMember = "duplicate_member"
    case algorithmNotAllowed = "algorithm_not_allowed"
    case criticalHeader = "critical_header"
    case wrongType = "wrong_type"
    case unknownKey = "unknown_key"
    /// These pass: the same token may be right in a moment.
    case keysAwaited = "keys_awaited"
    case revocationsAwaited = "revocations_awaited"
    case revoked
    case badSignature = "bad_signature"
    case wrongIssuer = "wrong_issuer"
    case wrongAudience = "wrong_audience"
    case expired
    case notYetValid = "not_yet_valid"
    case noExpiry = "no_expiry"
    case badTime = "bad_time"
    case badSubject = "bad_subject"
    case badNames = "bad_names"
    case badScope = "bad_scope"
    case badTokenID = "bad_token_id"

    /// For people: what is wrong and, where it helps, what would be right.
    public var message: String {
        switch self {
        case .missing: "no token was given"
        case .tooLong: "the token is longer than token-bytes-max"
        case .malformed:
            "not a token: three base64url parts with dots between, the first two JSON objects"
        case .duplicateMember: "a header or claim stands there twice"
        case .algorithmNotAllowed:
            "the algorithm in the header is not allowed, or no key is for it (token-algorithms)"
        case .criticalHeader: "the header has a crit member, and no extension is known here"
        case .wrongType: "the typ in the header is not JWT or at+jwt"
        case .unknownKey: "no key with the kid of the header is known"
        case .keysAwaited: "the keys of the issuer are being fetched, come again"
        case .revocationsAwaited: "it is not known yet which tokens are revoked, come again"
        case .revoked: "the token has been revoked"
        case .badSignature: "the signature does not match: another key, or the token was changed"
        case .wrongIssuer: "the iss of the token is not one that is configured"
        case .wrongAudience: "the aud of the token does not hold token-audience"
        case .expired: "the token has expired"
        case .notYetValid: "the token is not valid yet: its nbf or iat lies in the future"
        case .noExpiry: "the token has no exp, and require-exp is set"
        case .badTime: "exp, nbf or iat is not a number of seconds"
        case .badSubject: "sub is not a text"
        case .badNames: "jobs, queues or feeds is not an array of names or of prefixes ending in *"
        case .badScope: "scope is not a text or an array of texts"
        case .badTokenID: "jti is not a text"
        }
    }
}

/// Why no verifier or minter could be made.
public enum TokenSetupFault: Error, Equatable, Sendable, CustomStringConvertible {
    case noKey
    case secretTooShort(bytes: Int)
    case cryptoUnavailable
    case unreadable(path: String)
    case badKeyFile(path: String, KeyFault)
    case badKeySet(path: String, KeySet.Fault)
    case addressNotAllowed(String)
    case hookNotAllowed
    case unknownAlgorithm(String)
    case secretTooShortFor(TokenAlgorithm, bytes: Int)
    case sameIssuerTwice(String)
    case cannotSign

    /// The setting to look at.
    public var setting: String {
        switch self {
        case .noKey, .secretTooShort, .secretTooShortFor, .cryptoUnavailable, .cannotSign:
            "token-secret"
        case .badKeyFile: "token-keys"
        case .badKeySet, .addressNotAllowed: "jwks"
        case .hookNotAllowed: "rights-hook"
        case .unreadable: "token-keys or jwks"
        case .unknownAlgorithm: "token-algorithms"
        case .sameIssuerTwice: "token-issuer"
        }
    }

    public var description: String {
        switch self {
        case .noKey: "no key to check tokens with"
        case .secretTooShort(let bytes):
            "the token secret has \(bytes) bytes and needs \(TokenKey.secretBytesMin) at least"
        case .cryptoUnavailable: "OpenSSL refused to make a key or a check ready"
        case .unreadable(let path): "\(path): the file can't be read"
        case .badKeyFile(let path, let fault): "\(path): \(fault.message)"
        case .badKeySet(let path, let fault): "\(path): \(fault.message)"
        case .addressNotAllowed:
            "a key set is fetched by https://, and by http:// from this machine only (or with jwks-http)"
        case .hookNotAllowed:
            "the hook is asked by https://, and by http:// on this machine only (or with rights-hook-http)"
        case .unknownAlgorithm(let name):
            "\(name) is none of \(TokenAlgorithm.allCases.map(\.rawValue).joined(separator: ", "))"
        case .secretTooShortFor(let algorithm, let bytes):
            "the token secret has \(bytes) bytes and needs \(algorithm.digest?.bytes ?? 0) for \(algorithm.rawValue)"
        case .sameIssuerTwice(let name):
            name.isEmpty ? "two issuers without a name" : "the issuer \(name) is there twice"
        case .cannotSign: "tokens are made with a token-secret only, and none is configured"
        }
    }
}
