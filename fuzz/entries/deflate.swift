// Whatever the deflater makes of an input, the inflation of MessageReader gives back, to the byte.

import Bytes
import Wire

private nonisolated(unsafe) let deflater = Deflater()  // libFuzzer calls from one thread

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let bytes = unsafe Span(_unsafeStart: start, count: count)
    guard let frame = unsafe deflater.compressed(Frames.binary(bytes)) else { return 0 }
    let deflated = Frames.payload(of: frame)
    precondition(deflated.count < count)
    var masked: [UInt8] = [0xC2]
    switch deflated.count {
    case ..<126: masked.append(0x80 | UInt8(deflated.count))
    case ..<65_536: masked += [0xFE, UInt8(deflated.count >> 8), UInt8(deflated.count & 0xFF)]
    default: return 0
    }
    masked += [0, 0, 0, 0]
    for index in deflated.indices { masked.append(deflated[index]) }
    var reader = MessageReader(limits: MessageLimits(messageBytesMax: count), deflate: true)
    var consumed = 0
    guard case .binary(let plain) = try? reader.next(in: masked.span, consumed: &consumed) else {
        preconditionFailure("our own frame was refused")
    }
    precondition(plain.count == count && bytes.indices.allSatisfy { plain[$0] == bytes[$0] })
    return 0
}
