// MessageReader makes messages of a client's frames: unmasks, joins fragments, lets control frames
// through between them, checks text while it arrives, inflates within a bound.
//
// It owns only what an unfinished message has brought so far, and nothing between messages.
// Invariant: message.count <= messageBytesMax. A length that a header merely announces reserves nothing.

public struct MessageLimits: Sendable {
    public var messageBytesMax = 65_536

    public init() {}
    public init(messageBytesMax: Int) { self.messageBytesMax = messageBytesMax }
}

public enum ClientFrame: Equatable, Sendable {
    case text([UInt8]), binary([UInt8])
    case ping([UInt8]), pong
    /// The code is nil where the client gave none.
    case close(UInt16?, reason: String)
}

public struct MessageReader: Sendable {
    /// The message being read, still deflated where it came so.
    private var message: [UInt8] = []
    private var frames: FrameReader
    private var isText = false
    private var isCompressed = false
    private var utf8 = UTF8Check()
    private var isFinalFrame = true
    /// The data frame being read: what is still to come of it, and the key turned to the next byte.
    private var frameBytesLeft: UInt32 = 0
    private var maskingKey: UInt32 = 0
    /// From the first byte of a data frame's header to its last payload byte.
    private var isInsideFrame = false
    private var isClosed = false

    public init(limits: MessageLimits, deflate: Bool) {
        frames = FrameReader(
            payloadBytesMax: max(limits.messageBytesMax, 125), allowsCompressed: deflate)
    }

    private var messageBytesMax: Int { frames.payloadBytesMax }

    /// Takes what it can use of `bytes` from `consumed` on and moves `consumed` past that. Gives the
    /// next message or control frame, nil when more bytes are needed. After a close it gives no more
    /// and takes everything.
    public mutating func next(
        in bytes: Span<UInt8>, consumed: inout Int
    ) throws(FrameViolation) -> ClientFrame? {
        while !isClosed {
            if !isInsideFrame {
                let rest = bytes.extracting(consumed..<bytes.count)
                guard let frame = try frames.peek(in: rest) else { return nil }
                if frame.opcode.isControl {
                    guard frame.payload.upperBound <= rest.count else { return nil }
                    consumed += frame.payload.upperBound
                    return try control(frame, payload: rest.extracting(frame.payload))
                }
                try begin(frame)
                consumed += frame.payload.lowerBound
            }
            let taken = min(Int(frameBytesLeft), bytes.count - consumed)
            try take(bytes.extracting(consumed..<consumed + taken))
            consumed += taken
            guard frameBytesLeft == 0 else { return nil }
            isInsideFrame = false
            if isFinalFrame { return try finished() }
        }
        consumed = bytes.count
        return nil
    }

    private mutating func begin(_ frame: Frame) throws(FrameViolation) {
        guard frame.payload.count <= messageBytesMax - message.count else { throw .messageTooLong }
        frames.pass(frame)
        if frame.opcode != .continuation {
            isText = frame.opcode == .text
            isCompressed = frame.isCompressed
            utf8 = UTF8Check()
        }
        isInsideFrame = true
        isFinalFrame = frame.isFinal
        frameBytesLeft = UInt32(frame.payload.count)
        maskingKey = frame.maskingKey
    }

    private mutating func take(_ piece: Span<UInt8>) throws(FrameViolation) {
        guard !piece.isEmpty else { return }
        let start = message.count
        message.append(addingCapacity: piece.count) { $0.append(piece, unmaskedBy: maskingKey) }
        let turn = UInt32(piece.count & 3) * 8
        maskingKey = maskingKey >> turn | maskingKey << (32 &- turn & 31)
        frameBytesLeft -= UInt32(piece.count)
        if isText, !isCompressed {
            guard utf8.accepts(message, from: start) else { throw .textNotUTF8 }
        }
    }

    private mutating func finished() throws(FrameViolation) -> ClientFrame {
        var whole: [UInt8] = []
        swap(&whole, &message)
        if isCompressed {
            whole = try Inflate.inflated(whole, bytesMax: messageBytesMax)
            guard !isText || utf8.accepts(whole, from: 0) else { throw .textNotUTF8 }
        }
        guard isText else { return .binary(whole) }
        guard utf8.isComplete else { throw .textNotUTF8 }
        return .text(whole)
    }

    private mutating func control(
        _ frame: Frame, payload: Span<UInt8>
    ) throws(FrameViolation) -> ClientFrame {
        let unmasked = [UInt8](capacity: payload.count) {
            $0.append(payload, unmaskedBy: frame.maskingKey)
        }
        switch frame.opcode {
        case .ping: return .ping(unmasked)
        case .pong: return .pong
        default:
            isClosed = true
            return try Self.close(unmasked)
        }
    }

    private static func close(_ payload: [UInt8]) throws(FrameViolation) -> ClientFrame {
        guard !payload.isEmpty else { return .close(nil, reason: "") }
        guard payload.count >= 2 else { throw .closeCodeMissing }
        let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
        guard isSendable(code) else { throw .closeCodeInvalid }
        guard let reason = String(validating: payload.dropFirst(2), as: UTF8.self) else {
            throw .closeReasonNotUTF8
        }
        return .close(code, reason: reason)
    }

    /// The codes a peer may put into a frame: those registered, and those free to use.
    private static func isSendable(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}
