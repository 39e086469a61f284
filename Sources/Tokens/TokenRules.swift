// What a token must be to be let in: who may issue it, with which keys, for whom; how long it may be, how
// exact the clocks are.

public struct TokenRules: Sendable {
    public var issuers: [TokenIssuer]
    /// Seconds that the issuer's clock and ours may differ.
    public var leeway: Int64 = 30
    public var requiresExpiry = true
    public var bytesMax = 8_192
    /// Tokens that are remembered as right; 0: none.
    public var cacheMax = 0

    public init(issuers: [TokenIssuer]) { self.issuers = issuers }

    /// One issuer without a name.
    public init(keys: [TokenKey]) {
        var issuer = TokenIssuer(keys: keys)
        if !keys.isEmpty { issuer.algorithms = keys.flatMap(\.algorithms) }
        self.init(issuers: [issuer])
    }

    /// The issuers whose first keys are still to come.
    public var awaited: [Int] {
        issuers.indices.filter { issuers[$0].isRemote && issuers[$0].fetched == nil }
    }

    /// Whose token this is: his whose name it has, else the issuer's without a name. A token that names
    /// another is checked with the other's keys only.
    func issuer(named name: String?) -> Int? {
        if let name, let index = issuers.firstIndex(where: { $0.isNamed(name) }) { return index }
        return issuers.firstIndex { $0.name == nil }
    }
}

/// Somebody whose tokens are believed.
public struct TokenIssuer: Sendable {
    /// What `iss` must be; nil: it may be anything that is no other issuer's name, or missing.
    public var name: String?
    public var keys: [TokenKey] = []
    public var algorithms = TokenAlgorithm.usual
    /// Of which `aud` must hold one; empty: not checked.
    public var audience: [String] = []
    public var claims = ClaimNames()
    /// Whether its keys, or more of them, come while the server runs.
    public var isRemote = false
    /// Where from, and those that came before it began.
    var source: KeyPlace?
    var fetched: [TokenKey]?

    public init(name: String? = nil, keys: [TokenKey] = []) {
        (self.name, self.keys) = (name, keys)
    }

    func isNamed(_ other: String) -> Bool { name?.utf8.elementsEqual(other.utf8) ?? false }
}

/// What the claims are called that Jobwire reads.
public struct ClaimNames: Sendable {
    public var subject = ClaimPath("sub")
    public var jobs = ClaimPath("jobs")
    public var queues = ClaimPath("queues")
    public var feeds = ClaimPath("feeds")
    public var scope = ClaimPath("scope")

    public init() {}

    var depth: Int { [subject, jobs, queues, feeds, scope].map(\.parts.count).max() ?? 1 }
}

/// The name of a claim, or names with dots between them for a claim within claims: `realm_access.roles`.
/// A name may hold dots itself, as URLs do: the longest that is there is taken.
public struct ClaimPath: Sendable {
    public static let partsMax = 8
    let parts: [Substring]

    /// More dots than that belong to the last name.
    public init(_ text: String) {
        parts = text.split(
            separator: ".", maxSplits: Self.partsMax - 1, omittingEmptySubsequences: false)
    }
}
