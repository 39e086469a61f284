// The algorithms a token may be signed with (RFC 7518, RFC 8037), and the kind of key each is for.
//
// Invariant: an algorithm belongs to one kind of key. A key can therefore never be used as one of another
// kind, whatever a token says: a public key is no secret for HS256.

public enum TokenAlgorithm: String, CaseIterable, Sendable {
    case hs256 = "HS256"
    case hs384 = "HS384"
    case hs512 = "HS512"
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case es256 = "ES256"
    case es384 = "ES384"
    case edDSA = "EdDSA"

    /// Allowed unless configured otherwise: all but the longer codes, for which a secret must be longer.
    public static let usual = allCases.filter { $0 != .hs384 && $0 != .hs512 }

    enum KeyKind: Sendable { case secret, rsa, p256, p384, ed25519 }

    var keyKind: KeyKind {
        switch self {
        case .hs256, .hs384, .hs512: .secret
        case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512: .rsa
        case .es256: .p256
        case .es384: .p384
        case .edDSA: .ed25519
        }
    }

    var isPSS: Bool { self == .ps256 || self == .ps384 || self == .ps512 }

    /// Nil for EdDSA, which signs the text itself.
    var digest: DigestKind? {
        switch self {
        case .hs256, .rs256, .ps256, .es256: .sha256
        case .hs384, .rs384, .ps384, .es384: .sha384
        case .hs512, .rs512, .ps512: .sha512
        case .edDSA: nil
        }
    }

    /// Exactly as it is written in the standard: `hs256` and `none` are nothing.
    init?(named name: String) {
        guard let found = Self.allCases.first(where: { name.utf8.elementsEqual($0.rawValue.utf8) })
        else { return nil }
        self = found
    }
}

enum DigestKind: String, Sendable {
    case sha256 = "SHA256"
    case sha384 = "SHA384"
    case sha512 = "SHA512"

    var bytes: Int {
        switch self {
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        }
    }
}
