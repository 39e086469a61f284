import Bytes
import Testing
import Wire

@Suite("Frames")
struct FramesTests {
    @Test("have the shortest header there is", arguments: [0, 125, 126, 65_535, 65_536])
    func lengths(length: Int) {
        let payload = [UInt8](repeating: 7, count: length)
        let frame = Frames.binary(payload.span)
        let header: [UInt8] =
            switch length {
            case ..<126: [0x82, UInt8(length)]
            case ..<65_536: [0x82, 126] + bigEndian(length, byteCount: 2)
            default: [0x82, 127] + bigEndian(length, byteCount: 8)
            }
        #expect(Array(copying: frame.span) == header + payload)
        #expect(Array(copying: Frames.payload(of: frame)) == payload)
    }

    @Test("close with a code and as much of the reason as fits, cut between characters")
    func close() {
        #expect(Array(copying: Frames.close(nil).span) == [0x88, 0])
        #expect(Array(copying: Frames.close(1000).span) == [0x88, 2, 0x03, 0xE8])
        let frame = Frames.close(4408, reason: String(repeating: "é", count: 62))
        #expect(frame.count == 2 + 2 + 122)
        #expect(Array(copying: frame.span).suffix(2) == Array("é".utf8))
    }

    @Test("name what they are")
    func opcodes() {
        #expect(Frames.text([UInt8]().span).span[0] == 0x81)
        #expect(Frames.ping([UInt8]().span).span[0] == 0x89)
        #expect(Frames.pong([UInt8]().span).span[0] == 0x8A)
    }
}

@Suite("Response")
struct ResponseTests {
    @Test("tells the length, and closes when asked")
    func whole() {
        let response = Response(status: 404, headers: [("x-a", "b")], body: Array("no".utf8))
        #expect(
            text(response.encoded(keepAlive: true))
                == "HTTP/1.1 404 Not Found\r\nx-a: b\r\ncontent-length: 2\r\n\r\nno")
        #expect(
            text(response.encoded(keepAlive: false, omitBody: true))
                == "HTTP/1.1 404 Not Found\r\nx-a: b\r\nconnection: close\r\ncontent-length: 2\r\n\r\n"
        )
    }

    @Test("has no body where there may be none", arguments: [101, 204, 304])
    func noBody(status: Int) {
        let bytes = text(Response(status: status, body: [1]).encoded(keepAlive: true))
        #expect(bytes.hasSuffix("\r\n\r\n") && !bytes.contains("content-length"))
    }

    @Test("can't be split by a value from outside")
    func injection() {
        let response = Response(status: 200, headers: [("a", "b\r\nset-cookie: c\0")])
        #expect(
            text(response.encoded(keepAlive: true)).hasPrefix(
                "HTTP/1.1 200 OK\r\na: b  set-cookie: c \r\n"))
    }

    private func text(_ bytes: SharedBytes) -> String {
        String(decoding: Array(copying: bytes.span), as: UTF8.self)
    }
}
