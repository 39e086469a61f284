// Says whether bytes are UTF-8 (RFC 3629) as they arrive, in pieces cut anywhere: the first byte that
// can't continue what came before is refused when it comes, not when the text ends.

struct UTF8Check: Sendable {
    /// Continuation bytes that the character at hand still needs.
    private var needed: UInt8 = 0
    /// The bounds of the next one. Narrower than 80...BF after the first bytes that could begin a
    /// form too long, a surrogate, or a scalar above 10FFFF.
    private var lower: UInt8 = 0x80
    private var upper: UInt8 = 0xBF

    /// Nothing is cut off at the end.
    var isComplete: Bool { needed == 0 }

    /// Takes the bytes from `start` on; false once they can't be UTF-8 any more.
    mutating func accepts(_ text: [UInt8], from start: Int) -> Bool {
        let bytes = text.span
        var index = start
        while index < bytes.count {
            if needed == 0 {
                index = bytes.firstIndex(from: index, marked: Words.notASCII)
                guard index < bytes.count else { return true }
                guard begin(with: bytes[index]) else { return false }
            } else {
                guard lower...upper ~= bytes[index] else { return false }
                (lower, upper) = (0x80, 0xBF)
                needed -= 1
            }
            index += 1
        }
        return true
    }

    private mutating func begin(with byte: UInt8) -> Bool {
        switch byte {
        case 0xC2...0xDF: needed = 1
        case 0xE0: (needed, lower) = (2, 0xA0)
        case 0xED: (needed, upper) = (2, 0x9F)
        case 0xE1...0xEF: needed = 2
        case 0xF0: (needed, lower) = (3, 0x90)
        case 0xF4: (needed, upper) = (3, 0x8F)
        case 0xF1...0xF3: needed = 3
        default: return false
        }
        return true
    }
}
