// JSONOutline checks a whole JSON text (RFC 8259) and remembers only where the outermost members lie.
//
// There is no tree: a member is two ranges of the caller's bytes, and its value keeps the spelling
// it came with. An outline can be used again for the next text; its storage stays.
//
// Invariant: `members` is in text order, and the members inside a member follow it with a greater
// depth. After a fault the outline is empty.

/// One member of an object, or one element of an array (then `key` is empty and `isElement`).
public struct JSONMember: Sendable {
    private let keyStart: UInt32
    private let keyEnd: UInt32
    private let valueStart: UInt32
    fileprivate var valueEnd: UInt32
    /// 1 for the members of the outermost value.
    public let depth: UInt8
    public fileprivate(set) var kind: JSONKind
    public let isElement: Bool
    public let keyHasEscapes: Bool

    fileprivate init(key: Range<Int>?, hasEscapes: Bool, value: Int, depth: Int) {
        keyStart = UInt32(truncatingIfNeeded: key?.lowerBound ?? 0)
        keyEnd = UInt32(truncatingIfNeeded: key?.upperBound ?? 0)
        valueStart = UInt32(truncatingIfNeeded: value)
        valueEnd = valueStart
        self.depth = UInt8(truncatingIfNeeded: depth)
        kind = .null
        isElement = key == nil
        keyHasEscapes = hasEscapes
    }

    /// The key as written, between its quotes.
    public var key: Range<Int> { Int(keyStart)..<Int(keyEnd) }
    /// The value as written; a string with its quotes.
    public var value: Range<Int> { Int(valueStart)..<Int(valueEnd) }
}

public struct JSONOutline: Sendable {
    /// Values inside values, at most. Deeper texts are refused, so that no sender chooses our stack.
    public static let nestingMax = 128

    public private(set) var kind = JSONKind.null
    /// The outermost value, without the white space around it.
    public private(set) var value = 0..<0
    public private(set) var members: [JSONMember] = []
    /// Where `NaN`, `Infinity` and `-Infinity` stand: no JSON, but Python writes them.
    /// Empty unless `read` was told to allow them.
    public private(set) var nonFinite: [Range<Int>] = []

    private var at = 0
    private var allowsNonFinite = false

    public init() {}

    /// Checks all of `bytes` and notes the members down to `levels` (0: check only).
    public mutating func read(
        _ bytes: Span<UInt8>, levels: Int = 1, allowingNonFinite: Bool = false
    ) throws(JSONFault) {
        clear()
        allowsNonFinite = allowingNonFinite
        do throws(JSONFault) {
            guard bytes.count <= Int(UInt32.max) else { throw JSONFault(.tooLong, at: 0) }
            skipSpace(bytes)
            let start = at
            kind = try readValue(bytes, levels: levels, depth: 0)
            value = start..<at
            skipSpace(bytes)
            guard at == bytes.count else { throw JSONFault(.trailingBytes, at: at) }
        } catch {
            clear()
            throw error
        }
    }

    /// The member of that name: among several the last, as parsers do. With `inside`, the index of
    /// an outer member, looks among its members.
    public func index(of name: String, in bytes: Span<UInt8>, inside outer: Int? = nil) -> Int? {
        let depth = outer.map { members[$0].depth + 1 } ?? 1
        var found: Int?
        var index = outer.map { $0 + 1 } ?? 0
        while index < members.count, members[index].depth >= depth {
            let member = members[index]
            if member.depth == depth, !member.isElement, bytes.key(of: member, is: name) {
                found = index
            }
            index += 1
        }
        return found
    }

    public func member(_ name: String, in bytes: Span<UInt8>) -> JSONMember? {
        index(of: name, in: bytes).map { members[$0] }
    }

    /// The member `name` of the member `outer`.
    public func member(_ outer: String, _ name: String, in bytes: Span<UInt8>) -> JSONMember? {
        guard let outer = index(of: outer, in: bytes) else { return nil }
        return index(of: name, in: bytes, inside: outer).map { members[$0] }
    }

    private mutating func clear() {
        // A huge text must not keep its storage for ever.
        members.removeAll(keepingCapacity: members.capacity <= Self.membersKeptMax)
        nonFinite.removeAll()
        (kind, value, at) = (.null, 0..<0, 0)
    }

    private static let membersKeptMax = 1_024
}

// Reading. `at` stands on the first byte not yet read.
extension JSONOutline {
    private mutating func readValue(
        _ bytes: Span<UInt8>, levels: Int, depth: Int
    ) throws(JSONFault) -> JSONKind {
        guard at < bytes.count else { throw JSONFault(.endedEarly, at: at) }
        switch bytes[at] {
        case UInt8(ascii: "\""):
            _ = try readString(bytes)
            return .string
        case UInt8(ascii: "0")...UInt8(ascii: "9"):
            try readNumber(bytes)
            return .number
        case UInt8(ascii: "-"):
            if at + 1 < bytes.count, bytes[at + 1] == UInt8(ascii: "I") {
                try readNonFinite(bytes, "-Infinity")
            } else {
                try readNumber(bytes)
            }
            return .number
        case UInt8(ascii: "{"):
            try readMembers(bytes, levels: levels, depth: depth + 1)
            return .object
        case UInt8(ascii: "["):
            try readElements(bytes, levels: levels, depth: depth + 1)
            return .array
        case UInt8(ascii: "t"):
            try readLiteral(bytes, "true")
            return .bool
        case UInt8(ascii: "f"):
            try readLiteral(bytes, "false")
            return .bool
        case UInt8(ascii: "n"):
            try readLiteral(bytes, "null")
            return .null
        case UInt8(ascii: "N"):
            try readNonFinite(bytes, "NaN")
            return .number
        case UInt8(ascii: "I"):
            try readNonFinite(bytes, "Infinity")
            return .number
        default: throw JSONFault(.unexpectedByte, at: at)
        }
    }

    private mutating func readMembers(
        _ bytes: Span<UInt8>, levels: Int, depth: Int
    ) throws(JSONFault) {
        guard depth <= Self.nestingMax else { throw JSONFault(.nestedTooDeep, at: at) }
        at += 1
        skipSpace(bytes)
        if skip(UInt8(ascii: "}"), bytes) { return }
        while true {
            guard at < bytes.count else { throw JSONFault(.endedEarly, at: at) }
            guard bytes[at] == UInt8(ascii: "\"") else { throw JSONFault(.unexpectedByte, at: at) }
            let keyStart = at + 1
            let hasEscapes = try readString(bytes)
            let key = keyStart..<at - 1
            skipSpace(bytes)
            try expect(UInt8(ascii: ":"), bytes)
            skipSpace(bytes)
            try readNoted(bytes, key, hasEscapes, levels: levels, depth: depth)
            skipSpace(bytes)
            if skip(UInt8(ascii: "}"), bytes) { return }
            try expect(UInt8(ascii: ","), bytes)
            skipSpace(bytes)
        }
    }

    private mutating func readElements(
        _ bytes: Span<UInt8>, levels: Int, depth: Int
    ) throws(JSONFault) {
        guard depth <= Self.nestingMax else { throw JSONFault(.nestedTooDeep, at: at) }
        at += 1
        skipSpace(bytes)
        if skip(UInt8(ascii: "]"), bytes) { return }
        while true {
            try readNoted(bytes, nil, false, levels: levels, depth: depth)
            skipSpace(bytes)
            if skip(UInt8(ascii: "]"), bytes) { return }
            try expect(UInt8(ascii: ","), bytes)
            skipSpace(bytes)
        }
    }

    private mutating func readNoted(
        _ bytes: Span<UInt8>, _ key: Range<Int>?, _ hasEscapes: Bool, levels: Int, depth: Int
    ) throws(JSONFault) {
        guard levels > 0 else {
            _ = try readValue(bytes, levels: 0, depth: depth)
            return
        }
        let index = members.count
        members.append(JSONMember(key: key, hasEscapes: hasEscapes, value: at, depth: depth))
        let kind = try readValue(bytes, levels: levels - 1, depth: depth)
        members[index].kind = kind
        members[index].valueEnd = UInt32(truncatingIfNeeded: at)
    }

    /// Reads past the closing quote; true when an escape stood inside.
    private mutating func readString(_ bytes: Span<UInt8>) throws(JSONFault) -> Bool {
        var hasEscapes = false
        at += 1
        while true {
            at = bytes.endOfPlainText(from: at)
            guard at < bytes.count else { throw JSONFault(.endedEarly, at: at) }
            switch bytes[at] {
            case UInt8(ascii: "\""):
                at += 1
                return hasEscapes
            case UInt8(ascii: "\\"):
                hasEscapes = true
                try readEscape(bytes)
            case ..<0x20: throw JSONFault(.controlInString, at: at)
            default:
                guard let length = bytes.lengthOfCharacter(at: at) else {
                    throw JSONFault(.notUTF8, at: at)
                }
                at += length
            }
        }
    }

    private mutating func readEscape(_ bytes: Span<UInt8>) throws(JSONFault) {
        guard at + 1 < bytes.count else { throw JSONFault(.endedEarly, at: bytes.count) }
        switch bytes[at + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"),
            UInt8(ascii: "f"), UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            at += 2
        case UInt8(ascii: "u"):
            guard at + 6 <= bytes.count else { throw JSONFault(.endedEarly, at: bytes.count) }
            guard bytes.codeUnit(at: at + 2) != nil else { throw JSONFault(.badEscape, at: at) }
            at += 6
        default: throw JSONFault(.badEscape, at: at)
        }
    }

    private mutating func readNumber(_ bytes: Span<UInt8>) throws(JSONFault) {
        if bytes[at] == UInt8(ascii: "-") { at += 1 }
        if !skip(UInt8(ascii: "0"), bytes) { try readDigits(bytes) }
        if skip(UInt8(ascii: "."), bytes) { try readDigits(bytes) }
        if skip(UInt8(ascii: "e"), bytes) || skip(UInt8(ascii: "E"), bytes) {
            if !skip(UInt8(ascii: "+"), bytes) { _ = skip(UInt8(ascii: "-"), bytes) }
            try readDigits(bytes)
        }
    }

    private mutating func readDigits(_ bytes: Span<UInt8>) throws(JSONFault) {
        let start = at
        while at < bytes.count, bytes[at] &- UInt8(ascii: "0") < 10 { at += 1 }
        guard at > start else {
            throw JSONFault(at < bytes.count ? .badNumber : .endedEarly, at: at)
        }
    }

    private mutating func readNonFinite(
        _ bytes: Span<UInt8>, _ literal: StaticString
    ) throws(JSONFault) {
        guard allowsNonFinite else { throw JSONFault(.unexpectedByte, at: at) }
        let start = at
        try readLiteral(bytes, literal)
        nonFinite.append(start..<at)
    }

    private mutating func readLiteral(
        _ bytes: Span<UInt8>, _ literal: StaticString
    ) throws(JSONFault) {
        let start = at
        for byte in String(describing: literal).utf8 {
            guard at < bytes.count else { throw JSONFault(.endedEarly, at: at) }
            guard bytes[at] == byte else { throw JSONFault(.badLiteral, at: start) }
            at += 1
        }
    }

    @inline(__always)
    private mutating func skipSpace(_ bytes: Span<UInt8>) {
        while at < bytes.count {
            let byte = bytes[at]
            guard byte <= 0x20, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else {
                return
            }
            at += 1
        }
    }

    @inline(__always)
    private mutating func skip(_ byte: UInt8, _ bytes: Span<UInt8>) -> Bool {
        guard at < bytes.count, bytes[at] == byte else { return false }
        at += 1
        return true
    }

    @inline(__always)
    private mutating func expect(_ byte: UInt8, _ bytes: Span<UInt8>) throws(JSONFault) {
        guard at < bytes.count else { throw JSONFault(.endedEarly, at: at) }
        guard bytes[at] == byte else { throw JSONFault(.unexpectedByte, at: at) }
        at += 1
    }
}
