// HeadReader finds a request's head whole or not at all, and names every form that two servers could
// read differently.

import Testing
import Wire

private let browser = """
    GET /api/v1/ws/jobs/123/updates?token=ey.J0.x&after=a%3A1 HTTP/1.1
    Host: jobs.example.org:8080
    Connection: keep-alive, Upgrade
    Pragma: no-cache
    Cache-Control: no-cache
    User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0
    Upgrade: websocket
    Origin: https://jobs.example.org
    Sec-WebSocket-Version: 13
    Accept-Encoding: gzip, deflate, br, zstd
    Accept-Language: en-GB,en;q=0.9,de;q=0.8
    Cookie: session=0123456789abcdef; theme=dark
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
    Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits


    """.replacing("\n", with: "\r\n")

@Suite("HeadReader")
struct HeadReaderTests {
    @Test("reads a browser's head when its last byte arrives, not sooner")
    func cutAnywhere() throws {
        let bytes = Array(browser.utf8)
        for count in bytes.indices { #expect(try read(bytes[..<count]) == nil, "cut at \(count)") }
        let (head, consumed) = try #require(try read(bytes + Array("GET".utf8)))
        #expect(consumed == bytes.count)
        #expect(head.method == .get)
        #expect(head.path == "/api/v1/ws/jobs/123/updates")
        #expect(head.query == "token=ey.J0.x&after=a%3A1")
        #expect(head.first("host") == "jobs.example.org:8080")
        #expect(head.list("accept-encoding") == ["gzip", "deflate", "br", "zstd"])
        #expect(head.lists("upgrade", in: "connection"))
        #expect(!head.lists("upgrad", in: "connection"))
        #expect(head.first("x-missing") == nil)
        #expect(head.framing == .none)
        #expect(head.keepsAlive)
    }

    @Test("tells how the body ends and whether the connection stays")
    func meaning() throws {
        let head = try get("Content-Length: 0012", "connection: CLOSE", "Expect: 100-Continue")
        #expect(head.framing == .length(12))
        #expect(!head.keepsAlive)
        #expect(head.expectsContinue)
        #expect(try get("Transfer-Encoding: Chunked").framing == .chunked)
    }

    @Test("keeps values as sent, without the blanks around them")
    func values() throws {
        let head = try get("A: \t b\tc \t", "a:d", "Empty:", "Obs: \u{E9}")
        #expect(head.all("a") == ["b\tc", "d"])
        #expect(head.first("empty") == "")
        #expect(head.first("obs") == "\u{E9}")
    }

    @Test(
        "knows the methods",
        arguments: [
            ("GET", .get), ("HEAD", .head), ("POST", .post), ("PUT", .put), ("DELETE", .delete),
            ("OPTIONS", .options), ("PATCH", .patch), ("get", .other), ("BREW", .other),
            ("PROPPATCHPOST", .other), ("ABCDEFGHIJKLMNOP", .other),
        ] as [(String, HTTPMethod)])
    func methods(name: String, method: HTTPMethod) throws {
        let text = "\(name) / HTTP/1.1\r\nHost: a\r\n\r\n"
        #expect(try read(Array(text.utf8))?.head.method == method)
    }

    @Test(
        "names what is wrong in the first line",
        arguments: [
            (.methodMalformed, "\r\nGET / HTTP/1.1\r\n"), (.methodMalformed, " GET / HTTP/1.1\r\n"),
            (.methodMalformed, "G(T / HTTP/1.1\r\n"), (.methodMalformed, "ABCDEFGHIJKLMNOPQ"),
            (.methodMalformed, "\u{16}\u{03}\u{01}"),
            (.requestLineMalformed, "GET  / HTTP/1.1\r\n"),
            (.requestLineMalformed, "GET /\r\n"), (.requestLineMalformed, "GET / HTTP/1.1 \r\n"),
            (.requestLineMalformed, "GET / http/x.y\r\n"),
            (.requestLineMalformed, "GET /#a HTTP/1.1\r\n"),
            (.requestLineMalformed, "GET / a HTTP/1.1\r\n"),
            (.requestLineMalformed, "GET / \r\n\r\n"), (.requestLineMalformed, "GET / HTTP\r\n"),
            (.bareLineFeed, "GET / HTTP/1.1\nHost: a\n\n"),
            (.bareCarriageReturn, "GET / HTTP/1.1\rHost: a"),
            (.versionNotSupported, "GET / HTTP/1.0\r\n\r\n"),
            (.versionNotSupported, "GET / HTTP/2.0\r\n\r\n"),
            (.versionNotSupported, "GET / http/1.1\r\n\r\n"),
            (.targetAbsolute, "GET http://a/ HTTP/1.1\r\n"),
            (.targetAbsolute, "GET HTTPS://a/ HTTP/1.1\r\n"),
            (.targetAsterisk, "OPTIONS * HTTP/1.1\r\n"),
            (.targetNotPath, "CONNECT a:443 HTTP/1.1\r\n"),
            (.targetNotPath, "GET ?a HTTP/1.1\r\n"), (.targetNotASCII, "GET /\u{E9} HTTP/1.1\r\n"),
            (.targetNotASCII, "GET \u{E9} HTTP/1.1\r\n"),
            (.controlInTarget, "GET /\u{7F} HTTP/1.1\r\n"),
            (.controlInTarget, "GET /a\0b HTTP/1.1\r\n"),
            (.controlInTarget, "GET /a\tb HTTP/1.1\r\n"),
        ] as [(HTTPViolation, String)])
    func requestLine(expected: HTTPViolation, text: String) {
        #expect(throws: expected) { try read(Array(text.utf8)) }
    }

    @Test(
        "names what is wrong in a header",
        arguments: [
            (.bareLineFeed, "A: b\nC: d"), (.bareLineFeed, "A: b\r\n\nC: d"),
            (.bareCarriageReturn, "A: b\rC: d"), (.bareCarriageReturn, "A: b\r\r\n"),
            (.obsoleteFold, "A: b\r\n c"), (.obsoleteFold, "A: b\r\n\tc"),
            (.spaceBeforeColon, "A : b"), (.spaceBeforeColon, "A\t: b"),
            (.headerNameMalformed, ": b"), (.headerNameMalformed, "A(: b"),
            (.headerNameMalformed, "\u{E9}: b"), (.headerNameMalformed, "A\0: b"),
            (.colonMissing, "A"), (.controlInHeader, "A: b\0c"), (.controlInHeader, "A: \u{7F}"),
            (.controlInHeader, "A: \u{1B}[0m"),
            (.hostDuplicated, "Host: a"), (.hostDuplicated, "HOST: b"),
            (.authorizationDuplicated, "Authorization: Bearer a\r\nauthorization: Bearer a"),
            (.expectationUnknown, "Expect: 200-ok"),
        ] as [(HTTPViolation, String)])
    func header(expected: HTTPViolation, line: String) {
        #expect(throws: expected) { try get(line) }
    }

    @Test("takes every character of a token in a header's name, and no other, wherever it stands")
    func names() {
        let token = Set("!#$%&'*+-.^_`|~".utf8).union(0x30...0x39).union(0x41...0x5A)
            .union(0x61...0x7A)
        for byte in UInt8.min...UInt8.max where byte != UInt8(ascii: ":") {
            for around in ["?", "-?", "?-", "Accept-?", "?-Accept-Encoding", "x-x-x-?-x"] {
                let name = around.utf8.map { $0 == UInt8(ascii: "?") ? byte : $0 }
                let head = Array("GET / HTTP/1.1\r\nHost: a\r\n".utf8) + name
                let found = try? read(head + Array(": b\r\n\r\n".utf8))
                #expect((found != nil) == token.contains(byte), "\(byte) in \(around)")
            }
        }
    }

    @Test(
        "needs one well-formed Host",
        arguments: ["", "a b", "a/b", "a,b", "user@a", "a\\b", "\u{E9}"])
    func host(value: String) {
        #expect(throws: HTTPViolation.hostMissing) {
            try read(Array("GET / HTTP/1.1\r\n\r\n".utf8))
        }
        let text = "GET / HTTP/1.1\r\nHost: \(value)\r\n\r\n"
        #expect(throws: HTTPViolation.hostMalformed) { try read(Array(text.utf8)) }
    }

    @Test("takes every character of a name in Host but the comma")
    func hostNames() throws {
        let text = "GET / HTTP/1.1\r\nHost: a!$&'()*+;=b\r\n\r\n"
        #expect(try read(Array(text.utf8)) != nil)
    }

    @Test(
        "refuses what smuggles a second request past another server",
        arguments: [
            (.lengthDuplicated, "Content-Length: 5\r\nContent-Length: 5"),
            (.lengthDuplicated, "Content-Length: 5\r\ncontent-length: 6"),
            (.lengthMalformed, "Content-Length: 5, 5"), (.lengthMalformed, "Content-Length: +5"),
            (.lengthMalformed, "Content-Length: -5"), (.lengthMalformed, "Content-Length: 0x5"),
            (.lengthMalformed, "Content-Length: 5 5"), (.lengthMalformed, "Content-Length:"),
            (.lengthMalformed, "Content-Length: 1e3"), (.lengthMalformed, "Content-Length: 5\t0"),
            (.lengthMalformed, "Content-Length: 18446744073709551621"),
            (.lengthWithTransferEncoding, "Content-Length: 5\r\nTransfer-Encoding: chunked"),
            (.lengthWithTransferEncoding, "Transfer-Encoding: chunked\r\nContent-Length: 5"),
            (.transferEncodingNotChunked, "Transfer-Encoding: gzip, chunked"),
            (.transferEncodingNotChunked, "Transfer-Encoding: chunked, identity"),
            (.transferEncodingNotChunked, "Transfer-Encoding: xchunked"),
            (.transferEncodingNotChunked, "Transfer-Encoding: chunked;a=b"),
            (.transferEncodingNotChunked, "Transfer-Encoding: \"chunked\""),
            (.transferEncodingNotChunked, "Transfer-Encoding:"),
            (
                .transferEncodingDuplicated,
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"
            ),
            (.spaceBeforeColon, "Transfer-Encoding : chunked"),
            (.controlInHeader, "Transfer-Encoding: \u{0B}chunked"),
            (.transferEncodingNotChunked, "Transfer-Encoding:\r\n chunked"),
            (.bareLineFeed, "Foo: bar\nTransfer-Encoding: chunked"),
        ] as [(HTTPViolation, String)])
    func smuggling(expected: HTTPViolation, lines: String) {
        #expect(throws: expected) { try get(lines) }
    }

    @Test("stops at each limit, before the end has to arrive")
    func limits() throws {
        var limits = HeadLimits()
        limits.requestLineBytesMax = 30
        limits.headerBytesMax = 20
        limits.headersMax = 3
        limits.headBytesMax = 65
        let reader = HeadReader(limits: limits)
        let start = "GET / HTTP/1.1\r\nHost: a\r\n"

        func expect(_ violation: HTTPViolation, _ text: String) {
            #expect(throws: violation) { try reader.read(Array(text.utf8).span)?.consumed }
        }
        func expect(_ text: String) {
            #expect(throws: Never.self) { try reader.read(Array(text.utf8).span)?.consumed }
        }
        expect("GET /" + String(repeating: "a", count: 14) + " HTTP/1.1\r\n")
        expect(.requestLineTooLong, "GET /" + String(repeating: "a", count: 15) + " HTTP/1.1\r\n")
        expect("GET /" + String(repeating: "a", count: 25))
        expect(.requestLineTooLong, "GET /" + String(repeating: "a", count: 26))
        expect(start + "A: " + String(repeating: "a", count: 15) + "\r\n")
        expect(.headerTooLong, start + "A: " + String(repeating: "a", count: 16) + "\r\n")
        expect(start + "A: " + String(repeating: "a", count: 17))
        expect(.headerTooLong, start + "A: " + String(repeating: "a", count: 18))
        expect(.headerTooLong, start + String(repeating: "a", count: 21))
        expect(start + "A:\r\nB:\r\n\r\n")
        expect(.tooManyHeaders, start + "A:\r\nB:\r\nC:\r\n")
        let wide = start + "A: 1234567890123\r\nB: 1234567890123\r\n"
        expect(wide)
        expect(.headTooLong, wide + "C: 1234567")
        let nearly = start + "A: 123456789012345\r\nB: 1234567890123"
        expect(nearly + "\r\n\r\n")
        expect(.headTooLong, nearly + "4\r\n\r\n")
    }

    private func get(_ lines: String...) throws -> RequestHead {
        let text = "GET / HTTP/1.1\r\nHost: a\r\n" + lines.joined(separator: "\r\n") + "\r\n\r\n"
        return try #require(try read(Array(text.utf8))).head
    }
}

private func read(_ bytes: some Collection<UInt8>) throws -> (head: RequestHead, consumed: Int)? {
    try HeadReader().read(Array(bytes).span)
}
