// Who may issue tokens. The token settings describe one issuer; a section `[issuer NAME]` of the file
// describes one more, with the same names for the same things and the same defaults:
//
//     [issuer https://login.example.com/]
//     jwks = https://login.example.com/jwks.json
//     token-audience = jobwire

public struct Issuer: Equatable, Sendable {
    /// What `iss` must be; empty: anything.
    public let name: String
    /// As if it were the only one. Of these only the settings below are its own.
    public internal(set) var settings = Settings()

    /// What may stand in a section.
    public static let table: [Setting] = {
        let names: Set = [
            "token-secret", "token-keys", "jwks", "token-audience", "token-algorithms",
            "subject-claim", "jobs-claim", "queues-claim", "feeds-claim", "scope-claim",
        ]
        return Settings.table.filter { names.contains($0.name) }
    }()

    public var hasKeys: Bool {
        !settings.tokenSecret.isEmpty || !settings.tokenKeys.isEmpty || !settings.jwks.isEmpty
    }
}

extension Settings {
    /// All of them; the one that the token settings describe comes first, where it has a key.
    public var allIssuers: [Issuer] {
        let first = Issuer(name: tokenIssuer, settings: self)
        return (first.hasKeys ? [first] : []) + issuers
    }

    /// False when the text is no such value.
    mutating func write(_ bytes: [UInt8], _ setting: Setting, issuer name: String?) -> Bool {
        guard let name else { return setting.write(&self, bytes) }
        if let index = issuers.firstIndex(where: { $0.name.utf8.elementsEqual(name.utf8) }) {
            return setting.write(&issuers[index].settings, bytes)
        }
        issuers.append(Issuer(name: name))
        return setting.write(&issuers[issuers.count - 1].settings, bytes)
    }
}
