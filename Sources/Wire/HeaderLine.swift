// One `Name: value` line of a head or a trailer, and what the lines that matter to framing say.

struct HeaderLine {
    let name: Range<Int>
    let value: Range<Int>
    let end: Int

    enum Found {
        case partial
        /// The empty line that ends the head.
        case end(Int)
        case line(HeaderLine)
    }

    @inline(__always)
    static func read(_ bytes: Span<UInt8>, from start: Int) throws(HTTPViolation) -> Found {
        guard start < bytes.count else { return .partial }
        var index = bytes.firstIndex(from: start, marked: Words.notLetterNorHyphen)
        while index < bytes.count, ASCII.isToken(bytes[index]) { index &+= 1 }
        guard index < bytes.count else { return .partial }
        guard bytes[index] == UInt8(ascii: ":"), index > start else {
            return try readWithoutName(bytes, start: start, stop: index)
        }
        let name = start..<index

        repeat {
            index = bytes.firstIndex(from: index &+ 1) { word in
                Words.below(0x20, word) | Words.equal(0x7F, word)
            }
        } while index < bytes.count && bytes[index] == ASCII.tab
        guard let end = try lineEnd(bytes, at: index) else { return .partial }
        return .line(
            HeaderLine(name: name, value: bytes.trimmed(name.upperBound + 1..<index), end: end))
    }

    /// The line ends at `start`, or it is no header.
    private static func readWithoutName(
        _ bytes: Span<UInt8>, start: Int, stop: Int
    ) throws(HTTPViolation) -> Found {
        switch bytes[stop] {
        case ASCII.carriageReturn where stop == start:
            return try lineEnd(bytes, at: stop).map { .end($0) } ?? .partial
        case ASCII.lineFeed where stop == start: throw .bareLineFeed
        case ASCII.space, ASCII.tab: throw stop == start ? .obsoleteFold : .spaceBeforeColon
        case ASCII.carriageReturn, ASCII.lineFeed: throw .colonMissing
        default: throw .headerNameMalformed
        }
    }

    /// The index after CR LF at `index`; nil while one of the two is to come.
    private static func lineEnd(_ bytes: Span<UInt8>, at index: Int) throws(HTTPViolation) -> Int? {
        guard index < bytes.count else { return nil }
        switch bytes[index] {
        case ASCII.carriageReturn:
            guard index + 1 < bytes.count else { return nil }
            guard bytes[index + 1] == ASCII.lineFeed else { throw .bareCarriageReturn }
            return index + 2
        case ASCII.lineFeed: throw .bareLineFeed
        default: throw .controlInHeader
        }
    }
}

/// What the headers say about the message's ends. Each header of which a second could contradict the
/// first may come only once.
struct HeaderMeaning {
    private var hasHost = false
    private var hasAuthorization = false
    private var length: Int?
    private var isChunked = false
    private(set) var asksToClose = false
    private(set) var expectsContinue = false

    /// Content-Length has at most so many digits, so that reading it can't overflow.
    private static let lengthDigitsMax = 18

    var framing: BodyFraming { isChunked ? .chunked : length.map { .length($0) } ?? .none }

    @inline(__always)
    mutating func note(_ line: HeaderLine, in bytes: Span<UInt8>) throws(HTTPViolation) {
        switch line.name.count {
        case 4 where bytes.spells(literal: "host", in: line.name):
            try noteHost(bytes.extracting(line.value))
        case 6 where bytes.spells(literal: "expect", in: line.name):
            guard bytes.spells(literal: "100-continue", in: line.value) else {
                throw .expectationUnknown
            }
            expectsContinue = true
        case 10 where bytes.spells(literal: "connection", in: line.name):
            let elements = bytes.listElements(in: line.value)
            if elements.contains(where: { bytes.spells(literal: "close", in: $0) }) {
                asksToClose = true
            }
        case 13 where bytes.spells(literal: "authorization", in: line.name):
            guard !hasAuthorization else { throw .authorizationDuplicated }
            hasAuthorization = true
        case 14 where bytes.spells(literal: "content-length", in: line.name):
            guard length == nil else { throw .lengthDuplicated }
            length = try Self.decimal(bytes.extracting(line.value))
        case 17 where bytes.spells(literal: "transfer-encoding", in: line.name):
            guard !isChunked else { throw .transferEncodingDuplicated }
            guard bytes.spells(literal: "chunked", in: line.value) else {
                throw .transferEncodingNotChunked
            }
            isChunked = true
        default: break
        }
    }

    /// Called once, after the last line.
    func check() throws(HTTPViolation) {
        guard hasHost else { throw .hostMissing }
        guard !(isChunked && length != nil) else { throw .lengthWithTransferEncoding }
    }

    private mutating func noteHost(_ value: Span<UInt8>) throws(HTTPViolation) {
        guard !hasHost else { throw .hostDuplicated }
        guard !value.isEmpty else { throw .hostMalformed }
        for index in value.indices {
            switch value[index] {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: ":"), UInt8(ascii: "."), UInt8(ascii: "-"),
                UInt8(ascii: "_"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "%"),
                UInt8(ascii: "~"):
                continue
            // A name may hold these too; a comma may also part two Hosts that somebody has joined.
            case UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&")...UInt8(ascii: "+"),
                UInt8(ascii: ";"), UInt8(ascii: "="):
                continue
            default: throw .hostMalformed
            }
        }
        hasHost = true
    }

    private static func decimal(_ digits: Span<UInt8>) throws(HTTPViolation) -> Int {
        guard 1...lengthDigitsMax ~= digits.count else { throw .lengthMalformed }
        var value = 0
        for index in digits.indices {
            guard ASCII.isDigit(digits[index]) else { throw .lengthMalformed }
            value = value * 10 + Int(digits[index] & 0x0F)
        }
        return value
    }
}
