// permessage-deflate: what we make, an inflater that shares no code with zlib must understand; what a
// client makes is inflated within a bound.

import Bytes
import Support
import Testing
import Wire

@Suite("Deflater")
struct DeflaterTests {
    @Test(
        "makes frames that another inflater reads",
        arguments: [256, 257, 1000, 65_535, 65_536, 300_000])
    func roundTrip(length: Int) throws {
        let payload = text(length)
        let deflater = Deflater()
        for _ in 0..<2 {  // the second time no window may be left from the first
            let frame = try #require(deflater.compressed(Frames.text(payload.span)))
            #expect(frame.span[0] == 0xC1)
            let deflated = Frames.payload(of: frame)
            #expect(deflated.count < payload.count)
            #expect(plainInflated(Array(copying: deflated) + [0, 0, 0xFF, 0xFF]) == payload)
        }
    }

    @Test("leaves short payloads and incompressible ones as they are")
    func notWorthIt() {
        let deflater = Deflater()
        #expect(deflater.compressed(Frames.text(text(255).span)) == nil)
        var noise = SystemRandomNumberGenerator()
        let random = (0..<5000).map { _ in UInt8.random(in: 0...255, using: &noise) }
        #expect(deflater.compressed(Frames.binary(random.span)) == nil)
        #expect(deflater.compressed(Frames.text(text(256).span)) != nil)
    }

    @Test("stays within its window, so that a small inflater can follow")
    func window() throws {
        var noise = SystemRandomNumberGenerator()
        let block = (0..<3000).map { _ in UInt8.random(in: 0...255, using: &noise) }
        let frame = Deflater().compressed(Frames.binary((block + block).span))
        #expect(frame == nil, "3000 bytes back is beyond 2^11: nothing to gain")
    }
}

@Suite("Inflate")
struct InflateTests {
    @Test("reads the examples of RFC 7692")
    func examples() throws {
        let hello: [[UInt8]] = [
            [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00],
            [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00],
            [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00],
            [0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00],
        ]
        for deflated in hello {
            #expect(
                try messages(in: [clientFrame(0xC1, deflated)[...]], deflate: true)
                    == [.text(Array("Hello".utf8))], "\(deflated)")
        }
    }

    @Test("gives the same message wherever a fragmented compressed one is cut")
    func cutAnywhere() throws {
        let payload = text(300)
        let compressed = try #require(Deflater().compressed(Frames.text(payload.span)))
        let deflated = Array(copying: Frames.payload(of: compressed))
        let whole =
            clientFrame(0x41, Array(deflated[..<10])) + clientFrame(0x89, [5])
            + clientFrame(0x80, Array(deflated[10...])) + clientFrame(0x81, [0x41])
        for pieces in whole.cuts {
            #expect(
                try messages(in: pieces, deflate: true)
                    == [.ping([5]), .text(payload), .text([0x41])], "cut at \(pieces[0].count)")
        }
    }

    @Test("stops a bomb at the limit")
    func bomb() throws {
        let zeros = [UInt8](repeating: 0, count: 4_000_000)
        let compressed = try #require(Deflater().compressed(Frames.binary(zeros.span)))
        let frame = clientFrame(0xC2, Array(copying: Frames.payload(of: compressed)))
        #expect(frame.count < 40_000)
        #expect(throws: FrameViolation.messageTooLong) {
            try messages(in: [frame[...]], bytesMax: 65_536, deflate: true)
        }
    }

    @Test(
        "takes a message that inflates to the limit and no byte more",
        arguments: [256, 16_383, 16_384, 16_385])
    func limit(bytesMax: Int) throws {
        for length in [bytesMax, bytesMax + 1] {
            let compressed = try #require(Deflater().compressed(Frames.text(text(length).span)))
            let frame = clientFrame(0xC1, Array(copying: Frames.payload(of: compressed)))
            let found = try? messages(in: [frame[...]], bytesMax: bytesMax, deflate: true)
            #expect(found == (length == bytesMax ? [.text(text(length))] : nil))
        }
    }

    @Test(
        "names what is wrong",
        arguments: [
            (.deflateMalformed, clientFrame(0xC1, [0x06, 0xFF])),
            (.textNotUTF8, clientFrame(0xC1, [0x00, 0x01, 0x00, 0xFE, 0xFF, 0xC3, 0x00])),
            (.reservedBitSet, clientFrame(0x41, []) + clientFrame(0xC0, [])),
            (.reservedBitSet, clientFrame(0xC9, [])),
        ] as [(FrameViolation, [UInt8])])
    func violation(expected: FrameViolation, bytes: [UInt8]) {
        #expect(throws: expected) { try messages(in: [bytes[...]], deflate: true) }
    }

    @Test("finds messages cut short malformed or takes what is there, and never crashes")
    func truncated() throws {
        let compressed = try #require(Deflater().compressed(Frames.binary(text(1000).span)))
        let deflated = Array(copying: Frames.payload(of: compressed))
        for count in deflated.indices {
            do throws(FrameViolation) {
                _ = try inflate(Array(deflated[..<count]))
            } catch {
                #expect(error == .deflateMalformed)
            }
        }
    }

    private func inflate(_ deflated: [UInt8]) throws(FrameViolation) -> ClientFrame? {
        var reader = MessageReader(limits: MessageLimits(), deflate: true)
        var consumed = 0
        return try reader.next(in: clientFrame(0xC2, deflated).span, consumed: &consumed)
    }
}

/// Text that deflates well but not to nothing.
private func text(_ length: Int) -> [UInt8] {
    (0..<length).map { Array("{\"progress\":".utf8)[$0 % 12] &+ UInt8($0 / 97 % 4) }
}

extension Array<UInt8> {
    init(copying bytes: Span<UInt8>) { self = bytes.indices.map { bytes[$0] } }
}
