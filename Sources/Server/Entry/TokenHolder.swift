// TokenHolder is the one whom a token names, for counting: the subject of an issuer.
//
// Kept as 64 bits with a seed of this process (Swift's hasher), because each connection has one: two that fall
// together, one chance in 2^64 for each pair, would share a limit and nothing else.

import Tokens

struct TokenHolder: Hashable {
    private let name: Int

    /// Nil for who is not named. Tokens without a subject have nothing in common.
    init?(_ grant: Grant) {
        guard let subject = grant.subject else { return nil }
        var hasher = Hasher()
        // Bytes, since no Unicode equivalence may make one of two; each text ends its own.
        grant.issuer?.hashBytes(into: &hasher)
        hasher.combine(grant.issuer == nil)
        subject.hashBytes(into: &hasher)
        name = hasher.finalize()
    }
}

extension String {
    fileprivate func hashBytes(into hasher: inout Hasher) {
        hasher.combine(utf8.count)
        for byte in utf8 { hasher.combine(byte) }
    }
}
