// ProxyHeader reads what a proxy says of its client before all else on a connection: the PROXY protocol, as a line
// (version 1) or in binary (version 2).
//
// Pure: bytes in, a client or a fault out. Every prefix of a header is either incomplete or already wrong, so
// that nothing is waited for in vain. Only streams are proxied to us; extensions (TLVs) are skipped.
//
// Invariant: `length` is more than any incomplete prefix had, and at most `bytesMax`.

public enum ProxyHeaderFault: String, Error, Sendable {
    case missing, tooLong, badLine, badAddress, badPort, badVersion, badCommand, badFamily,
        badLength
}

public struct ProxyHeader: Equatable, Sendable {
    /// Nil where the proxy speaks for itself (`LOCAL`) or names nobody (`UNKNOWN`).
    public let client: PeerAddress?
    public let length: Int

    /// Of version 2. What proxies add is some hundred bytes.
    public static let bytesMax = 4_096
    static let lineBytesMax = 107

    /// Nil while more has to come.
    public static func read(_ bytes: Span<UInt8>) throws(ProxyHeaderFault) -> ProxyHeader? {
        guard !bytes.isEmpty else { return nil }
        return bytes[0] == signature[0] ? try readBinary(bytes) : try readLine(bytes)
    }

    private static func begins(_ bytes: Span<UInt8>, _ word: [UInt8]) -> Bool {
        (0..<min(bytes.count, word.count)).allSatisfy { bytes[$0] == word[$0] }
    }

    // MARK: version 1

    private static let word = Array("PROXY ".utf8)

    private static func readLine(_ bytes: Span<UInt8>) throws(ProxyHeaderFault) -> ProxyHeader? {
        guard begins(bytes, word) else { throw .missing }
        let count = min(bytes.count, lineBytesMax)
        guard let end = (0..<count).first(where: { !(0x20...0x7E ~= bytes[$0]) }) else {
            if count == lineBytesMax { throw .tooLong }
            return nil
        }
        guard bytes[end] == 0x0D else { throw .badLine }
        guard end + 2 <= lineBytesMax else { throw .tooLong }
        guard end + 1 < bytes.count else { return nil }
        guard bytes[end + 1] == 0x0A else { throw .badLine }
        let text = String(decoding: (word.count..<end).map { bytes[$0] }, as: UTF8.self)
        let words = text.split(separator: " ", omittingEmptySubsequences: false)
        return ProxyHeader(client: try client(words), length: end + 2)
    }

    private static func client(_ words: [Substring]) throws(ProxyHeaderFault) -> PeerAddress? {
        if words[0] == "UNKNOWN" { return nil }
        guard words[0] == "TCP4" || words[0] == "TCP6" else { throw .badFamily }
        guard words.count == 5 else { throw .badLine }
        guard let port = port(words[3]), self.port(words[4]) != nil else { throw .badPort }
        for address in words[1...2] where address.contains(":") != (words[0] == "TCP6") {
            throw .badAddress
        }
        guard let client = PeerAddress(ip: words[1], port: port), PeerAddress(ip: words[2]) != nil
        else { throw .badAddress }
        return client
    }

    private static func port(_ text: Substring) -> UInt16? {
        guard text.allSatisfy({ $0.isASCII && $0.isNumber }), text == "0" || !text.hasPrefix("0")
        else { return nil }
        return UInt16(text)
    }

    // MARK: version 2

    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]
    private static let fixedBytes = 16

    private static func readBinary(_ bytes: Span<UInt8>) throws(ProxyHeaderFault) -> ProxyHeader? {
        guard begins(bytes, signature) else { throw .missing }
        if bytes.count > 12 {
            guard bytes[12] >> 4 == 2 else { throw .badVersion }
            guard bytes[12] & 15 <= 1 else { throw .badCommand }
        }
        guard bytes.count >= fixedBytes else { return nil }
        let length = fixedBytes + Int(bytes[14]) << 8 + Int(bytes[15])
        guard length <= bytesMax else { throw .tooLong }
        let isLocal = bytes[12] & 15 == 0
        if !isLocal {
            guard let needed = addressBytes[bytes[13]] else { throw .badFamily }
            guard length >= fixedBytes + needed else { throw .badLength }
        }
        guard bytes.count >= length else { return nil }
        let client = isLocal ? nil : client(bytes.extracting(fixedBytes..<length), of: bytes[13])
        return ProxyHeader(client: client, length: length)
    }

    /// Of two addresses and their ports: nobody's, TCP over IPv4, over IPv6, and a Unix stream's.
    private static let addressBytes: [UInt8: Int] = [0x00: 0, 0x11: 12, 0x21: 36, 0x31: 216]

    private static func client(_ bytes: Span<UInt8>, of family: UInt8) -> PeerAddress? {
        func number(_ range: Range<Int>) -> UInt64 {
            range.reduce(0) { $0 << 8 | UInt64(bytes[$1]) }
        }
        switch family {
        case 0x11: return PeerAddress(v4: UInt32(number(0..<4)), port: UInt16(number(8..<10)))
        case 0x21:
            return PeerAddress(v6: number(0..<8), number(8..<16), port: UInt16(number(32..<34)))
        default: return nil
        }
    }
}
