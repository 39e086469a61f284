// What the tests share: frames as a client sends them, and a stand-in for the stream, which hands a
// reader what has arrived and keeps what it left.

import Wire

/// A client's frame, masked with `key`.
func clientFrame(
    _ firstByte: UInt8, _ payload: [UInt8], key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
) -> [UInt8] {
    let length: [UInt8] =
        switch payload.count {
        case ..<126: [UInt8(payload.count)]
        case ..<65_536: [126] + bigEndian(payload.count, byteCount: 2)
        default: [127] + bigEndian(payload.count, byteCount: 8)
        }
    let masked = payload.enumerated().map { $0.element ^ key[$0.offset % 4] }
    return [firstByte, length[0] | 0x80] + length.dropFirst() + key + masked
}

func bigEndian(_ value: Int, byteCount: Int) -> [UInt8] {
    (0..<byteCount).reversed().map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
}

/// Gives `read` the pieces one after the other, each behind what it left of those before.
func arrive(_ pieces: [ArraySlice<UInt8>], _ read: (Span<UInt8>) throws -> Int) throws {
    var pending: [UInt8] = []
    for piece in pieces {
        pending += piece
        pending.removeFirst(try read(pending.span))
    }
}

/// All that a fresh MessageReader makes of `pieces`.
func messages(
    in pieces: [ArraySlice<UInt8>], bytesMax: Int = 65_536, deflate: Bool = false
) throws -> [ClientFrame] {
    var reader = MessageReader(limits: MessageLimits(messageBytesMax: bytesMax), deflate: deflate)
    var found: [ClientFrame] = []
    try arrive(pieces) { bytes in
        var consumed = 0
        while let frame = try reader.next(in: bytes, consumed: &consumed) { found.append(frame) }
        return consumed
    }
    return found
}

extension Array {
    /// The array cut in two at each place, and as single elements.
    var cuts: [[ArraySlice<Element>]] {
        (0...count).map { [self[..<$0], self[$0...]] } + [indices.map { self[$0...$0] }]
    }
}
