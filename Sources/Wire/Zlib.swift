// The two doors to zlib: a deflater that makes one compressed frame for all followers of an event,
// and the inflation of what a client sent, never beyond a bound. No window outlives a message.

import Bytes
import CZlib

/// One for each loop; reset, not made anew, for each frame.
@safe
public final class Deflater {
    /// Our window, 2 KiB: what an event's text gains from more is little, and each follower's inflater
    /// is spared the rest.
    static let windowBits = 11
    /// Shorter payloads rarely get smaller.
    public static let payloadBytesMin = 256

    /// zlib keeps a pointer back to its stream, so the stream must not move.
    private let stream: UnsafeMutablePointer<z_stream>
    private var output: [UInt8] = []

    public init() {
        unsafe stream = .allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        let result = unsafe deflateInit2_(
            stream, 1, Z_DEFLATED, -Int32(Self.windowBits), 4, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        precondition(result == Z_OK, "deflateInit2 failed: \(result)")
    }

    deinit {
        unsafe deflateEnd(stream)
        unsafe stream.deallocate()
    }

    /// The compressed form of one of our uncompressed data frames; nil where it gains nothing.
    public func compressed(_ frame: SharedBytes) -> SharedBytes? {
        let payload = Frames.payload(of: frame)
        guard payload.count >= Self.payloadBytesMin else { return nil }
        // Z_SYNC_FLUSH ends with four bytes that do not travel; more than that must be gained.
        guard let length = deflate(payload, capacity: payload.count) else { return nil }
        let firstByte = frame.span[0] | 0x40
        let made = output
        return SharedBytes(capacity: Frames.headerBytes(for: length) + length) { target in
            Frames.appendHeader(firstByte, payloadBytes: length, to: &target)
            target.append(copying: made.span.extracting(0..<length))
        }
    }

    /// The length, without the tail, of what now stands in `output`; nil where it did not fit.
    private func deflate(_ payload: Span<UInt8>, capacity: Int) -> Int? {
        if output.count < capacity { output = [UInt8](repeating: 0, count: capacity) }
        unsafe deflateReset(stream)
        // Sound: both buffers outlive the call, zlib gets their true lengths and never writes to its
        // input, and no pointer to them is used after it returns.
        let left = unsafe payload.withUnsafeBufferPointer { source in
            unsafe output.withUnsafeMutableBufferPointer { target in
                unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
                unsafe stream.pointee.avail_in = UInt32(source.count)
                unsafe stream.pointee.next_out = target.baseAddress
                unsafe stream.pointee.avail_out = UInt32(capacity)
                unsafe CZlib.deflate(stream, Z_SYNC_FLUSH)
                return unsafe Int(stream.pointee.avail_out)
            }
        }
        return left > 0 ? capacity - left - Self.tailBytes : nil
    }

    private static let tailBytes = 4
}

enum Inflate {
    private static let tail: [UInt8] = [0x00, 0x00, 0xFF, 0xFF]
    private static let stepBytes = 16_384

    /// What the message `deflated` was before, within `bytesMax`. One stream, made for this message.
    static func inflated(
        _ deflated: [UInt8], bytesMax: Int
    ) throws(FrameViolation) -> [UInt8] {
        var stream = unsafe z_stream()
        let ready = unsafe inflateInit2_(
            &stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        precondition(ready == Z_OK, "inflateInit2 failed: \(ready)")
        defer { unsafe _ = inflateEnd(&stream) }

        let source = deflated + tail
        var output: [UInt8] = []
        var taken = 0
        var result = Z_OK
        repeat {
            // One byte more than allowed is asked for, so that too long shows.
            let capacity = min(stepBytes, bytesMax + 1 - output.count)
            // Sound: as in Deflater; `count` grows by what zlib says it wrote into the free part.
            unsafe source.withUnsafeBufferPointer { source in
                output.append(addingCapacity: capacity) { target in
                    unsafe target.withUnsafeMutableBufferPointer { buffer, count in
                        let input = unsafe source.baseAddress.map { unsafe $0 + taken }
                        unsafe stream.next_in = UnsafeMutablePointer(mutating: input)
                        unsafe stream.avail_in = UInt32(source.count - taken)
                        unsafe stream.next_out = buffer.baseAddress.map { unsafe $0 + count }
                        unsafe stream.avail_out = UInt32(capacity)
                        result = unsafe CZlib.inflate(&stream, Z_SYNC_FLUSH)
                        taken = unsafe source.count - Int(stream.avail_in)
                        count += unsafe capacity - Int(stream.avail_out)
                    }
                }
            }
            guard output.count <= bytesMax else { throw .messageTooLong }
        } while unsafe result == Z_OK && stream.avail_out == 0
        // A message may end its stream (RFC 7692, 7.2.3.5) or, as is usual, be left open by the tail.
        guard result == Z_OK || result == Z_BUF_ERROR || result == Z_STREAM_END else {
            throw .deflateMalformed
        }
        return output
    }
}
