// The grammar of RFC 8259, by descent: `at` moves over the text, and members are noted on the way.
//
// Invariant: when a function returns, `at` is behind what it is named for; when it throws, the fault
// holds the byte that can't stand where it stands (or the end).

extension JSONOutline {
    mutating func readValue(
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
    mutating func skipSpace(_ bytes: Span<UInt8>) {
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
