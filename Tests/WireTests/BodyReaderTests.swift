// BodyReader gives the body a head announced, however it is cut, and leaves the next request alone.

import Testing
import Wire

@Suite("BodyReader")
struct BodyReaderTests {
    @Test("gathers a body of known length and leaves the rest")
    func length() throws {
        for pieces in Array("hello worldGET".utf8).cuts {
            let (body, left) = try gather(.length(11), pieces)
            #expect(body == "hello world")
            #expect(left == 3)
        }
        #expect(try gather(.none, [Array("GET".utf8)[...]]).body == "")
        #expect(try gather(.length(0), [[]]).body == "")
    }

    @Test("gathers chunks, skips extensions and trailers, wherever they are cut")
    func chunks() throws {
        let text = "5;a=\"b\"\r\nhello\r\n006\r\n world\r\n0\r\nX-Trailer: a\r\nY: b\r\n\r\nGET"
        for pieces in Array(text.utf8).cuts {
            let (body, left) = try gather(.chunked, pieces)
            #expect(body == "hello world", "cut at \(pieces[0].count)")
            #expect(left == 3)
        }
    }

    @Test(
        "names what is wrong",
        arguments: [
            (.chunkSizeMalformed, "g\r\n"), (.chunkSizeMalformed, "\r\n"),
            (.chunkSizeMalformed, "-1\r\n"), (.chunkSizeMalformed, "0x5\r\n"),
            (.chunkSizeMalformed, "5 \r\nhello"), (.chunkSizeMalformed, "5\nhello"),
            (.chunkSizeMalformed, "5\rhello"), (.chunkSizeMalformed, "5;a\nhello"),
            (.chunkSizeMalformed, "5;\0\r\n"), (.chunkSizeMalformed, "fffffffffffffffff\r\n"),
            (.bodyTooLong, "fffffffffffffff\r\n"), (.bodyTooLong, "65\r\n"),
            (.chunkEndMissing, "1\r\nab\r\n"), (.chunkEndMissing, "1\r\na\n"),
            (.chunkEndMissing, "1\r\na\ra"),
            (.spaceBeforeColon, "0\r\nA : b\r\n"), (.bareLineFeed, "0\r\n\n"),
            (.trailerTooLong, "0\r\nA: 12345678901234567890123"),
            (.trailerTooLong, "0\r\nA: 12345\r\nB: 12345\r\nC: 1\r\n\r\n"),
            (.chunkExtensionTooLong, "1;12345678901234567890"),
            (.chunkExtensionTooLong, "1;12345678\r\na\r\n1;12345678901\r\n"),
        ] as [(HTTPViolation, String)])
    func violation(expected: HTTPViolation, text: String) {
        let bytes = Array(text.utf8)
        #expect(throws: expected) { try gather(.chunked, [bytes[...]]) }
        #expect(throws: expected) { try gather(.chunked, bytes.map { [$0] }) }
    }

    @Test("refuses a body over the limit before it comes")
    func limit() throws {
        #expect(try gather(.length(100), [Array(repeating: 0x41, count: 100)[...]]).left == 0)
        #expect(throws: HTTPViolation.bodyTooLong) { try gather(.length(101), []) }
        let chunk = "32\r\n" + String(repeating: "a", count: 50) + "\r\n"
        #expect(try gather(.chunked, [Array((chunk + chunk + "0\r\n\r\n").utf8)[...]]).left == 0)
        #expect(throws: HTTPViolation.bodyTooLong) {
            try gather(.chunked, [Array((chunk + chunk + "1\r\n").utf8)[...]])
        }
    }

    private func gather(
        _ framing: BodyFraming, _ pieces: [ArraySlice<UInt8>]
    ) throws -> (body: String?, left: Int) {
        var limits = BodyLimits()
        limits.bodyBytesMax = 100
        limits.chunkExtensionBytesMax = 20
        limits.trailerBytesMax = 25
        var reader = try BodyReader(framing, limits: limits)
        var body: [UInt8]?
        var left = 0
        try arrive(pieces) { bytes in
            var consumed = 0
            if body == nil { body = try reader.read(bytes, consumed: &consumed) }
            left = bytes.count - consumed
            return consumed
        }
        return (body.map { String(decoding: $0, as: UTF8.self) }, left)
    }
}
