// An issuer as an operator describes it, and what becomes of that: files are read, names understood. The
// words of its faults are for the operator.

public struct IssuerDescription: Sendable {
    public var name: String?
    public var secret: [UInt8] = []
    /// PEM files with public keys or certificates.
    public var keyFiles: [String] = []
    /// A file, or an address that begins with https://; empty: none.
    public var jwks = ""
    public var algorithms = TokenAlgorithm.usual.map(\.rawValue)
    public var audience: [String] = []
    public var claims = ClaimNames()

    public init() {}

    /// Reads the files. What an address gives comes later, by the keeper.
    public func issuer(_ options: KeyKeeperOptions) throws(TokenSetupFault) -> TokenIssuer {
        var issuer = TokenIssuer(name: name)
        (issuer.audience, issuer.claims) = (audience, claims)
        issuer.algorithms = try algorithms.map { name throws(TokenSetupFault) in
            guard let algorithm = TokenAlgorithm(named: name) else { throw .unknownAlgorithm(name) }
            return algorithm
        }
        if !secret.isEmpty {
            let key = try TokenKey.secret(secret)
            for algorithm in issuer.algorithms where algorithm.keyKind == .secret {
                guard key.algorithms.contains(algorithm) else {
                    throw .secretTooShortFor(algorithm, bytes: secret.count)
                }
            }
            issuer.keys.append(key)
        }
        for path in keyFiles {
            guard let text = KeyFile.read(path) else { throw .unreadable(path: path) }
            do throws(KeyFault) { issuer.keys += try TokenKey.pem(text) } catch {
                throw .badKeyFile(path: path, error)
            }
        }
        guard !jwks.isEmpty else {
            guard !issuer.keys.isEmpty else { throw .noKey }
            return issuer
        }
        issuer.isRemote = true
        let place = KeyPlace(jwks)
        issuer.source = place
        switch place {
        case .url(let url):
            guard options.fetch.allows(url) else { throw .addressNotAllowed(url) }
        case .file(let path):
            guard let text = KeyFile.read(path) else { throw .unreadable(path: path) }
            do throws(KeySet.Fault) {
                issuer.fetched = try KeySet(text.span, allowsSecrets: true).keys
            } catch { throw .badKeySet(path: path, error) }
        }
        return issuer
    }
}

/// Where a key set is.
enum KeyPlace: Sendable {
    case file(String)
    case url(String)

    init(_ text: String) { self = text.contains("://") ? .url(text) : .file(text) }

    /// What an address gives, others can read too.
    var allowsSecrets: Bool {
        switch self {
        case .file: true
        case .url: false
        }
    }
}

extension TokenRules {
    /// As many issuers as are described, each name once.
    public init(
        _ issuers: [IssuerDescription], _ options: KeyKeeperOptions
    ) throws(TokenSetupFault) {
        guard !issuers.isEmpty else { throw .noKey }
        self.init(
            issuers: try issuers.map { issuer throws(TokenSetupFault) in
                try issuer.issuer(options)
            })
        for (index, issuer) in issuers.enumerated() {
            for earlier in issuers[..<index]
            where Array((earlier.name ?? "").utf8) == Array((issuer.name ?? "").utf8) {
                throw .sameIssuerTwice(issuer.name ?? "")
            }
        }
    }
}
