// Reads single values out of a text that an outline has checked. Every function takes the range that
// the outline gave; a value of another kind, or one that does not fit, is nil.

extension Span<UInt8> {
    /// The string's text. An escaped surrogate without its other half reads as U+FFFD.
    public func jsonString(_ value: Range<Int>) -> String? {
        guard value.count >= 2, self[value.lowerBound] == UInt8(ascii: "\"") else { return nil }
        return jsonText(value.lowerBound + 1..<value.upperBound - 1)
    }

    /// The text between a string's quotes (a key, say), escapes undone.
    public func jsonText(_ range: Range<Int>) -> String {
        String(decoding: unescaped(range), as: UTF8.self)
    }

    /// A whole number without fraction and exponent.
    public func jsonInteger(_ value: Range<Int>) -> Int64? {
        guard let first = value.first, self[first] == UInt8(ascii: "-") else {
            return jsonUnsigned(value).flatMap { Int64(exactly: $0) }
        }
        guard let size = jsonUnsigned(value.dropFirst()) else { return nil }
        guard size <= UInt64(Int64.max) else { return size == 1 << 63 ? .min : nil }
        return -Int64(size)
    }

    public func jsonUnsigned(_ value: Range<Int>) -> UInt64? {
        guard !value.isEmpty else { return nil }
        var sum: UInt64 = 0
        for index in value {
            let digit = self[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            let (product, overflows) = sum.multipliedReportingOverflow(by: 10)
            let (next, carries) = product.addingReportingOverflow(UInt64(digit))
            guard !overflows, !carries else { return nil }
            sum = next
        }
        return sum
    }

    /// The nearest Double; nil when there is none that is finite (`1e999`).
    public func jsonDouble(_ value: Range<Int>) -> Double? {
        if value.count <= 15, let integer = jsonInteger(value) { return Double(integer) }
        guard let first = value.first, self[first] != UInt8(ascii: "\"") else { return nil }
        var text = ""
        for index in value { text.unicodeScalars.append(Unicode.Scalar(self[index])) }
        guard let number = Double(text), number.isFinite else { return nil }
        return number
    }

    public func jsonBool(_ value: Range<Int>) -> Bool? {
        guard let first = value.first else { return nil }
        switch self[first] {
        case UInt8(ascii: "t"): return true
        case UInt8(ascii: "f"): return false
        default: return nil
        }
    }

    /// Whether the member's key, escapes undone, is `name`.
    public func key(of member: JSONMember, is name: String) -> Bool {
        if member.keyHasEscapes { return jsonText(member.key) == name }
        let utf8 = name.utf8
        guard member.key.count == utf8.count else { return false }
        var at = member.key.lowerBound
        for byte in utf8 {
            guard self[at] == byte else { return false }
            at += 1
        }
        return true
    }

    /// The bytes between a string's quotes, escapes undone.
    public func unescaped(_ range: Range<Int>) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(range.count)
        var at = range.lowerBound
        while at < range.upperBound {
            let byte = self[at]
            guard byte == UInt8(ascii: "\\"), at + 1 < range.upperBound else {
                text.append(byte)
                at += 1
                continue
            }
            at += 2
            switch self[at - 1] {
            case UInt8(ascii: "b"): text.append(0x08)
            case UInt8(ascii: "f"): text.append(0x0C)
            case UInt8(ascii: "n"): text.append(0x0A)
            case UInt8(ascii: "r"): text.append(0x0D)
            case UInt8(ascii: "t"): text.append(0x09)
            case UInt8(ascii: "u"):
                let scalar = unescapedScalar(&at, end: range.upperBound)
                text.append(contentsOf: String(Character(scalar)).utf8)
            case let plain: text.append(plain)
            }
        }
        return text
    }

    /// Reads the digits of one `\u`, or of two that are the halves of one character.
    private func unescapedScalar(_ at: inout Int, end: Int) -> Unicode.Scalar {
        let replacement: Unicode.Scalar = "\u{FFFD}"
        guard at + 4 <= end, let first = codeUnit(at: at) else {
            at = Swift.min(at + 4, end)
            return replacement
        }
        at += 4
        guard 0xD800...0xDBFF ~= first else { return Unicode.Scalar(first) ?? replacement }
        guard at + 6 <= end, self[at] == UInt8(ascii: "\\"), self[at + 1] == UInt8(ascii: "u"),
            let second = codeUnit(at: at + 2), 0xDC00...0xDFFF ~= second
        else { return replacement }
        at += 6
        return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)) ?? replacement
    }
}
