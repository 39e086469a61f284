// MessagePackReader makes JSON of what a client said in MessagePack, so that there is one reader of
// what clients say. It is strict: what JSON has no word for is refused, by name.
//
// Invariant: the JSON has at most 6 bytes for each byte of the message. A length that a head merely
// announces reserves nothing: it must lie within the bytes that are there.

import JSON

/// Which rule was broken, and at which byte the broken value begins.
public struct MessagePackFault: Error, Equatable, Sendable {
    public enum Rule: String, Sendable, CaseIterable {
        case endedEarly, trailingBytes, nestedTooDeep, reservedByte
        case binary, extensionType, keyNotString, duplicateKey, notUTF8, notFinite
    }

    public let rule: Rule
    public let offset: Int
}

public struct MessagePackReader {
    /// Values inside values, at most: as many as in JSON.
    public static let nestingMax = JSONOutline.nestingMax

    private var at = 0
    private var json: JSONWriter

    public static func json(_ bytes: Span<UInt8>) throws(MessagePackFault) -> [UInt8] {
        var reader = MessagePackReader(json: JSONWriter(reserving: bytes.count * 2))
        try reader.readValue(bytes, depth: 0)
        guard reader.at == bytes.count else {
            throw MessagePackFault(rule: .trailingBytes, offset: reader.at)
        }
        return reader.json.bytes
    }

    private init(json: JSONWriter) { self.json = json }

    private mutating func readValue(_ bytes: Span<UInt8>, depth: Int) throws(MessagePackFault) {
        let start = at
        let head = try head(bytes)
        switch head {
        case 0x00...0x7F: json.integer(head)
        case 0xE0...0xFF: json.integer(Int8(bitPattern: head))
        case 0x80...0x8F: try readMap(bytes, Int(head & 0x0F), start, depth: depth + 1)
        case 0xDE: try readMap(bytes, size(bytes, 2), start, depth: depth + 1)
        case 0xDF: try readMap(bytes, size(bytes, 4), start, depth: depth + 1)
        case 0x90...0x9F: try readArray(bytes, Int(head & 0x0F), start, depth: depth + 1)
        case 0xDC: try readArray(bytes, size(bytes, 2), start, depth: depth + 1)
        case 0xDD: try readArray(bytes, size(bytes, 4), start, depth: depth + 1)
        case 0xC0: json.null()
        case 0xC2: json.bool(false)
        case 0xC3: json.bool(true)
        case 0xCA:
            let bits = UInt32(truncatingIfNeeded: try unsigned(bytes, 4))
            try write(Double(Float(bitPattern: bits)), start)
        case 0xCB: try write(Double(bitPattern: unsigned(bytes, 8)), start)
        case 0xCC...0xCF: json.integer(try unsigned(bytes, 1 << (head - 0xCC)))
        case 0xD0...0xD3:
            let count = 1 << Int(head - 0xD0)
            let unused = UInt64(64 - 8 * count)
            json.integer(Int64(bitPattern: try unsigned(bytes, count) << unused) >> Int64(unused))
        case 0xC1: throw MessagePackFault(rule: .reservedByte, offset: start)
        case 0xC4...0xC6: throw MessagePackFault(rule: .binary, offset: start)
        case 0xC7...0xC9, 0xD4...0xD8: throw MessagePackFault(rule: .extensionType, offset: start)
        default:
            guard let text = try string(bytes, head, start) else { preconditionFailure() }
            json.string(bytes.extracting(text))
        }
    }

    private mutating func readMap(
        _ bytes: Span<UInt8>, _ count: Int, _ start: Int, depth: Int
    ) throws(MessagePackFault) {
        try check(bytes, items: count * 2, start, depth: depth)
        var names: Set<[UInt8]> = []
        json.beginObject()
        for _ in 0..<count {
            let start = at
            guard let name = try string(bytes, head(bytes), start) else {
                throw MessagePackFault(rule: .keyNotString, offset: start)
            }
            let text = bytes.extracting(name)
            guard names.insert([UInt8](capacity: text.count) { $0.append(copying: text) }).inserted
            else { throw MessagePackFault(rule: .duplicateKey, offset: start) }
            json.key(text)
            try readValue(bytes, depth: depth)
        }
        json.endObject()
    }

    private mutating func readArray(
        _ bytes: Span<UInt8>, _ count: Int, _ start: Int, depth: Int
    ) throws(MessagePackFault) {
        try check(bytes, items: count, start, depth: depth)
        json.beginArray()
        for _ in 0..<count { try readValue(bytes, depth: depth) }
        json.endArray()
    }

    /// Every item takes a byte at least.
    private func check(
        _ bytes: Span<UInt8>, items: Int, _ start: Int, depth: Int
    ) throws(MessagePackFault) {
        guard depth <= Self.nestingMax else {
            throw MessagePackFault(rule: .nestedTooDeep, offset: start)
        }
        guard items <= bytes.count - at else {
            throw MessagePackFault(rule: .endedEarly, offset: start)
        }
    }

    /// Where the text lies whose head was read; nil where that is no string's.
    private mutating func string(
        _ bytes: Span<UInt8>, _ head: UInt8, _ start: Int
    ) throws(MessagePackFault) -> Range<Int>? {
        let count: Int
        switch head {
        case 0xA0...0xBF: count = Int(head & 0x1F)
        case 0xD9...0xDB: count = try size(bytes, 1 << Int(head - 0xD9))
        default: return nil
        }
        guard count <= bytes.count - at else {
            throw MessagePackFault(rule: .endedEarly, offset: start)
        }
        let text = at..<at + count
        guard (try? UTF8Span(validating: bytes.extracting(text))) != nil else {
            throw MessagePackFault(rule: .notUTF8, offset: start)
        }
        at += count
        return text
    }

    private mutating func write(_ number: Double, _ start: Int) throws(MessagePackFault) {
        guard number.isFinite else { throw MessagePackFault(rule: .notFinite, offset: start) }
        json.double(number)
    }

    private mutating func head(_ bytes: Span<UInt8>) throws(MessagePackFault) -> UInt8 {
        guard at < bytes.count else { throw MessagePackFault(rule: .endedEarly, offset: at) }
        at += 1
        return bytes[at - 1]
    }

    /// At most four bytes, so it fits.
    private mutating func size(_ bytes: Span<UInt8>, _ count: Int) throws(MessagePackFault) -> Int {
        Int(try unsigned(bytes, count))
    }

    private mutating func unsigned(
        _ bytes: Span<UInt8>, _ count: Int
    ) throws(MessagePackFault) -> UInt64 {
        guard count <= bytes.count - at else {
            throw MessagePackFault(rule: .endedEarly, offset: at - 1)
        }
        var value: UInt64 = 0
        for index in at..<at + count { value = value << 8 | UInt64(bytes[index]) }
        at += count
        return value
    }
}
