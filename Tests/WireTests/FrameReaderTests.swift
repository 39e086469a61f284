// FrameReader has one job with two halves: find every frame RFC 6455 allows, and name what it
// forbids. The first half is tested by sweeping lengths and cut points, the second by a table.

import Testing
import Wire

@Suite("FrameReader")
struct FrameReaderTests {
    /// Both sides of each place where the length field changes its width.
    static let lengths = [0, 1, 125, 126, 127, 65_535, 65_536]

    @Test("finds a frame when its last byte arrives, not sooner", arguments: lengths)
    func cutAnywhere(length: Int) throws {
        let whole = clientFrame(0x82, Array(repeating: 0xAB, count: length))
        for count in cuts(of: whole) {
            var reader = FrameReader(payloadBytesMax: 65_536)
            #expect(try reader.next(whole.prefix(count)) == nil, "cut at \(count)")
        }

        var reader = FrameReader(payloadBytesMax: 65_536)
        let frame = try #require(try reader.next(whole[...]))
        #expect(frame.opcode == .binary)
        #expect(frame.payload == whole.count - length..<whole.count)
    }

    @Test("leaves the bytes after a frame alone")
    func bytesAfterFrame() throws {
        var reader = FrameReader(payloadBytesMax: 125)
        let first = clientFrame(0x81, [1, 2, 3])
        let second = clientFrame(0x89, [])
        let frame = try #require(try reader.next((first + second)[...]))
        #expect(frame.payload.upperBound == first.count)
    }

    @Test("lets a ping through in the middle of a message")
    func pingBetweenFragments() throws {
        var reader = FrameReader(payloadBytesMax: 125)
        for firstByte: UInt8 in [0x01, 0x89, 0x00, 0x89, 0x80] {
            let frame = try reader.next(clientFrame(firstByte, [7])[...])
            #expect(frame != nil, "first byte \(firstByte)")
        }
    }

    @Test(
        "names the broken rule",
        arguments: [
            (FrameViolation.reservedBitSet, [0xC1, 0x80]),
            (.unknownOpcode, [0x83, 0x80]),
            (.unmasked, [0x81, 0x00]),
            (.controlFragmented, [0x09, 0x80]),
            (.controlTooLong, [0x89, 0xFE]),
            (.continuationWithoutStart, [0x80, 0x80]),
            (.lengthNotMinimal, [0x81, 0xFE, 0x00, 0x7D]),
            (.lengthNotMinimal, [0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]),
            (.payloadTooLong, [0x81, 0xFE, 0x04, 0x01]),
            (.payloadTooLong, [0x81, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        ] as [(FrameViolation, [UInt8])]
    )
    func violation(expected: FrameViolation, bytes: [UInt8]) {
        var reader = FrameReader(payloadBytesMax: 1024)
        #expect(throws: expected) { _ = try reader.next(bytes[...]) }
    }
}

extension FrameReader {
    /// `Span` cannot cross into a macro, so tests hand over slices.
    fileprivate mutating func next(_ bytes: ArraySlice<UInt8>) throws -> Frame? {
        try next(in: bytes.span)
    }
}

/// Every cut inside the longest possible header, and the one just before the end.
private func cuts(of frame: [UInt8]) -> [Int] {
    Array(0..<min(frame.count, 14)) + [frame.count - 1]
}
