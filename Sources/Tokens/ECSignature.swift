// An ECDSA signature as a token has it, r and s of fixed length (RFC 7518 section 3.4), in the DER that
// OpenSSL takes. Numbers as large as the curve's order or larger are refused by OpenSSL, zero already here.

enum ECSignature {
    static func der(_ raw: [UInt8], of algorithm: TokenAlgorithm) -> [UInt8]? {
        let bytes = algorithm == .es256 ? 32 : 48
        guard raw.count == 2 * bytes, let r = integer(raw[..<bytes]), let s = integer(raw[bytes...])
        else { return nil }
        // At most 2 × (2 + 49) bytes, so that one byte holds the length.
        return [0x30, UInt8(r.count + s.count)] + r + s
    }

    /// Without leading zeros, and with one where the first bit would make it negative; nil for zero.
    private static func integer(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
        let digits = bytes.drop { $0 == 0 }
        guard let first = digits.first else { return nil }
        let sign: [UInt8] = first < 0x80 ? [] : [0]
        return [0x02, UInt8(sign.count + digits.count)] + sign + digits
    }
}
