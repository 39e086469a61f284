// TrustedProxies are the machines whose word for a client's address is taken. Nobody else's is.

import Loop

struct TrustedProxiesFault: Error, CustomStringConvertible {
    let text: String
    let fault: AddressRangeFault
    var description: String { "\"\(text)\" \(fault.message)" }
}

struct TrustedProxies: Sendable {
    /// Whoever comes by a Unix socket.
    private var hasUnix = false
    private var ranges: [AddressRange] = []

    init(_ texts: [String]) throws(TrustedProxiesFault) {
        for text in texts {
            guard text != "unix" else {
                hasUnix = true
                continue
            }
            do throws(AddressRangeFault) { ranges.append(try AddressRange(parsing: text)) } catch {
                throw TrustedProxiesFault(text: text, fault: error)
            }
        }
    }

    func contains(_ address: PeerAddress) -> Bool {
        address.isIP ? ranges.contains { $0.contains(address) } : hasUnix
    }
}
