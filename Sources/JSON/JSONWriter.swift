// JSONWriter appends JSON to a byte array and puts the commas.
//
// The caller opens, names and closes in the right order; only the commas are ours. What is written
// `raw` must be JSON already.

public struct JSONWriter: Sendable {
    public private(set) var bytes: [UInt8] = []
    /// True when the next key or value must be led by a comma.
    private var owesComma = false

    public init(reserving count: Int = 128) { bytes.reserveCapacity(count) }

    public mutating func beginObject() { open(UInt8(ascii: "{")) }
    public mutating func endObject() { close(UInt8(ascii: "}")) }
    public mutating func beginArray() { open(UInt8(ascii: "[")) }
    public mutating func endArray() { close(UInt8(ascii: "]")) }

    /// Writes a name; the value comes next.
    public mutating func key(_ name: String) { name.lendUTF8 { key($0) } }

    /// A name from its UTF-8, which the caller has checked.
    public mutating func key(_ name: Span<UInt8>) {
        separate()
        Self.append(name, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        owesComma = false
    }

    public mutating func string(_ text: String) {
        separate()
        text.lendUTF8 { Self.append($0, to: &bytes) }
    }

    /// A string from its UTF-8, which the caller has checked.
    public mutating func string(_ text: Span<UInt8>) {
        separate()
        Self.append(text, to: &bytes)
    }

    public mutating func integer(_ value: some BinaryInteger) {
        separate()
        bytes.append(contentsOf: String(value).utf8)
    }

    /// The shortest spelling that reads back as the same number; null where JSON has none.
    public mutating func double(_ value: Double) {
        guard value.isFinite else { return null() }
        separate()
        let text = value.description
        bytes.append(contentsOf: text.hasSuffix(".0") ? text.utf8.dropLast(2) : text.utf8[...])
    }

    public mutating func bool(_ value: Bool) { raw(value ? "true" : "false") }
    public mutating func null() { raw("null") }

    public mutating func raw(_ json: String) {
        separate()
        bytes.append(contentsOf: json.utf8)
    }

    public mutating func raw(_ json: Span<UInt8>) {
        separate()
        bytes.append(json)
    }

    /// Appends `text` as a JSON string, quotes included.
    public static func append(_ text: Span<UInt8>, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        var start = 0
        while start < text.count {
            let stop = text.endOfPlainText(from: start)
            bytes.append(text.extracting(start..<stop))
            guard stop < text.count else { break }
            append(text[stop], to: &bytes)
            start = stop + 1
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func append(_ byte: UInt8, to bytes: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "\""): bytes.append(contentsOf: [0x5C, 0x22])
        case UInt8(ascii: "\\"): bytes.append(contentsOf: [0x5C, 0x5C])
        case 0x0A: bytes.append(contentsOf: [0x5C, UInt8(ascii: "n")])
        case 0x0D: bytes.append(contentsOf: [0x5C, UInt8(ascii: "r")])
        case 0x09: bytes.append(contentsOf: [0x5C, UInt8(ascii: "t")])
        case ..<0x20:
            let digits = Array("0123456789abcdef".utf8)
            bytes.append(contentsOf: [0x5C, UInt8(ascii: "u"), 0x30, 0x30])
            bytes.append(contentsOf: [digits[Int(byte >> 4)], digits[Int(byte & 15)]])
        default: bytes.append(byte)
        }
    }

    private mutating func open(_ bracket: UInt8) {
        separate()
        bytes.append(bracket)
        owesComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        owesComma = true
    }

    private mutating func separate() {
        if owesComma { bytes.append(UInt8(ascii: ",")) }
        owesComma = true
    }
}
