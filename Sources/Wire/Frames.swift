// The frames a server sends: never masked, never fragmented, written once into shared bytes.

import Bytes

public enum Frames {
    public static func text(_ payload: Span<UInt8>) -> SharedBytes { frame(.text, payload) }
    public static func binary(_ payload: Span<UInt8>) -> SharedBytes { frame(.binary, payload) }
    /// `payload` is at most 125 bytes.
    public static func ping(_ payload: Span<UInt8>) -> SharedBytes { frame(.ping, payload) }
    public static func pong(_ payload: Span<UInt8>) -> SharedBytes { frame(.pong, payload) }

    /// A reason too long for a close frame is cut between characters. Without a code the frame is empty.
    public static func close(_ code: UInt16?, reason: String = "") -> SharedBytes {
        guard let code else { return frame(.close, [UInt8]().span) }
        var payload = [UInt8(code >> 8), UInt8(code & 0xFF)]
        for scalar in reason.unicodeScalars {
            guard payload.count + UTF8.width(scalar) <= controlPayloadBytesMax else { break }
            payload += String(scalar).utf8
        }
        return frame(.close, payload.span)
    }

    /// The payload of one of our own frames.
    @_lifetime(borrow frame)
    public static func payload(of frame: SharedBytes) -> Span<UInt8> {
        let bytes = frame.span
        return bytes.extracting(payloadStart(of: bytes)..<bytes.count)
    }

    static func payloadStart(of frame: Span<UInt8>) -> Int {
        switch frame[1] {
        case ..<126: 2
        case 126: 4
        default: 10
        }
    }

    private static func frame(_ opcode: Frame.Opcode, _ payload: Span<UInt8>) -> SharedBytes {
        precondition(!opcode.isControl || payload.count <= controlPayloadBytesMax)
        return SharedBytes(capacity: headerBytes(for: payload.count) + payload.count) { output in
            appendHeader(0x80 | opcode.rawValue, payloadBytes: payload.count, to: &output)
            output.append(copying: payload)
        }
    }

    @inline(__always)
    static func headerBytes(for payloadBytes: Int) -> Int {
        payloadBytes < 126 ? 2 : payloadBytes < 65_536 ? 4 : 10
    }

    @inline(__always)
    static func appendHeader(
        _ firstByte: UInt8, payloadBytes: Int, to output: inout OutputSpan<UInt8>
    ) {
        output.append(firstByte)
        let lengthBytes = headerBytes(for: payloadBytes) - 2
        if lengthBytes == 0 {
            output.append(UInt8(payloadBytes))
        } else {
            output.append(lengthBytes == 2 ? 126 : 127)
            for place in (0..<lengthBytes).reversed() {
                output.append(UInt8(truncatingIfNeeded: payloadBytes >> (place * 8)))
            }
        }
    }

    private static let controlPayloadBytesMax = 125
}
