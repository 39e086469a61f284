// The few words of ASCII that HTTP is written in.

enum ASCII {
    static let tab: UInt8 = 0x09
    static let lineFeed: UInt8 = 0x0A
    static let carriageReturn: UInt8 = 0x0D
    static let space: UInt8 = 0x20

    /// RFC 9110's `tchar`: what a method, a header's name or a subprotocol is made of.
    @inline(__always)
    static func isToken(_ byte: UInt8) -> Bool {
        let bits: UInt64 = byte < 64 ? 0x03FF_6CFA_0000_0000 : 0x57FF_FFFF_C7FF_FFFE
        return byte < 128 && bits >> (byte & 63) & 1 == 1
    }

    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }

    @inline(__always)
    static func lowercased(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

    static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch lowercased(byte) {
        case 0x30...0x39: byte - 0x30
        case 0x61...0x66: lowercased(byte) - 0x61 + 10
        default: nil
        }
    }
}

extension Span<UInt8> {
    /// Whether `range` spells `name`, which is written in lower case, in any case.
    @inline(__always)
    func spells(_ name: String, in range: Range<Int>) -> Bool {
        guard range.count == name.utf8.count else { return false }
        var at = range.lowerBound
        for byte in name.utf8 {
            guard ASCII.lowercased(self[at]) == byte else { return false }
            at &+= 1
        }
        return true
    }

    func text(_ range: Range<Int>) -> String {
        String(copying: extracting(range))
    }

    /// `range` without the blanks at its ends.
    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, ASCII.isBlank(self[start]) { start += 1 }
        while end > start, ASCII.isBlank(self[end - 1]) { end -= 1 }
        return start..<end
    }

    /// The parts of `range` between separators, blanks around them left out; some may be empty.
    func parts(of range: Range<Int>, separatedBy separator: UInt8) -> [Range<Int>] {
        var parts: [Range<Int>] = []
        var start = range.lowerBound
        for index in range where self[index] == separator {
            parts.append(trimmed(start..<index))
            start = index + 1
        }
        return parts + [trimmed(start..<range.upperBound)]
    }

    /// The elements of a comma-separated list; empty ones do not count.
    func listElements(in range: Range<Int>) -> [Range<Int>] {
        parts(of: range, separatedBy: UInt8(ascii: ",")).filter { !$0.isEmpty }
    }
}
