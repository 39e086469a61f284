// Revocations are all that count now, to be asked of each token. A value: each loop has one, and what is new
// comes by mail.
//
// Nothing is ever taken back, so that the list of a bridge and the list in Redis may be joined in any order;
// entries go when their time is over.
// Invariant: at most `max` entries; of a subject the latest revocation alone, which covers the earlier ones.

public struct Revocations: Sendable {
    private struct Cutoff {
        var issuedUntil: Int64
        var until: Int64
    }

    public enum Insertion: Equatable, Sendable { case known, new, full }

    public let max: Int
    private var tokens: [Revocation.Name: Int64] = [:]
    private var subjects: [Revocation.Name: Cutoff] = [:]

    public init(max: Int) { self.max = max }

    public var count: Int { tokens.count + subjects.count }

    public mutating func insert(_ revocation: Revocation) -> Insertion {
        switch revocation.target {
        case .token(let name):
            let known = tokens[name]
            guard known ?? .min < revocation.until else { return .known }
            guard known != nil || count < max else { return .full }
            tokens[name] = revocation.until
        case .subject(let name, let issuedUntil):
            guard var cutoff = subjects[name] else {
                guard count < max else { return .full }
                subjects[name] = Cutoff(issuedUntil: issuedUntil, until: revocation.until)
                return .new
            }
            guard cutoff.issuedUntil < issuedUntil || cutoff.until < revocation.until else {
                return .known
            }
            cutoff.issuedUntil = Swift.max(cutoff.issuedUntil, issuedUntil)
            cutoff.until = Swift.max(cutoff.until, revocation.until)
            subjects[name] = cutoff
        }
        return .new
    }

    /// Whether one of them means this token. One that does not say when it was issued counts as old.
    public func cover(
        issuer: String?, subject: String?, id: String?, issuedAt: Int64?
    ) -> Bool {
        if let id, !tokens.isEmpty,
            find(id, issuer, { tokens[$0] != nil })
        {
            return true
        }
        guard let subject, !subjects.isEmpty else { return false }
        return find(subject, issuer) { name in
            subjects[name].map { issuedAt ?? .min <= $0.issuedUntil } ?? false
        }
    }

    private func find(
        _ text: String, _ issuer: String?, _ isRevoked: (Revocation.Name) -> Bool
    ) -> Bool {
        isRevoked(Revocation.Name(text)) || issuer != nil && isRevoked(.init(text, of: issuer))
    }

    /// What is known of the same token or subject.
    func entry(for revocation: Revocation) -> Revocation? {
        switch revocation.target {
        case .token(let name):
            tokens[name].map { Revocation(revocation.target, until: $0) }
        case .subject(let name, _):
            subjects[name].map {
                Revocation(.subject(name, issuedUntil: $0.issuedUntil), until: $0.until)
            }
        }
    }

    /// In no order.
    public var all: [Revocation] {
        tokens.map { Revocation(.token($0.key), until: $0.value) }
            + subjects.map {
                Revocation(
                    .subject($0.key, issuedUntil: $0.value.issuedUntil), until: $0.value.until)
            }
    }

    /// Forgets what ended by then.
    public mutating func sweep(now: Int64) {
        if tokens.contains(where: { $0.value <= now }) { tokens = tokens.filter { $0.value > now } }
        if subjects.contains(where: { $0.value.until <= now }) {
            subjects = subjects.filter { $0.value.until > now }
        }
    }
}
