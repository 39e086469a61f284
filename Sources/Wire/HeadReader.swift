// HeadReader reads the head of an HTTP/1.1 request (RFC 9112) and refuses, by name, every form that
// two readers could understand differently: that difference is what request smuggling lives on.
//
// It owns no bytes and remembers nothing. Called with too little it answers nil; called again with
// more it starts over, at the cost of a scan of at most `headBytesMax`. What is already too long is
// refused before its end arrives.

public struct HeadLimits: Sendable {
    public var requestLineBytesMax = 8_192
    public var headerBytesMax = 8_192
    public var headersMax = 64
    public var headBytesMax = 16_384

    public init() {}
}

public struct HeadReader: Sendable {
    private let limits: HeadLimits

    public init(limits: HeadLimits = HeadLimits()) {
        precondition(limits.headBytesMax <= Int(UInt16.max), "RequestHead.Field counts in UInt16")
        self.limits = limits
    }

    /// How many bytes of empty lines stand before the request: some clients end a body with one that is none of
    /// it (RFC 9112, section 2.2).
    public static func emptyLines(_ bytes: Span<UInt8>) -> Int {
        var end = 0
        while end + 1 < bytes.count, bytes[end] == ASCII.carriageReturn,
            bytes[end + 1] == ASCII.lineFeed
        {
            end += 2
        }
        return end
    }

    /// The request `bytes` begin with and how many bytes it took, or nil while its end is to come.
    public func read(
        _ bytes: Span<UInt8>
    ) throws(HTTPViolation) -> (head: RequestHead, consumed: Int)? {
        // Half of an empty line.
        if bytes.count == 1, bytes[0] == ASCII.carriageReturn { return nil }
        let lineLimit = min(limits.requestLineBytesMax, limits.headBytesMax)
        guard let line = try RequestLine(reading: bytes) else {
            guard bytes.count <= lineLimit else { throw .requestLineTooLong }
            return nil
        }
        guard line.end <= lineLimit else { throw .requestLineTooLong }

        var fields: [RequestHead.Field] = []
        fields.reserveCapacity(16)
        var meaning = HeaderMeaning()
        var index = line.end
        while true {
            let field: HeaderLine?
            switch try HeaderLine.read(bytes, from: index) {
            case .partial:
                guard bytes.count - index <= limits.headerBytesMax else { throw .headerTooLong }
                guard bytes.count <= limits.headBytesMax else { throw .headTooLong }
                return nil
            case .end(let end):
                (field, index) = (nil, end)
            case .line(let line):
                guard line.end - index <= limits.headerBytesMax else { throw .headerTooLong }
                (field, index) = (line, line.end)
            }
            guard index <= limits.headBytesMax else { throw .headTooLong }
            guard let field else { break }
            guard fields.count < limits.headersMax else { throw .tooManyHeaders }
            try meaning.note(field, in: bytes)
            fields.append(RequestHead.Field(name: field.name, value: field.value))
        }
        try meaning.check()
        let head = RequestHead(
            copying: bytes.extracting(0..<index), line: line, fields: fields, meaning: meaning)
        return (head, index)
    }
}

/// `GET /path?query HTTP/1.1` and its line end.
struct RequestLine {
    let method: HTTPMethod
    let path: Range<Int>
    let query: Range<Int>?
    let end: Int

    private static let methodBytesMax = 16
    private static let version: UInt64 = 0x312E_312F_5054_5448  // "HTTP/1.1", little end first

    /// Nil while the line's end is to come.
    init?(reading bytes: Span<UInt8>) throws(HTTPViolation) {
        var index = 0
        var letters: UInt64 = 0
        while index < bytes.count, ASCII.isToken(bytes[index]) {
            letters = letters << 8 | UInt64(bytes[index])
            index &+= 1
        }
        guard index <= Self.methodBytesMax else { throw .methodMalformed }
        guard index < bytes.count else { return nil }
        guard index > 0, bytes[index] == ASCII.space else { throw .methodMalformed }
        method = index <= 7 ? HTTPMethod(letters: letters) : .other

        let start = index + 1
        let targetEnd = bytes.firstIndex(from: start) { word in
            Words.below(0x21, word) | Words.notASCII(word) | Words.equal(0x7F, word)
                | Words.equal(UInt8(ascii: "#"), word)
        }
        if start < bytes.count { try Self.checkForm(of: bytes, from: start, to: targetEnd) }
        guard targetEnd < bytes.count else { return nil }
        switch bytes[targetEnd] {
        case ASCII.space: break
        case 0x80...: throw .targetNotASCII
        case ASCII.carriageReturn, ASCII.lineFeed, UInt8(ascii: "#"): throw .requestLineMalformed
        default: throw .controlInTarget
        }
        let mark = bytes.extracting(0..<targetEnd).firstIndex(from: start) {
            Words.equal(UInt8(ascii: "?"), $0)
        }
        path = start..<mark
        query = mark < targetEnd ? mark + 1..<targetEnd : nil

        let versionStart = targetEnd + 1
        guard versionStart + 10 <= bytes.count else {
            // A line that ends without a version is not waited for.
            for index in versionStart..<min(versionStart + 8, bytes.count)
            where bytes[index] <= ASCII.space {
                throw .requestLineMalformed
            }
            return nil
        }
        if bytes.word(at: versionStart) != Self.version {
            let looksRight =
                bytes.spells("http/", in: versionStart..<versionStart + 5)
                && ASCII.isDigit(bytes[versionStart + 5])
            throw looksRight ? .versionNotSupported : .requestLineMalformed
        }
        switch (bytes[versionStart + 8], bytes[versionStart + 9]) {
        case (ASCII.carriageReturn, ASCII.lineFeed): end = versionStart + 10
        case (ASCII.carriageReturn, _): throw .bareCarriageReturn
        case (ASCII.lineFeed, _): throw .bareLineFeed
        default: throw .requestLineMalformed
        }
    }

    /// Only the form that names a path on this server is for us.
    private static func checkForm(
        of bytes: Span<UInt8>, from start: Int, to end: Int
    ) throws(HTTPViolation) {
        switch bytes[start] {
        case UInt8(ascii: "/"): return
        case UInt8(ascii: "*"): throw .targetAsterisk
        case 0x80...: throw .targetNotASCII
        case 0x21...0x7E:
            let isAbsolute = bytes.spells("http", in: start..<min(start + 4, end))
            throw isAbsolute ? .targetAbsolute : .targetNotPath
        default: throw .requestLineMalformed
        }
    }
}

extension HTTPMethod {
    fileprivate init(letters: UInt64) {
        self =
            switch letters {
            case 0x47_45_54: .get
            case 0x48_45_41_44: .head
            case 0x50_4F_53_54: .post
            case 0x50_55_54: .put
            case 0x44_45_4C_45_54_45: .delete
            case 0x4F_50_54_49_4F_4E_53: .options
            case 0x50_41_54_43_48: .patch
            default: .other
            }
    }
}
