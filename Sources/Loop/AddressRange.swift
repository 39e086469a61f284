// AddressRange is what an operator writes for a set of machines: `10.0.0.0/8`, `fd00::/8`, one address.
// And how an address is read from text, as proxies write it.
//
// An IPv4 address that is written as IPv6 (`::ffff:10.0.0.1`) is the IPv4 address everywhere.

public enum AddressRangeFault: String, Error, Sendable {
    case notAnAddress, badPrefix, bitsBelowPrefix

    public var message: String {
        switch self {
        case .notAnAddress: "is no IPv4 or IPv6 address in digits"
        case .badPrefix: "has a prefix that is no number of bits of its address"
        case .bitsBelowPrefix: "has bits set below its prefix, so that something else may be meant"
        }
    }
}

public struct AddressRange: Hashable, Sendable {
    private let address: PeerAddress
    /// Of 128 bits; IPv4 lies at the end of them.
    private let prefix: Int

    public init(parsing text: String) throws(AddressRangeFault) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = PeerAddress(ip: parts[0]) else { throw .notAnAddress }
        let bits = parts[0].contains(":") ? 128 : 32
        var length = bits
        if parts.count == 2 {
            guard parts[1].allSatisfy({ $0.isASCII && $0.isNumber }), let given = Int(parts[1]),
                0...bits ~= given
            else { throw .badPrefix }
            length = given
        }
        prefix = 128 - bits + length
        // A mapped address with a prefix so short would be neither all of IPv4 nor IPv6.
        guard !address.isV4 || prefix >= 96 else { throw .badPrefix }
        guard address.bits << UInt128(prefix) == 0 else { throw .bitsBelowPrefix }
        self.address = address
    }

    public func contains(_ other: PeerAddress) -> Bool {
        other.isIP && other.isV4 == address.isV4
            && (other.bits ^ address.bits) >> UInt128(128 - prefix) == 0
    }
}

extension PeerAddress {
    /// `192.0.2.1`, `192.0.2.1:443`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:443`; nil for all else.
    public init?(parsing text: some StringProtocol) {
        let whole = Substring(text)
        if whole.hasPrefix("[") {
            guard let end = whole.firstIndex(of: "]") else { return nil }
            let inside = whole[..<end].dropFirst()
            guard inside.contains(":") else { return nil }
            self.init(ip: inside, colonAndPort: whole[whole.index(after: end)...])
        } else if whole.count(where: { $0 == ":" }) == 1, let colon = whole.firstIndex(of: ":") {
            self.init(ip: whole[..<colon], colonAndPort: whole[colon...])
        } else {
            self.init(ip: whole)
        }
    }

    private init?(ip: Substring, colonAndPort: Substring) {
        guard !colonAndPort.isEmpty else {
            self.init(ip: ip)
            return
        }
        let digits = colonAndPort.dropFirst()
        guard colonAndPort.hasPrefix(":"), digits.allSatisfy({ $0.isASCII && $0.isNumber }),
            let port = UInt16(digits)
        else { return nil }
        self.init(ip: ip, port: port)
    }

    init?(ip: Substring, port: UInt16 = 0) {
        // The longest: eight groups, the last two as IPv4.
        guard ip.utf8.count <= 45, !ip.utf8.contains(0),
            let address = SocketAddress(host: String(ip), port: port)
        else { return nil }
        self = address.peer
    }

    /// Whom a limit counts as one: an IPv4 address, or the /64 of IPv6 that one customer usually has.
    public var network: PeerAddress {
        guard isIP else { return .unix }
        return isV4
            ? PeerAddress(v4: UInt32(truncatingIfNeeded: bits), port: 0)
            : PeerAddress(v6: UInt64(bits >> 64), 0, port: 0)
    }
}
