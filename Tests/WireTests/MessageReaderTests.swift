// MessageReader has to give the same messages however the bytes were cut on their way, and to stop at
// the first broken rule, by name.

import Testing
import Wire

@Suite("MessageReader")
struct MessageReaderTests {
    @Test(
        "unmasks messages of every length around the borders",
        arguments: [0, 1, 7, 8, 9, 125, 126, 65_535, 65_536])
    func lengths(length: Int) throws {
        let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let found = try messages(in: [clientFrame(0x82, payload)[...]])
        #expect(found == [.binary(payload)])
    }

    @Test("gives the same messages wherever the bytes are cut")
    func cutAnywhere() throws {
        let text = Array("κόσμε, ein längerer Text \u{1F600}".utf8)
        let whole =
            clientFrame(0x01, Array(text[..<5])) + clientFrame(0x89, [1, 2, 3], key: [9, 8, 7, 6])
            + clientFrame(0x00, Array(text[5..<20]), key: [1, 0, 0, 0]) + clientFrame(0x8A, [])
            + clientFrame(0x80, Array(text[20...])) + clientFrame(0x82, [0xFF])
            + clientFrame(0x88, [0x03, 0xE8] + Array("bye".utf8)) + [0xFF, 0xFF]
        for pieces in whole.cuts {
            #expect(
                try messages(in: pieces) == [
                    .ping([1, 2, 3]), .pong, .text(text), .binary([0xFF]),
                    .close(1000, reason: "bye"),
                ], "cut at \(pieces[0].count)")
        }
    }

    @Test("ignores whatever comes after a close")
    func afterClose() throws {
        #expect(
            try messages(in: [(clientFrame(0x88, []) + [0x83, 0xFF, 0xFF])[...]])
                == [.close(nil, reason: "")])
    }

    @Test("lets an empty message and empty fragments be")
    func empty() throws {
        let whole = clientFrame(0x01, []) + clientFrame(0x00, []) + clientFrame(0x80, [])
        #expect(try messages(in: [whole[...]]) == [.text([])])
    }

    @Test(
        "names the broken rule and the close code",
        arguments: [
            (.reservedBitSet, 1002, [0xC1, 0x80]),
            (.reservedBitSet, 1002, [0xA1, 0x80]),
            (.continuationWithoutStart, 1002, clientFrame(0x80, [1])),
            (.startInsideMessage, 1002, clientFrame(0x01, [1]) + clientFrame(0x81, [1])),
            (.payloadTooLong, 1009, [0x82, 0xFE, 0x04, 0x01]),
            (
                .messageTooLong, 1009,
                clientFrame(0x02, Array(repeating: 0, count: 600))
                    + clientFrame(0x80, Array(repeating: 0, count: 425))
            ),
            (.textNotUTF8, 1007, clientFrame(0x81, [0xC3])),
            (.textNotUTF8, 1007, clientFrame(0x01, [0xED, 0xA0])),
            (.textNotUTF8, 1007, clientFrame(0x01, [0xC3]) + clientFrame(0x80, [0x20])),
            (.closeCodeMissing, 1002, clientFrame(0x88, [0x03])),
            (.closeCodeInvalid, 1002, clientFrame(0x88, [0x03, 0xE7])),
            (.closeReasonNotUTF8, 1007, clientFrame(0x88, [0x03, 0xE8, 0xFF])),
        ] as [(FrameViolation, UInt16, [UInt8])])
    func violation(expected: FrameViolation, closeCode: UInt16, bytes: [UInt8]) {
        #expect(expected.closeCode == closeCode)
        #expect(throws: expected) { try messages(in: [bytes[...]], bytesMax: 1024) }
    }

    @Test("takes a message of the limit and no byte more", arguments: [125, 126, 1000, 70_000])
    func limit(bytesMax: Int) throws {
        let fits = [UInt8](repeating: 1, count: bytesMax)
        #expect(
            try messages(in: [clientFrame(0x82, fits)[...]], bytesMax: bytesMax) == [.binary(fits)])
        #expect(throws: FrameViolation.payloadTooLong) {
            try messages(in: [clientFrame(0x82, fits + [1])[...]], bytesMax: bytesMax)
        }
        #expect(throws: FrameViolation.messageTooLong) {
            try messages(
                in: [(clientFrame(0x02, fits) + clientFrame(0x80, [1]))[...]], bytesMax: bytesMax)
        }
    }

    @Test("accepts exactly the close codes a peer may send")
    func closeCodes() throws {
        var accepted: [Int] = []
        for code in 0...65_535 {
            let frame = clientFrame(0x88, bigEndian(code, byteCount: 2))
            if (try? messages(in: [frame[...]])) != nil { accepted.append(code) }
        }
        #expect(accepted == Array(1000...1003) + Array(1007...1014) + Array(3000...4999))
    }
}

@Suite("Text in messages")
struct MessageTextTests {
    /// What the standard library calls valid is valid; a table of its borders, each with context.
    static let texts: [[UInt8]] = [
        [0x00], [0x7F], [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2, 0x80], [0xDF, 0xBF],
        [0xE0, 0x80, 0x80], [0xE0, 0x9F, 0xBF], [0xE0, 0xA0, 0x80], [0xEC, 0xBF, 0xBF],
        [0xED, 0x9F, 0xBF], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xEE, 0x80, 0x80],
        [0xEF, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x8F, 0xBF, 0xBF],
        [0xF0, 0x90, 0x80, 0x80], [0xF3, 0xBF, 0xBF, 0xBF], [0xF4, 0x8F, 0xBF, 0xBF],
        [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80],
        [0xFE], [0xFF], [0xC3], [0xE2, 0x82], [0xF0, 0x9F, 0x98], [0xE2, 0x28, 0xA1],
        [0xF0, 0x9F, 0x41, 0x80],
    ]

    @Test("is UTF-8 or refused, wherever it is cut", arguments: texts)
    func table(middle: [UInt8]) {
        for text in [middle, Array("before 123".utf8) + middle + Array("behind".utf8)] {
            let isValid = String(validating: text, as: UTF8.self) != nil
            for cut in 0...text.count {
                let frames =
                    clientFrame(0x01, Array(text[..<cut])) + clientFrame(0x80, Array(text[cut...]))
                let found = try? messages(in: frames.map { [$0] })
                #expect(found == (isValid ? [.text(text)] : nil), "\(text) cut at \(cut)")
            }
        }
    }

    @Test("is refused with its first wrong byte, long before the frame ends")
    func early() throws {
        let frame = clientFrame(0x81, [0x41, 0xF4, 0x90] + Array(repeating: 0x41, count: 1000))
        #expect(try messages(in: [frame[..<(8 + 2)]]) == [])
        #expect(throws: FrameViolation.textNotUTF8) { try messages(in: [frame[..<(8 + 3)]]) }
    }
}
