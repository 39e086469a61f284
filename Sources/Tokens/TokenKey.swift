// A key, its id where it has one, and the algorithms it is for. It can be shared by all loops.
//
// Invariant: `algorithms` are those of the key's own kind, fewer where its owner said so.

public struct TokenKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// As long as the digest: a shorter one can be guessed from a single token.
    public static let secretBytesMin = 32

    enum Material: Sendable {
        case secret([UInt8])
        case publicKey(PublicKey)
    }

    let material: Material
    /// The `kid` of tokens it signs; nil: any.
    let id: String?
    public let algorithms: [TokenAlgorithm]

    /// For each code as long as the secret or shorter.
    public static func secret(
        _ secret: [UInt8], id: String? = nil
    ) throws(TokenSetupFault) -> TokenKey {
        guard secret.count >= secretBytesMin else {
            throw .secretTooShort(bytes: secret.count)
        }
        let algorithms = TokenAlgorithm.allCases.filter {
            $0.keyKind == .secret && $0.digest.map { $0.bytes <= secret.count } ?? false
        }
        return TokenKey(material: .secret(secret), id: id, algorithms: algorithms)
    }

    public static func hs256(_ secret: [UInt8]) throws(TokenSetupFault) -> TokenKey {
        TokenKey(material: try self.secret(secret).material, id: nil, algorithms: [.hs256])
    }

    /// The keys of a PEM text.
    public static func pem(_ text: [UInt8]) throws(KeyFault) -> [TokenKey] {
        try PublicKey.all(inPEM: text).map { TokenKey($0, id: nil) }
    }

    init(_ key: PublicKey, id: String?) {
        self.init(
            material: .publicKey(key), id: id,
            algorithms: TokenAlgorithm.allCases.filter { $0.keyKind == key.kind })
    }

    private init(material: Material, id: String?, algorithms: [TokenAlgorithm]) {
        (self.material, self.id, self.algorithms) = (material, id, algorithms)
    }

    /// The same key for one algorithm only; nil when it is none of the key's.
    func only(_ algorithm: TokenAlgorithm) -> TokenKey? {
        guard algorithms.contains(algorithm) else { return nil }
        return TokenKey(material: material, id: id, algorithms: [algorithm])
    }

    public var description: String {
        algorithms.map(\.rawValue).joined(separator: "/") + " key"
    }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Why a key is not used. The case is the word in the log.
public enum KeyFault: String, Error, CaseIterable, Sendable {
    case notPEM = "not_pem"
    case privateKey = "private_key"
    case unsupportedType = "unsupported_type"
    case rsaTooShort = "rsa_too_short"
    case rsaTooLong = "rsa_too_long"
    case rsaGuessable = "rsa_guessable"
    case badParameters = "bad_parameters"
    case notForSignatures = "not_for_signatures"
    case unknownAlgorithm = "unknown_algorithm"
    case algorithmOfAnotherKind = "algorithm_of_another_kind"
    case secretTooShort = "secret_too_short"
    case publishedSecret = "published_secret"
    case tooMany = "too_many"
    case notAKey = "not_a_key"

    public var message: String {
        switch self {
        case .notPEM: "no PEM text with a public key or a certificate"
        case .privateKey: "a private key, which has no place here: give the public one"
        case .unsupportedType: "not RSA, P-256, P-384 or Ed25519"
        case .rsaTooShort: "an RSA key of fewer than \(PublicKey.rsaBitsMin) bits"
        case .rsaTooLong: "an RSA key of more than \(PublicKey.rsaBitsMax) bits"
        case .rsaGuessable: "an RSA key that can be guessed (ROCA, CVE-2017-15361)"
        case .badParameters: "its numbers are missing, badly encoded or make no key"
        case .notForSignatures: "its use or key_ops is something else than checking signatures"
        case .unknownAlgorithm: "its alg is none that is known here"
        case .algorithmOfAnotherKind: "its alg is for another kind of key"
        case .secretTooShort: "a secret of fewer than \(TokenKey.secretBytesMin) bytes"
        case .publishedSecret: "a secret in a key set that others can fetch"
        case .tooMany: "more than \(KeySet.keysMax) keys"
        case .notAKey: "not a JSON object with a kty"
        }
    }
}
