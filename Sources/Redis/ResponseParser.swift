// The fence around hiredis' reader: bytes in, elements of RESP2 out to an assembler, through the C
// functions that `PushReader` and `ReplyReader` fill in. No other file touches a `redisReader`.
//
// The assembler is a struct in memory of the parser's own: in a class, each access to a field would
// be checked for exclusivity at run time, 20 ns a message.
//
// hiredis keeps what is not yet whole and sets no bound of its own to it. The bound stands here:
// Invariant: a line of more than `lineBytesMax`, or a string announced with more than
// `bulkBytesMax`, is refused before more of it than `lineBytesMax` + one slice was kept.

import CHiredis

typealias ReaderFunctions = redisReplyObjectFunctions
typealias ReadTask = redisReadTask

/// Puts elements together. Ends the parse by returning false, and then says why.
protocol ResponseAssembler {
    var fault: RedisFault? { get }
}

@safe
struct ResponseParser<Assembler: ResponseAssembler>: ~Copyable {
    private let functions: UnsafeMutablePointer<ReaderFunctions>
    private let assembler: UnsafeMutablePointer<Assembler>
    private var reader: UnsafeMutablePointer<redisReader>
    private let bulkBytesMax: Int
    private var heldBytesPeak = 0

    /// Only the functions that 0.14 knows may be filled in; the others stay nil, so that 1.x
    /// headers, which have more, compile too.
    init(bulkBytesMax: Int, assembler: Assembler, fill: (inout ReaderFunctions) -> Void) {
        self.bulkBytesMax = bulkBytesMax
        unsafe self.assembler = .allocate(capacity: 1)
        unsafe self.assembler.initialize(to: assembler)
        var table = ReaderFunctions()
        fill(&table)
        unsafe functions = .allocate(capacity: 1)
        unsafe functions.initialize(to: table)
        unsafe reader = Self.reader(functions, self.assembler)
    }

    deinit {
        unsafe redisReaderFree(reader)
        unsafe functions.deallocate()
        unsafe assembler.deinitialize(count: 1)
        unsafe assembler.deallocate()
    }

    mutating func feed(_ bytes: Span<UInt8>) throws(RedisFault) {
        var (start, isBetweenReplies) = (0, false)
        while start < bytes.count {
            let end = min(start + Self.sliceBytes, bytes.count)
            // Sound: hiredis copies the slice before it returns.
            let fed = unsafe bytes.extracting(start..<end).withUnsafeBytes { slice in
                unsafe redisReaderFeed(
                    reader, slice.baseAddress?.assumingMemoryBound(to: CChar.self), slice.count)
            }
            guard fed == REDIS_OK else { throw broken() }
            isBetweenReplies = try parse()
            start = end
        }
        if isBetweenReplies, heldBytesPeak > Self.heldBytesKept { shrink() }
    }

    /// Parses all that is whole; true when nothing is left over.
    private mutating func parse() throws(RedisFault) -> Bool {
        var reply: UnsafeMutableRawPointer?
        repeat {
            unsafe reply = nil
            guard unsafe redisReaderGetReply(reader, &reply) == REDIS_OK else {
                throw unsafe assembler.pointee.fault ?? broken()
            }
        } while unsafe reply != nil && reader.pointee.pos < reader.pointee.len
        let held = unsafe Int(reader.pointee.len) - Int(reader.pointee.pos)
        if held > Self.lineBytesMax {
            heldBytesPeak = max(heldBytesPeak, held)
            try checkAnnouncedLength()
        }
        return unsafe reply != nil
    }

    /// What is held begins behind a type byte. If it is a string, its length stands there.
    private func checkAnnouncedLength() throws(RedisFault) {
        var length = 0
        for offset in 0..<Self.lengthDigitsMax {
            // Sound: more than `lineBytesMax` bytes lie behind `pos`.
            let byte = unsafe UInt8(
                bitPattern: reader.pointee.buf[Int(reader.pointee.pos) + offset])
            guard byte != UInt8(ascii: "\r") else {
                guard length <= bulkBytesMax else { throw .oversized(limit: bulkBytesMax) }
                return
            }
            guard byte &- 48 < 10 else { break }
            length = length * 10 + Int(byte &- 48)
        }
        throw .protocolBroken("a line of more than \(Self.lineBytesMax) bytes")
    }

    /// After a very long message its buffer would stay. A new reader begins with a small one.
    private mutating func shrink() {
        unsafe redisReaderFree(reader)
        unsafe reader = Self.reader(functions, self.assembler)
        heldBytesPeak = 0
    }

    private static func reader(
        _ functions: UnsafeMutablePointer<ReaderFunctions>,
        _ assembler: UnsafeMutablePointer<Assembler>
    ) -> UnsafeMutablePointer<redisReader> {
        guard let reader = unsafe redisReaderCreateWithFunctions(functions) else {
            fatalError("out of memory")
        }
        unsafe reader.pointee.privdata = UnsafeMutableRawPointer(assembler)
        return unsafe reader
    }

    private func broken() -> RedisFault {
        // Sound: hiredis ends `errstr` with a zero within its 128 bytes.
        let text = unsafe withUnsafeBytes(of: reader.pointee.errstr) { bytes in
            unsafe RedisFault.printable(bytes.prefix { $0 != 0 })
        }
        return .protocolBroken(text)
    }

    /// Measured best: the slice stays in the first-level cache while hiredis moves it about.
    private static var sliceBytes: Int { 2_048 }
    static var lineBytesMax: Int { 65_536 }
    private static var lengthDigitsMax: Int { 19 }
    private static var heldBytesKept: Int { 1 << 20 }

    /// For the C functions: finds the assembler of `task` and lets it take what has come. What they
    /// return tells hiredis to go on, or nil to stop.
    @inline(__always)
    static func take(
        _ task: UnsafePointer<ReadTask>?,
        _ element: (inout Assembler, UnsafePointer<ReadTask>) -> Bool
    ) -> UnsafeMutableRawPointer? {
        // Sound: hiredis' task lives during the call, and its context is the assembler of the parser
        // that is being fed, which nobody else looks at meanwhile.
        guard let task = unsafe task, let context = unsafe task.pointee.privdata else { return nil }
        let assembler = unsafe context.assumingMemoryBound(to: Assembler.self)
        return unsafe element(&assembler.pointee, task) ? context : nil
    }
}
