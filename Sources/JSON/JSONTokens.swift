// JSONTokens walks over a text that is known to be JSON, one token after the other: no tree, no stack.
// Commas and colons are passed over, so a key is a string like any other; who needs to tell them apart
// counts.
//
// Invariant: what the text may be was checked before, by an outline or by having written it. Another
// text is our own fault and traps, or gives odd tokens; no token ever lies outside of it.

public struct JSONTokens {
    public enum Token: Equatable {
        case beginObject, beginArray, end
        /// Between its quotes.
        case string(Range<Int>, hasEscapes: Bool)
        case number(Range<Int>)
        case bool(Bool), null
    }

    /// The first byte not yet read.
    public private(set) var at = 0

    public init() {}

    /// Nil behind the last one.
    public mutating func next(in text: Span<UInt8>) -> Token? {
        while at < text.count {
            let start = at
            at += 1
            switch text[start] {
            case 0x20, 0x09, 0x0A, 0x0D, UInt8(ascii: ","), UInt8(ascii: ":"): continue
            case UInt8(ascii: "\""): return string(text)
            case UInt8(ascii: "{"): return .beginObject
            case UInt8(ascii: "["): return .beginArray
            case UInt8(ascii: "}"), UInt8(ascii: "]"): return .end
            case UInt8(ascii: "t"):
                at += 3
                return .bool(true)
            case UInt8(ascii: "f"):
                at += 4
                return .bool(false)
            case UInt8(ascii: "n"):
                at += 3
                return .null
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                while at < text.count, Self.continuesNumber(text[at]) { at += 1 }
                return .number(start..<at)
            default: preconditionFailure("not JSON")
            }
        }
        return nil
    }

    /// The opening quote was read.
    private mutating func string(_ text: Span<UInt8>) -> Token {
        let start = at
        var hasEscapes = false
        while true {
            at = text.endOfPlainText(from: at)
            precondition(at < text.count, "a string without an end")
            switch text[at] {
            case UInt8(ascii: "\""):
                at += 1
                return .string(start..<at - 1, hasEscapes: hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                at += 2
            default: at += 1
            }
        }
    }

    private static func continuesNumber(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "e"),
            UInt8(ascii: "E"), UInt8(ascii: "+"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
