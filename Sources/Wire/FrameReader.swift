// FrameReader finds the WebSocket frames a client has sent (RFC 6455, section 5).
//
// It owns no bytes and remembers no half-read header. Called with too little it answers nil;
// called again with more it starts over at the frame's first byte. A header is at most 14
// bytes, so starting over costs less than the states that would avoid it.
//
// Clients are untrusted. The first broken rule ends the connection, and the rule has a name,
// so that the log, the metric and the close code all tell the same story.

/// One frame, told by where it lies in the caller's buffer. The payload is still masked.
public struct Frame: Equatable, Sendable {
    public enum Opcode: UInt8, Sendable {
        case continuation = 0x0, text = 0x1, binary = 0x2, close = 0x8, ping = 0x9, pong = 0xA

        var isControl: Bool { rawValue & 0x8 != 0 }
    }

    public let opcode: Opcode
    public let isFinal: Bool
    /// RSV1 on a message's first frame: the whole message is deflated (RFC 7692).
    public let isCompressed: Bool
    /// The key's four bytes as they came, the first of them in the lowest bits.
    public let maskingKey: UInt32
    public let payload: Range<Int>
}

/// The rule of RFC 6455 or RFC 7692 a client broke.
public enum FrameViolation: String, Error, CaseIterable, Sendable {
    case reservedBitSet, unknownOpcode, unmasked, lengthNotMinimal
    case payloadTooLong, controlTooLong, controlFragmented
    case continuationWithoutStart, startInsideMessage
    case messageTooLong, textNotUTF8, deflateMalformed
    case closeCodeMissing, closeCodeInvalid, closeReasonNotUTF8

    /// The status our close frame carries.
    public var closeCode: UInt16 {
        switch self {
        case .payloadTooLong, .messageTooLong: 1009
        case .textNotUTF8, .closeReasonNotUTF8, .deflateMalformed: 1007
        default: 1002
        }
    }
}

public struct FrameReader: Sendable {
    /// The longest payload accepted, so that no client makes us buffer without end.
    public let payloadBytesMax: Int
    /// RSV1 has a meaning only where permessage-deflate was agreed.
    private let allowsCompressed: Bool
    /// True from the first frame of a fragmented message until its last.
    private var isInsideMessage = false

    public init(payloadBytesMax: Int, allowsCompressed: Bool = false) {
        precondition(payloadBytesMax >= Self.controlPayloadBytesMax)
        self.payloadBytesMax = payloadBytesMax
        self.allowsCompressed = allowsCompressed
    }

    /// Returns the frame `bytes` begin with, or nil while its last byte is still to come.
    public mutating func next(in bytes: Span<UInt8>) throws(FrameViolation) -> Frame? {
        guard let frame = try peek(in: bytes), frame.payload.upperBound <= bytes.count else {
            return nil
        }
        pass(frame)
        return frame
    }

    /// The frame whose header `bytes` begin with; its payload may reach beyond their end. The caller
    /// says `pass` when it goes on to what comes behind the header.
    func peek(in bytes: Span<UInt8>) throws(FrameViolation) -> Frame? {
        guard bytes.count >= 2 else { return nil }
        let (first, second) = (bytes[0], bytes[1])
        guard let opcode = Frame.Opcode(rawValue: first & 0x0F) else { throw .unknownOpcode }
        let isCompressed = first & 0x40 != 0
        let mayBeCompressed = allowsCompressed && (opcode == .text || opcode == .binary)
        guard first & 0x30 == 0, mayBeCompressed || !isCompressed else { throw .reservedBitSet }
        guard second & 0x80 != 0 else { throw .unmasked }
        let isFinal = first & 0x80 != 0
        if opcode.isControl {
            guard isFinal else { throw .controlFragmented }
            guard second & 0x7F <= Self.controlPayloadBytesMax else { throw .controlTooLong }
        } else if opcode == .continuation {
            guard isInsideMessage else { throw .continuationWithoutStart }
        } else {
            guard !isInsideMessage else { throw .startInsideMessage }
        }

        guard let length = try payloadLength(in: bytes) else { return nil }
        let payloadStart = length.end + Self.maskingKeyBytes
        guard bytes.count >= payloadStart else { return nil }
        let key = bytes.bigEndian(length.end..<payloadStart)
        return Frame(
            opcode: opcode,
            isFinal: isFinal,
            isCompressed: isCompressed,
            maskingKey: UInt32(truncatingIfNeeded: key).byteSwapped,
            payload: payloadStart..<payloadStart + length.value
        )
    }

    mutating func pass(_ frame: Frame) {
        if !frame.opcode.isControl { isInsideMessage = !frame.isFinal }
    }

    /// Reads the 7, 16 or 64 bit length. Refuses it before the payload it announces arrives.
    private func payloadLength(
        in bytes: Span<UInt8>
    ) throws(FrameViolation) -> (value: Int, end: Int)? {
        let short = Int(bytes[1] & 0x7F)
        let end = short < 126 ? 2 : short == 126 ? 4 : 10
        guard bytes.count >= end else { return nil }
        let value = end == 2 ? UInt64(short) : bytes.bigEndian(2..<end)
        guard end == 2 || value >= (end == 4 ? 126 : 65_536) else { throw .lengthNotMinimal }
        guard value <= UInt64(payloadBytesMax) else { throw .payloadTooLong }
        return (Int(value), end)
    }

    private static let controlPayloadBytesMax = 125
    private static let maskingKeyBytes = 4
}

extension Span<UInt8> {
    func bigEndian(_ range: Range<Int>) -> UInt64 {
        var value: UInt64 = 0
        for index in range { value = value << 8 | UInt64(self[index]) }
        return value
    }
}
