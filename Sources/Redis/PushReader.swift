// Reads what Redis pushes to a subscriber, and hands each message over where it lies: no tree, no
// allocation, one short copy. The channel is copied because hiredis' buffer may move before the
// payload comes.
//
// Everything else that comes on such a connection is rare and told as a `PushNotice`.

import CHiredis

/// What a subscriber hears besides messages.
enum PushNotice: Equatable {
    case confirmed(Subscription)
    /// A channel that is no longer heard.
    case left(String)
    case pong
    /// An error of Redis, which comes in the place of a confirmation or a pong.
    case error(String)
}

enum Subscription: Equatable, Sendable { case pattern(String), channel(String) }

final class PushReader {
    typealias Heard = (_ channel: Span<UInt8>, _ pattern: Int?, _ payload: Span<UInt8>) -> Void

    private var parser: ResponseParser<PushAssembler>

    /// Both closures are called from inside `feed`, in the order Redis sent.
    init(
        options: RedisOptions, patterns: [String], heard: @escaping Heard,
        notice: @escaping (PushNotice) -> Void
    ) {
        parser = ResponseParser(
            bulkBytesMax: options.bulkBytesMax,
            assembler: PushAssembler(patterns: patterns, heard: heard, notice: notice),
            fill: PushFunctions.fill)
    }

    func feed(_ bytes: Span<UInt8>) throws(RedisFault) { try parser.feed(bytes) }
}

private struct PushAssembler: ResponseAssembler {
    private enum Kind { case patternMessage, message, patternConfirmed, confirmed, left, pong }

    private(set) var fault: RedisFault?
    private let patterns: [[UInt8]]
    private let heard: PushReader.Heard
    private let notice: (PushNotice) -> Void
    private var kind = Kind.pong
    private var elements = 0
    private var pattern: Int?
    private var channel = Scratch()

    private static let channelBytesKept = 4_096

    init(
        patterns: [String], heard: @escaping PushReader.Heard,
        notice: @escaping (PushNotice) -> Void
    ) {
        self.patterns = patterns.map { Array($0.utf8) }
        self.heard = heard
        self.notice = notice
    }

    mutating func array(of count: Int, isRoot: Bool) -> Bool {
        elements = count
        return isRoot && (2...4).contains(count) ? true : fail("an array that is no push")
    }

    /// `index` is the place in the push, or -1 for a reply that is no push.
    mutating func string(_ bytes: Span<UInt8>, type: Int32, index: Int32) -> Bool {
        guard type == REDIS_REPLY_STRING, index >= 0 else { return outside(bytes, type: type) }
        switch (index, kind) {
        case (0, _):
            guard let kind = Self.kind(bytes, elements: elements) else {
                return fail("unknown push")
            }
            self.kind = kind
            pattern = nil
        case (1, .patternMessage):
            pattern = patterns.firstIndex { bytes.isEqual(to: $0.span) }
            return pattern != nil ? true : fail("a pattern nobody asked for")
        case (2, .patternMessage), (1, .message), (1, .patternConfirmed), (1, .confirmed),
            (1, .left):
            channel.hold(bytes)
        case (3, .patternMessage), (2, .message):
            heard(channel.span, pattern, bytes)
            channel.shrink(to: Self.channelBytesKept)
        case (1, .pong): notice(.pong)
        default: return fail("a push of the wrong shape")
        }
        return true
    }

    /// How many subscriptions stand now: the end of a confirmation.
    mutating func integer(index: Int32) -> Bool {
        let name = channel.span.text
        switch (index, kind) {
        case (2, .patternConfirmed): notice(.confirmed(.pattern(name)))
        case (2, .confirmed): notice(.confirmed(.channel(name)))
        case (2, .left): notice(.left(name))
        default: return fail("a number that belongs to no push")
        }
        return true
    }

    private mutating func outside(_ bytes: Span<UInt8>, type: Int32) -> Bool {
        guard type == REDIS_REPLY_ERROR else { return fail("a reply among pushes") }
        notice(.error(bytes.text))
        return true
    }

    mutating func fail(_ what: String) -> Bool {
        fault = .protocolBroken(what)
        return false
    }

    private static func kind(_ name: Span<UInt8>, elements: Int) -> Kind? {
        switch (elements, name.count) {
        case (4, 8) where name.isEqual(to: "pmessage"): .patternMessage
        case (3, 7) where name.isEqual(to: "message"): .message
        case (3, 10) where name.isEqual(to: "psubscribe"): .patternConfirmed
        case (3, 9) where name.isEqual(to: "subscribe"): .confirmed
        case (3, 11) where name.isEqual(to: "unsubscribe"): .left
        case (2, 4) where name.isEqual(to: "pong"): .pong
        default: nil
        }
    }
}

/// The C side, in an enum of its own so that no actor is ever asked for.
private nonisolated enum PushFunctions {
    typealias Parser = ResponseParser<PushAssembler>

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
                return unsafe assembler.string(
                    bytes.assumingMemoryBound(to: UInt8.self).span, type: task.pointee.type,
                    index: task.pointee.idx)
            }
        }
        unsafe table.createInteger = { task, _ in
            unsafe Parser.take(task) { assembler, task in
                unsafe assembler.integer(index: task.pointee.idx)
            }
        }
        unsafe table.createNil = { task in
            unsafe Parser.take(task) { assembler, _ in assembler.fail("null in a push") }
        }
    }
}
