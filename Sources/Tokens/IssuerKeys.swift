// The keys of one issuer made ready on one loop, and the choice among them.
//
// Invariant: a key is asked only about its own algorithms, of which the issuer's rules allow some; so the
// key decides how a signature is checked, and no token can choose another way for it.

final class IssuerKeys {
    /// Of a token that names no key, so many are tried.
    static let triesMax = 8
    /// Between two asks for a key that is not here, and how long tokens then wait for it, in seconds.
    static let askInterval: Int64 = 60
    static let answerTime: Int64 = 10

    private let rules: TokenIssuer
    private var keys: [Ready] = []
    /// False until its first keys are here.
    private var isLoaded: Bool
    private var askedAt = Int64.min
    private var awaitedUntil = Int64.min

    enum Check {
        case code(HMAC)
        case signature(SignatureCheck)

        func accepts(_ signature: [UInt8], _ text: Span<UInt8>) -> Bool {
            switch self {
            case .code(let hmac): hmac.matches(signature, of: text)
            case .signature(let check): check.accepts(signature, of: text)
            }
        }
    }

    private struct Ready {
        let id: String?
        let checks: [(algorithm: TokenAlgorithm, check: Check)]
    }

    init(_ rules: TokenIssuer) throws(TokenSetupFault) {
        self.rules = rules
        isLoaded = !rules.isRemote || rules.fetched != nil
        keys = try ready(rules.keys + (rules.fetched ?? []))
    }

    /// What came from afar takes the place of what came from there before.
    func install(_ fetched: [TokenKey]) throws(TokenSetupFault) {
        keys = try ready(rules.keys + fetched)
        isLoaded = true
        awaitedUntil = .min
    }

    private func ready(_ keys: [TokenKey]) throws(TokenSetupFault) -> [Ready] {
        try keys.map { key throws(TokenSetupFault) in
            var checks: [(algorithm: TokenAlgorithm, check: Check)] = []
            for algorithm in key.algorithms where rules.algorithms.contains(algorithm) {
                switch (key.material, algorithm.digest) {
                case (.secret(let secret), let digest?):
                    checks.append((algorithm, .code(try HMAC(key: secret, digest))))
                case (.publicKey(let key), _):
                    checks.append((algorithm, .signature(try SignatureCheck(key, algorithm))))
                case (.secret, nil): break
                }
            }
            return Ready(id: key.id, checks: checks)
        }
    }

    /// `ask` asks for the issuer's keys of this moment.
    func check(
        _ signature: [UInt8], of text: Span<UInt8>, _ header: TokenHeader, now: Int64,
        ask: () -> Void
    ) throws(TokenFault) {
        guard rules.algorithms.contains(header.algorithm) else { throw .algorithmNotAllowed }
        var (tries, isNamed, isOfKind) = (0, false, false)
        for key in keys {
            if let id = key.id, let asked = header.keyID {
                guard id.utf8.elementsEqual(asked.utf8) else { continue }
                isNamed = true
            }
            for (algorithm, check) in key.checks where algorithm == header.algorithm {
                guard tries < Self.triesMax else { break }
                (tries, isOfKind) = (tries + 1, true)
                if check.accepts(signature, text) { return }
            }
        }
        if rules.isRemote, !isLoaded || (header.keyID != nil && !isNamed) {
            throw missing(now: now, ask)
        }
        guard isOfKind else {
            let isNeeded = keys.contains { $0.checks.contains { $0.algorithm == header.algorithm } }
            throw isNeeded && !isNamed ? .unknownKey : .algorithmNotAllowed
        }
        throw .badSignature
    }

    /// A key that is not here may be a new one: for a moment its tokens are told to come again.
    private func missing(now: Int64, _ ask: () -> Void) -> TokenFault {
        let (since, isLong) = now.subtractingReportingOverflow(askedAt)
        if isLong || since < 0 || since >= Self.askInterval {
            (askedAt, awaitedUntil) = (now, now &+ Self.answerTime)
            ask()
        }
        return now < awaitedUntil || !isLoaded ? .keysAwaited : .unknownKey
    }
}
