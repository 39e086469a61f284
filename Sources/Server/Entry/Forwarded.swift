// Forwarded reads what a trusted proxy says of its client: `X-Forwarded-For` and `X-Forwarded-Proto`.
//
// Each proxy appends whom it heard, so the lists are read from their end, as long as trusted proxies speak:
// the first address that is not one of theirs is the client. What stands before it the client may have
// written itself, and it counts for nothing.

import Loop

struct Forwarded: Equatable {
    /// Where the list can't be read on, the nearest hop that is known.
    var client: PeerAddress
    /// Nil where it is not told.
    var isSecure: Bool?
    var isReadable = true

    init(
        for addresses: [String], proto schemes: [String], from hop: PeerAddress,
        trusted: TrustedProxies
    ) {
        client = hop
        var index = addresses.count
        while index > 0, trusted.contains(client) {
            guard let next = PeerAddress(parsing: addresses[index - 1]) else {
                isReadable = false
                break
            }
            client = next
            index -= 1
        }
        // Where each proxy appended to both, the scheme stands where its client does.
        let isPaired = schemes.count == addresses.count && index < addresses.count
        let scheme = isPaired ? schemes[index] : schemes.last
        isSecure = scheme.map { $0.lowercased() == "https" }
    }
}
