// The frames a client sends: always masked, with a key that nobody could foresee.

import Bytes

enum MaskedFrame {
    case text(String)
    case pong([UInt8])
    case close(UInt16)

    func encoded(maskingKey: UInt32) -> SharedBytes {
        let (opcode, payload): (UInt8, [UInt8]) =
            switch self {
            case .text(let text): (1, Array(text.utf8))
            case .pong(let bytes): (10, bytes)
            case .close(let code): (8, [UInt8(code >> 8), UInt8(code & 0xFF)])
            }
        precondition(payload.count <= 65_535, "we send nothing that long")
        let isShort = payload.count < 126
        var frame: [UInt8] = [0x80 | opcode, 0x80 | (isShort ? UInt8(payload.count) : 126)]
        if !isShort { frame += [UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)] }
        let key = (0..<4).map { UInt8(truncatingIfNeeded: maskingKey >> (24 - 8 * $0)) }
        frame += key
        frame += payload.enumerated().map { $1 ^ key[$0 & 3] }
        return SharedBytes(frame)
    }
}
