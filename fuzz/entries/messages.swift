// The first byte tells whether deflate was agreed. The messages must be the same whole and byte by
// byte, within their bounds; text is UTF-8.

import Wire

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    let input = unsafe Span(_unsafeStart: start, count: count)
    guard count > 0 else { return 0 }
    let bytes = input.extracting(1..<count)
    let deflate = input[0] & 1 == 1
    let whole = read(bytes, deflate, step: bytes.count)
    let pieces = read(bytes, deflate, step: 1)
    precondition(whole.frames == pieces.frames, "cutting changed the messages")
    precondition(whole.violation == pieces.violation, "cutting changed the verdict")

    var frames = FrameReader(payloadBytesMax: 1_024, allowsCompressed: deflate)
    if let frame = try? frames.next(in: bytes) {
        precondition(frame.payload.upperBound <= bytes.count)
    }
    return 0
}

private func read(
    _ bytes: Span<UInt8>, _ deflate: Bool, step: Int
) -> (frames: [ClientFrame], violation: FrameViolation?) {
    let bytesMax = 1_024
    var reader = MessageReader(limits: MessageLimits(messageBytesMax: bytesMax), deflate: deflate)
    var frames: [ClientFrame] = []
    var consumed = 0
    var end = 0
    do throws(FrameViolation) {
        repeat {
            end = min(end + step, bytes.count)
            while let frame = try reader.next(in: bytes.extracting(0..<end), consumed: &consumed) {
                switch frame {
                case .text(let text):
                    precondition(text.count <= bytesMax)
                    precondition(String(validating: text, as: UTF8.self) != nil)
                case .binary(let binary): precondition(binary.count <= bytesMax)
                case .ping(let payload): precondition(payload.count <= 125)
                case .pong, .close: break
                }
                frames.append(frame)
            }
        } while end < bytes.count
        return (frames, nil)
    } catch {
        return (frames, error)
    }
}
