// base64url without padding (RFC 4648 section 5), strict: one text for each sequence of bytes.
//
// Invariant: decode(encode(x)) == x, and a text that decodes is the one that encode would write.

enum Base64URL {
    private static let letters = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    private static let none: UInt8 = 0xFF

    /// The value of each byte as a letter.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: none, count: 256)
        for (value, letter) in letters.enumerated() { values[Int(letter)] = UInt8(value) }
        return values
    }()

    /// Replaces what is in `bytes`; false, and nothing of use in it, when `text` is not strict.
    static func decode(_ text: Span<UInt8>, into bytes: inout [UInt8]) -> Bool {
        bytes.removeAll(keepingCapacity: true)
        guard text.count % 4 != 1 else { return false }
        var isStrict = true
        bytes.append(addingCapacity: text.count * 3 / 4) { output in
            isStrict = decode(text, into: &output)
        }
        return isStrict
    }

    private static func decode(_ text: Span<UInt8>, into output: inout OutputSpan<UInt8>) -> Bool {
        let values = values
        var gathered: UInt32 = 0
        var bits: UInt32 = 0
        for index in text.indices {
            let value = values[Int(text[index])]
            guard value != none else { return false }
            gathered = gathered << 6 | UInt32(value)
            bits += 6
            if bits >= 8 {
                bits -= 8
                output.append(UInt8(truncatingIfNeeded: gathered >> bits))
            }
        }
        // What is left of the last letter must be zero, or a second text would mean the same.
        return gathered & (1 << bits - 1) == 0
    }

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count * 4 + 2) / 3)
        var gathered: UInt32 = 0
        var bits: UInt32 = 0
        for byte in bytes {
            gathered = gathered << 8 | UInt32(byte)
            bits += 8
            while bits >= 6 {
                bits -= 6
                text.append(letters[Int(gathered >> bits & 63)])
            }
        }
        if bits > 0 { text.append(letters[Int(gathered << (6 - bits) & 63)]) }
        return String(decoding: text, as: UTF8.self)
    }
}
