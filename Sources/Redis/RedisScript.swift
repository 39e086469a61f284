// A Lua script with the SHA-1 by which Redis remembers it.

public struct RedisScript: Sendable {
    public let source: [UInt8]
    public let sha1: [UInt8]

    public init(_ source: String) {
        self.source = Array(source.utf8)
        sha1 = SHA1.hex(of: self.source)
    }
}

/// SHA-1 (FIPS 180-4) as a name for scripts; not for anything that must be secure.
enum SHA1 {
    static func hex(of message: [UInt8]) -> [UInt8] {
        var state: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
        let bytes = padded(message)
        for block in stride(from: 0, to: bytes.count, by: blockBytes) {
            mix(bytes[block..<block + blockBytes], into: &state)
        }
        let digits = Array("0123456789abcdef".utf8)
        return state.flatMap { word in
            (0..<8).reversed().map { digits[Int(word >> ($0 * 4) & 0xF)] }
        }
    }

    private static func padded(_ message: [UInt8]) -> [UInt8] {
        var bytes = message + [0x80]
        while bytes.count % blockBytes != blockBytes - 8 { bytes.append(0) }
        let bits = UInt64(message.count) * 8
        return bytes + (0..<8).reversed().map { UInt8(truncatingIfNeeded: bits >> ($0 * 8)) }
    }

    private static func mix(_ block: ArraySlice<UInt8>, into state: inout [UInt32]) {
        var words: [UInt32] = stride(from: block.startIndex, to: block.endIndex, by: 4).map {
            start in
            block[start..<start + 4].reduce(0) { $0 << 8 | UInt32($1) }
        }
        for index in 16..<80 {
            words.append(
                rotated(
                    words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], 1))
        }
        var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
        for index in 0..<80 {
            let (choice, constant): (UInt32, UInt32) =
                switch index {
                case ..<20: (b & c | ~b & d, 0x5A82_7999)
                case ..<40: (b ^ c ^ d, 0x6ED9_EBA1)
                case ..<60: (b & c | b & d | c & d, 0x8F1B_BCDC)
                default: (b ^ c ^ d, 0xCA62_C1D6)
                }
            let next = rotated(a, 5) &+ choice &+ e &+ constant &+ words[index]
            (e, d, c, b, a) = (d, c, rotated(b, 30), a, next)
        }
        for (index, word) in [a, b, c, d, e].enumerated() { state[index] &+= word }
    }

    private static func rotated(_ word: UInt32, _ bits: UInt32) -> UInt32 {
        word << bits | word >> (32 - bits)
    }

    private static let blockBytes = 64
}
