// What readers and the writer need to know about the bytes of a string. The target's only unsafe file.

extension Span<UInt8> {
    /// The first byte from `start` on that is a quote, a backslash, a control or not ASCII;
    /// `count` where there is none. Eight bytes a step: most of a payload is plain text.
    func endOfPlainText(from start: Int) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        var at = start
        while at + 8 <= count {
            let word = littleEndianWord(at: at)
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            // A borrow only ever runs upwards from a byte that matched, so the lowest top bit set
            // is exact; bytes past ASCII have theirs set in `word` itself.
            let low = (word &- ones &* 0x20) | (quote &- ones) | (backslash &- ones)
            let stops = ((low & ~word) | word) & tops
            if stops != 0 { return at + stops.trailingZeroBitCount / 8 }
            at += 8
        }
        while at < count {
            let byte = self[at]
            guard byte >= 0x20, byte < 0x80, byte != 0x22, byte != 0x5C else { break }
            at += 1
        }
        return at
    }

    /// The bytes of the UTF-8 character that begins at `at`; nil where none does. Refuses what
    /// RFC 3629 refuses: overlong forms, surrogates, beyond U+10FFFF.
    func lengthOfCharacter(at: Int) -> Int? {
        func follows(_ offset: Int, _ allowed: ClosedRange<UInt8> = 0x80...0xBF) -> Bool {
            at + offset < count && allowed.contains(self[at + offset])
        }
        switch self[at] {
        case ..<0x80: return 1
        case 0xC2...0xDF: return follows(1) ? 2 : nil
        case 0xE0: return follows(1, 0xA0...0xBF) && follows(2) ? 3 : nil
        case 0xED: return follows(1, 0x80...0x9F) && follows(2) ? 3 : nil
        case 0xE1...0xEF: return follows(1) && follows(2) ? 3 : nil
        case 0xF0: return follows(1, 0x90...0xBF) && follows(2) && follows(3) ? 4 : nil
        case 0xF1...0xF3: return follows(1) && follows(2) && follows(3) ? 4 : nil
        case 0xF4: return follows(1, 0x80...0x8F) && follows(2) && follows(3) ? 4 : nil
        default: return nil
        }
    }

    /// The four hexadecimal digits at `at`; nil where they are none.
    func codeUnit(at: Int) -> UInt32? {
        guard at + 4 <= count else { return nil }
        var value: UInt32 = 0
        for index in at..<at + 4 {
            let digit: UInt8
            switch self[index] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = self[index] - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = self[index] - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = self[index] - UInt8(ascii: "A") + 10
            default: return nil
            }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    /// Whether both hold the same bytes.
    public func isEqual(to other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        guard count >= 8 else { return indices.allSatisfy { self[$0] == other[$0] } }
        // The last word may overlap the one before it.
        var at = 0
        while at < count - 8 {
            guard littleEndianWord(at: at) == other.littleEndianWord(at: at) else { return false }
            at += 8
        }
        return littleEndianWord(at: count - 8) == other.littleEndianWord(at: count - 8)
    }

    @inline(__always)
    private func littleEndianWord(at: Int) -> UInt64 {
        // Sound: the load checks its bounds, and every bit pattern is a UInt64.
        unsafe UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: at, as: UInt64.self))
    }
}

extension String {
    /// Lends the text's UTF-8 to `body`. Not `utf8.span`: a text of up to 15 bytes lies in the String
    /// itself, and in optimized code (Swift 6.3.1) that span pointed to where the String had been.
    public func lendUTF8<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
        // Sound: the pointer does not leave the closure.
        let lent = unsafe utf8.withContiguousStorageIfAvailable { unsafe body($0.span) }
        return lent ?? body(Array(utf8).span)
    }
}

extension [UInt8] {
    /// Appends all of `span`.
    public mutating func append(_ span: Span<UInt8>) {
        // Sound: the pointer does not leave the closure.
        unsafe span.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }
}
