// Tokens that were found right a while ago, so that the same token is checked once.
//
// A token is known by its SHA-256: an entry is small however long the token, and two tokens have the same
// only if somebody broke SHA-256. Finding one need not take constant time: what the time could tell is
// about the digest of a token that the sender has already, and whose bits it cannot choose.
//
// Invariant: at most `max` entries, of tokens whose signature was right. Times are checked again at each use,
// and new keys empty it. What may end a token otherwise, as a revocation, is asked after it, each time.

struct VerifiedTokens {
    struct Name: Hashable {
        private let a, b, c, d: UInt64

        init(_ digest: [UInt8]) {
            func word(_ index: Int) -> UInt64 {
                digest[(8 * index)..<(8 * index + 8)].reduce(0) { $0 << 8 | UInt64($1) }
            }
            (a, b, c, d) = (word(0), word(1), word(2), word(3))
        }
    }

    private let max: Int
    /// Half of the entries each: when the young are too many they become the old, and the old are forgotten.
    private var young: [Name: TokenClaims] = [:]
    private var old: [Name: TokenClaims] = [:]

    init(max: Int) { self.max = max }

    var isUsed: Bool { max > 0 }
    var count: Int { young.count + old.count }

    mutating func find(_ name: Name) -> TokenClaims? {
        if let claims = young[name] { return claims }
        guard let claims = old.removeValue(forKey: name) else { return nil }
        keep(claims, name)
        return claims
    }

    mutating func keep(_ claims: TokenClaims, _ name: Name) {
        if young.count >= Swift.max(max / 2, 1) { (old, young) = (max > 1 ? young : [:], [:]) }
        young[name] = claims
    }

    mutating func forgetAll() { (young, old) = ([:], [:]) }
}
