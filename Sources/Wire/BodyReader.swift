// BodyReader gathers the body that follows a head, told by Content-Length or in chunks (RFC 9112,
// section 7.1), up to a limit. Line ends are as strict as in the head; chunk extensions are skipped
// and trailers are checked and dropped, both within limits of their own for the whole body.
//
// Invariant: body.count <= bytesMax, whatever arrives.

public struct BodyLimits: Sendable {
    public var bodyBytesMax = 1_048_576
    public var chunkExtensionBytesMax = 4_096
    public var trailerBytesMax = 4_096

    public init() {}
}

public struct BodyReader: Sendable {
    private let limits: BodyLimits
    private var phase: Phase
    private var body: [UInt8] = []
    private var extensionBytes = 0
    private var trailerBytes = 0

    private enum Phase {
        case bytes(left: Int, isChunk: Bool)
        case chunkSize, chunkEnd, trailer, done
    }

    private enum Step { case further, more, done }

    /// Refuses at once a length that is over the limit.
    public init(_ framing: BodyFraming, limits: BodyLimits = BodyLimits()) throws(HTTPViolation) {
        self.limits = limits
        switch framing {
        case .none: phase = .done
        case .length(let length):
            guard length <= limits.bodyBytesMax else { throw .bodyTooLong }
            phase = length == 0 ? .done : .bytes(left: length, isChunk: false)
        case .chunked: phase = .chunkSize
        }
    }

    /// Takes what it can use of `bytes` from `consumed` on, and moves `consumed` past that. Gives the
    /// body when its last byte is there, nil while more is to come.
    public mutating func read(
        _ bytes: Span<UInt8>, consumed: inout Int
    ) throws(HTTPViolation) -> [UInt8]? {
        while true {
            switch try step(bytes, &consumed) {
            case .further: continue
            case .more: return nil
            case .done:
                defer { body = [] }
                return body
            }
        }
    }

    private mutating func step(
        _ bytes: Span<UInt8>, _ consumed: inout Int
    ) throws(HTTPViolation) -> Step {
        switch phase {
        case .done: return .done
        case .bytes(let left, let isChunk):
            let taken = min(left, bytes.count - consumed)
            guard taken > 0 else { return .more }
            let source = bytes.extracting(consumed..<consumed + taken)
            body.append(addingCapacity: taken) { $0.append(copying: source) }
            consumed += taken
            if taken < left {
                phase = .bytes(left: left - taken, isChunk: isChunk)
            } else {
                phase = isChunk ? .chunkEnd : .done
            }
        case .chunkSize:
            guard
                let line = try ChunkSize(
                    bytes, from: consumed,
                    extensionBytesMax: limits.chunkExtensionBytesMax - extensionBytes)
            else { return .more }
            extensionBytes += line.extensionBytes
            guard line.size <= limits.bodyBytesMax - body.count else { throw .bodyTooLong }
            consumed = line.end
            phase = line.size == 0 ? .trailer : .bytes(left: line.size, isChunk: true)
        case .chunkEnd:
            guard consumed < bytes.count else { return .more }
            guard bytes[consumed] == ASCII.carriageReturn else { throw .chunkEndMissing }
            guard consumed + 1 < bytes.count else { return .more }
            guard bytes[consumed + 1] == ASCII.lineFeed else { throw .chunkEndMissing }
            consumed += 2
            phase = .chunkSize
        case .trailer:
            let found = try HeaderLine.read(bytes, from: consumed)
            let end =
                switch found {
                case .partial: bytes.count
                case .line(let line): line.end
                case .end(let end): end
                }
            trailerBytes += end - consumed
            guard trailerBytes <= limits.trailerBytesMax else { throw .trailerTooLong }
            switch found {
            case .partial:
                trailerBytes -= end - consumed  // the same bytes come again, with more behind them
                return .more
            case .line: consumed = end
            case .end: (consumed, phase) = (end, .done)
            }
        }
        return .further
    }
}

/// `1f;extension CR LF`.
private struct ChunkSize {
    private(set) var size = 0
    private(set) var extensionBytes = 0
    private(set) var end = 0

    private static let digitsMax = 15

    /// Nil while the line's end is to come.
    init?(_ bytes: Span<UInt8>, from start: Int, extensionBytesMax: Int) throws(HTTPViolation) {
        var index = start
        while index < bytes.count, let digit = ASCII.hexDigit(bytes[index]) {
            guard index - start < Self.digitsMax else { throw .chunkSizeMalformed }
            size = size << 4 | Int(digit)
            index += 1
        }
        guard index < bytes.count else { return nil }
        guard index > start else { throw .chunkSizeMalformed }
        let extensionStart = index
        if bytes[index] == UInt8(ascii: ";") {
            repeat {
                index = bytes.firstIndex(from: index + 1) { word in
                    Words.below(0x20, word) | Words.equal(0x7F, word)
                }
            } while index < bytes.count && bytes[index] == ASCII.tab
        }
        extensionBytes = index - extensionStart
        guard extensionBytes <= extensionBytesMax else { throw .chunkExtensionTooLong }
        guard index < bytes.count else { return nil }
        guard bytes[index] == ASCII.carriageReturn else { throw .chunkSizeMalformed }
        guard index + 1 < bytes.count else { return nil }
        guard bytes[index + 1] == ASCII.lineFeed else { throw .chunkSizeMalformed }
        end = index + 2
    }
}
