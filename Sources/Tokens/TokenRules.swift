// What a token must be to be let in: which keys, how long, how exact the clocks.

public enum TokenAlgorithm: String, CaseIterable, Sendable {
    case hs256 = "HS256"
}

/// A key and the one algorithm it is for, so that no token can choose another for it.
public struct TokenKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    /// As long as the digest: a shorter one can be guessed from a single token.
    public static let secretBytesMin = 32

    public let algorithm: TokenAlgorithm
    let secret: [UInt8]

    public static func hs256(_ secret: [UInt8]) throws(TokenSetupFault) -> TokenKey {
        guard secret.count >= secretBytesMin else {
            throw .secretTooShort(bytes: secret.count)
        }
        return TokenKey(algorithm: .hs256, secret: secret)
    }

    public var description: String { "\(algorithm.rawValue) key" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

public struct TokenRules: Sendable {
    public var keys: [TokenKey]
    /// Seconds that the issuer's clock and ours may differ.
    public var leeway: Int64 = 30
    public var requiresExpiry = true
    public var bytesMax = 8_192

    public init(keys: [TokenKey]) { self.keys = keys }
}
