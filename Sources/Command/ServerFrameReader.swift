// The client's half of RFC 6455: reads the frames a server sends (never masked, never compressed, for we
// offer nothing) and joins fragments. Wire's reader is the server's half.
//
// It owns only what an unfinished message has brought so far. Invariant: that is never more than
// `messageBytesMax`, whatever a header announces.

enum ServerFrame: Equatable {
    case text([UInt8]), binary([UInt8]), ping([UInt8]), pong
    case close(UInt16?, reason: String)
}

enum ServerFault: String, Error, CaseIterable {
    case reservedBitSet, unknownOpcode, masked, messageTooLong, controlTooLong, controlFragmented
    case continuationWithoutStart, startInsideMessage, closeMalformed
}

struct ServerFrameReader {
    /// Room for the largest event that can be configured.
    static let messageBytesMax = 80 << 20

    private let messageBytesMax: Int
    private var message: [UInt8] = []
    /// The opcode of the message being joined; nil between messages.
    private var joining: UInt8?

    init(messageBytesMax: Int = Self.messageBytesMax) { self.messageBytesMax = messageBytesMax }

    /// Takes one whole frame from `consumed` on, or nothing. Nil when there is none, or when it was a
    /// fragment; the caller goes on while `consumed` moves.
    mutating func next(
        in bytes: Span<UInt8>, consumed: inout Int
    ) throws(ServerFault) -> ServerFrame? {
        let available = bytes.count - consumed
        guard available >= 2 else { return nil }
        let (first, second) = (bytes[consumed], bytes[consumed + 1])
        guard first & 0x70 == 0 else { throw .reservedBitSet }
        guard second & 0x80 == 0 else { throw .masked }
        let (opcode, isFinal) = (first & 0x0F, first & 0x80 != 0)
        try check(opcode, isFinal: isFinal, length: second)

        let headBytes = second < 126 ? 2 : second == 126 ? 4 : 10
        guard available >= headBytes else { return nil }
        var length = UInt64(second)
        if headBytes > 2 {
            length = 0
            for index in 2..<headBytes { length = length << 8 | UInt64(bytes[consumed + index]) }
        }
        guard length <= UInt64(messageBytesMax - message.count) else { throw .messageTooLong }
        let frameBytes = headBytes + Int(length)
        guard available >= frameBytes else { return nil }
        let start = consumed + headBytes
        let payload = bytes.extracting(start..<consumed + frameBytes)
        consumed += frameBytes
        guard opcode < 8 else { return try control(opcode, payload) }
        message.reserveCapacity(message.count + payload.count)
        for index in payload.indices { message.append(payload[index]) }
        if opcode != 0 { joining = opcode }
        guard isFinal, let kind = joining else { return nil }
        defer { (message, joining) = ([], nil) }
        return kind == 1 ? .text(message) : .binary(message)
    }

    private func check(_ opcode: UInt8, isFinal: Bool, length: UInt8) throws(ServerFault) {
        switch opcode {
        case 0: guard joining != nil else { throw .continuationWithoutStart }
        case 1, 2: guard joining == nil else { throw .startInsideMessage }
        case 8, 9, 10:
            guard isFinal else { throw .controlFragmented }
            guard length < 126 else { throw .controlTooLong }
        default: throw .unknownOpcode
        }
    }

    private func control(
        _ opcode: UInt8, _ payload: Span<UInt8>
    ) throws(ServerFault) -> ServerFrame {
        let bytes = [UInt8](capacity: payload.count) { output in
            for index in payload.indices { output.append(payload[index]) }
        }
        switch opcode {
        case 9: return .ping(bytes)
        case 10: return .pong
        default:
            guard !bytes.isEmpty else { return .close(nil, reason: "") }
            guard bytes.count >= 2,
                let reason = String(validating: bytes.dropFirst(2), as: UTF8.self)
            else { throw .closeMalformed }
            return .close(UInt16(bytes[0]) << 8 | UInt16(bytes[1]), reason: reason)
        }
    }
}
