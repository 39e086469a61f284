// Builds whole replies out of what Redis answers to commands.
//
// Invariant: `open` holds the arrays whose last element has not come, outermost first, and what
// they hold takes at most `replyBytesMax`.

import CHiredis

final class ReplyReader {
    private var parser: ResponseParser<ReplyAssembler>

    /// `whole` is called with each reply, in order, from inside `feed`.
    init(options: RedisOptions, whole: @escaping (RedisReply) -> Void) {
        parser = ResponseParser(
            bulkBytesMax: options.bulkBytesMax,
            assembler: ReplyAssembler(replyBytesMax: options.replyBytesMax, whole: whole),
            fill: ReplyFunctions.fill)
    }

    func feed(_ bytes: Span<UInt8>) throws(RedisFault) { try parser.feed(bytes) }
}

private struct ReplyAssembler: ResponseAssembler {
    private(set) var fault: RedisFault?
    private let replyBytesMax: Int
    private let whole: (RedisReply) -> Void
    private var open: [(elements: [RedisReply], missing: Int)] = []
    private var replyBytes = 0

    static let nestingMax = 7
    private static let elementBytes = 64

    init(replyBytesMax: Int, whole: @escaping (RedisReply) -> Void) {
        self.replyBytesMax = replyBytesMax
        self.whole = whole
    }

    /// The functions return whether to go on.
    mutating func array(of count: Int, isRoot: Bool) -> Bool {
        guard count > 0 else { return add(.array([]), bytes: 0, isRoot: isRoot) }
        guard isRoot == open.isEmpty, open.count < Self.nestingMax else {
            return fail(.protocolBroken("nested too deep"))
        }
        open.append(([], count))
        return true
    }

    mutating func add(_ element: RedisReply, bytes: Int, isRoot: Bool) -> Bool {
        guard isRoot == open.isEmpty else { return fail(.protocolBroken("not RESP2")) }
        replyBytes += bytes + Self.elementBytes
        guard replyBytes <= replyBytesMax else { return fail(.oversized(limit: replyBytesMax)) }
        var element = element
        while let last = open.indices.last {
            open[last].elements.append(element)
            open[last].missing -= 1
            guard open[last].missing == 0 else { return true }
            element = .array(open.removeLast().elements)
        }
        replyBytes = 0
        whole(element)
        return true
    }

    private mutating func fail(_ fault: RedisFault) -> Bool {
        self.fault = fault
        return false
    }
}

/// The C side, in an enum of its own so that no actor is ever asked for.
private nonisolated enum ReplyFunctions {
    typealias Parser = ResponseParser<ReplyAssembler>

    // Sound, all of it: what hiredis hands over lives during the call.
    static func fill(_ table: inout ReaderFunctions) {
        unsafe table.createArray = { task, count in
            unsafe Parser.take(task) { assembler, task in
                unsafe assembler.array(of: Int(count), isRoot: task.pointee.parent == nil)
            }
        }
        unsafe table.createString = { task, start, count in
            unsafe Parser.take(task) { assembler, task in
                let bytes = unsafe UnsafeRawBufferPointer(start: start, count: count)
                let reply: RedisReply =
                    switch unsafe task.pointee.type {
                    case REDIS_REPLY_STATUS: unsafe .simple(String(decoding: bytes, as: UTF8.self))
                    case REDIS_REPLY_ERROR: unsafe .error(String(decoding: bytes, as: UTF8.self))
                    default: unsafe .bytes(Array(bytes))
                    }
                return unsafe assembler.add(reply, bytes: count, isRoot: task.pointee.parent == nil)
            }
        }
        unsafe table.createInteger = { task, value in
            unsafe Parser.take(task) { assembler, task in
                unsafe assembler.add(
                    .integer(Int64(value)), bytes: 0, isRoot: task.pointee.parent == nil)
            }
        }
        unsafe table.createNil = { task in
            unsafe Parser.take(task) { assembler, task in
                unsafe assembler.add(.null, bytes: 0, isRoot: task.pointee.parent == nil)
            }
        }
    }
}
