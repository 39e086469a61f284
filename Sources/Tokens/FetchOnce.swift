// Reading a key set once, for commands that end.

public struct KeySetUnread: Error, CustomStringConvertible {
    public let description: String
}

extension TokenRules {
    /// The issuer's keys as they are now, in place of those it had from afar. Blocks until they are here.
    public mutating func fetchKeys(
        of issuer: Int, _ options: KeyKeeperOptions
    ) throws(KeySetUnread) {
        guard case .url(let url)? = issuers[issuer].source else { return }
        guard let fetcher = Fetcher(options.fetch) else {
            throw KeySetUnread(description: "libcurl could not begin")
        }
        do {
            try fetcher.begin(url, tag: issuer)
            while true {
                guard let (_, result) = fetcher.turn(waiting: 1_000).first else { continue }
                let body = try result.get().body
                issuers[issuer].fetched = try KeySet(body.span, allowsSecrets: false).keys
                return
            }
        } catch let fault as FetchFault {
            throw KeySetUnread(description: fault.reason)
        } catch {
            throw KeySetUnread(description: (error as? KeySet.Fault)?.message ?? "\(error)")
        }
    }
}
