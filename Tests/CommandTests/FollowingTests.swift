// What tail does on the wire: the handshake, frames both ways, and what it makes of an end.

import Bytes
import Jobs
import Testing

@testable import Command

@Suite("Following over the wire")
struct FollowingTests {
    private let key = [UInt8](repeating: 7, count: 16)

    private func handshake(_ url: String = "http://127.0.0.1:8080", job: String = "a%b") throws
        -> Handshake
    {
        let target = try TailTarget(url, job: JobID(checking: job))
        return Handshake(target, query: [("after", "abcdefgh:4")], token: "t.o.k", key: key)
    }

    private let accepted =
        "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept:  TUyHn+vWbaCxyrhRHf2TGUgcTjc= \r\n\r\n"

    @Test("asks for the job, resumes and shows its token in a header only")
    func request() throws {
        let text = String(decoding: try handshake("https://x.example/live/").request, as: UTF8.self)
        #expect(
            text.hasPrefix(
                "GET /live/api/v1/ws/jobs/a%25b/updates?after=abcdefgh%3A4 HTTP/1.1\r\nHost: x.example\r\n"
            ))
        #expect(text.contains("\r\nAuthorization: Bearer t.o.k\r\n"))
        #expect(text.hasSuffix("\r\n\r\n"))
    }

    @Test("an answer cut anywhere is waited for, and frames behind it are left alone")
    func cuts() throws {
        let handshake = try handshake()
        let expected = handshakeAccept(handshake)
        let bytes = Array("HTTP/1.1 101 Go\r\nsec-websocket-ACCEPT: \(expected)\r\n\r\n".utf8)
        for count in bytes.indices { #expect(handshake.read(Array(bytes[..<count]).span) == .more) }
        #expect(handshake.read((bytes + [0x81, 0x00]).span) == .open(bytes.count))
    }

    @Test("an answer that is not Jobwire's is told for what it is")
    func strange() throws {
        let handshake = try handshake()
        func read(_ text: String) -> Handshake.Answer {
            handshake.read(Array(text.utf8).span)
        }
        #expect(read("SSH-2.0-x\r\n\r\n") == .strange("it does not speak HTTP"))
        #expect(
            read("HTTP/1.1 101 Go\r\n\r\n") == .strange("its answer does not match our request"))
        #expect(
            read(accepted.replacing("TUy", with: "AAA"))
                == .strange("its answer does not match our request"))
        #expect(
            read(String(repeating: "a", count: Handshake.headBytesMax + 1))
                == .strange("its answer has no end"))
        #expect(
            read("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno")
                == .refused(status: 403, body: "no"))
        #expect(read("HTTP/1.1 403 No\r\nContent-Length: 3\r\n\r\nno") == .more)
        #expect(
            read("HTTP/1.1 500 No\r\n\r\nwhy") == .refused(status: 500, body: "why")
        )
    }

    private func handshakeAccept(_ handshake: Handshake) -> String {
        Mirror(reflecting: handshake).descendant("accept") as? String ?? ""
    }

    @Test("what we send is masked and comes out the same", arguments: [0, 1, 125, 126, 5_000])
    func masking(_ count: Int) {
        let text = String(repeating: "x", count: count)
        let frame = MaskedFrame.text(text).encoded(maskingKey: 0x1234_5678)
        let bytes = (0..<frame.count).map { frame.span[$0] }
        let head = count < 126 ? 2 : 4
        #expect(bytes[0] == 0x81)
        #expect(bytes[1] == 0x80 | (count < 126 ? UInt8(count) : 126))
        let key = bytes[head..<head + 4]
        #expect(Array(key) == [0x12, 0x34, 0x56, 0x78])
        let payload = bytes[(head + 4)...].enumerated().map { $1 ^ key[head + ($0 & 3)] }
        #expect(String(decoding: payload, as: UTF8.self) == text)
    }

    private func frames(_ bytes: [UInt8], max: Int = 1_000) throws -> [ServerFrame] {
        var reader = ServerFrameReader(messageBytesMax: max)
        var (found, consumed): ([ServerFrame], Int) = ([], 0)
        while true {
            let before = consumed
            if let frame = try reader.next(in: bytes.span, consumed: &consumed) {
                found.append(frame)
            }
            if consumed == before { return found }
        }
    }

    @Test("frames arrive whole however they are cut")
    func serverFrames() throws {
        let long = [UInt8](repeating: 9, count: 300)
        let bytes: [UInt8] =
            [0x81, 2, 104, 105] + [0x01, 1, 97] + [0x89, 1, 1] + [0x80, 1, 98]
            + [0x82, 126, 1, 44] + long + [0x8A, 0] + [0x88, 5, 0x11, 0x31, 110, 111, 33] + [
                0x88, 0,
            ]
        let expected: [ServerFrame] = [
            .text([104, 105]), .ping([1]), .text([97, 98]), .binary(long), .pong,
            .close(4401, reason: "no!"), .close(nil, reason: ""),
        ]
        #expect(try frames(bytes) == expected)
        for cut in bytes.indices {
            var reader = ServerFrameReader(messageBytesMax: 1_000)
            var found: [ServerFrame] = []
            var kept: [UInt8] = []
            for piece in [bytes[..<cut], bytes[cut...]] {
                kept += piece
                var consumed = 0
                while true {
                    let before = consumed
                    if let frame = try reader.next(in: kept.span, consumed: &consumed) {
                        found.append(frame)
                    }
                    if consumed == before { break }
                }
                kept.removeFirst(consumed)
            }
            #expect(found == expected, "cut at \(cut)")
        }
    }

    @Test(
        "a server that breaks the rules is found out at the header",
        arguments: [
            ([0xC1, 0], ServerFault.reservedBitSet), ([0x83, 0], .unknownOpcode),
            ([0x81, 0x80], .masked),
            ([0x09, 0], .controlFragmented), ([0x89, 126], .controlTooLong),
            ([0x80, 0], .continuationWithoutStart),
            ([0x01, 0, 0x81, 0], .startInsideMessage), ([0x81, 126, 3, 233], .messageTooLong),
            ([0x81, 127, 255, 255, 255, 255, 255, 255, 255, 255], .messageTooLong),
            ([0x88, 1, 0], .closeMalformed),
            ([0x88, 3, 3, 232, 255], .closeMalformed),
        ] as [([UInt8], ServerFault)])
    func faults(_ bytes: [UInt8], _ fault: ServerFault) {
        #expect(throws: fault) { try frames(bytes) }
    }

    @Test("fragments add up to the limit and no further")
    func fragments() throws {
        let half = [UInt8](repeating: 1, count: 100)
        #expect(try frames([0x02, 100] + half + [0x80, 100] + half, max: 200).count == 1)
        #expect(throws: ServerFault.messageTooLong) {
            try frames([0x02, 100] + half + [0x80, 101], max: 200)
        }
    }

    @Test("pauses grow, are random from nothing on, and have an end")
    func pauses() {
        #expect(Retry.pause(afterFailures: 0, chance: 1) == .milliseconds(500))
        #expect(Retry.pause(afterFailures: 3, chance: 1) == .seconds(4))
        #expect(Retry.pause(afterFailures: 3, chance: 0) == .zero)
        for failures in [6, 20, 64, .max, -1] {
            #expect(Retry.pause(afterFailures: failures, chance: 1) <= Retry.cap)
        }
        #expect(Retry.pause(afterFailures: .max, chance: 1) == Retry.cap)
    }

    @Test(
        "final close codes are final, the others are not",
        arguments: [
            (4400, ExitCode.usage), (4401, .refused), (4403, .refused), (4404, .failed),
            (4499, .refused),
            (4408, nil), (4429, nil), (1000, nil), (1001, nil), (1006, nil), (1012, nil),
            (1013, nil), (nil, nil),
        ] as [(UInt16?, ExitCode?)])
    func closes(_ code: UInt16?, _ exit: ExitCode?) {
        switch Retry.advice(closeCode: code, reason: "why\u{1B}[2J") {
        case .again: #expect(exit == nil)
        case .giveUp(let failure):
            #expect(failure.code == exit)
            #expect(failure.reason.hasSuffix("(why)"))
        }
    }

    @Test(
        "a URL is read the way people write it",
        arguments: [
            ("http://h", "h", 80, false, ""), ("https://h/", "h", 443, true, ""),
            ("ws://h:1/a/b//", "h", 1, false, "/a/b"),
            ("WSS://[::1]:9", "::1", 9, true, ""), ("http://[::1]", "::1", 80, false, ""),
            ("http://h:80/#t?x", "h", 80, false, ""),
        ])
    func urls(_ url: String, _ host: String, _ port: Int, _ tls: Bool, _ prefix: String) throws {
        let target = try TailTarget(url, job: JobID(checking: "j"))
        #expect((target.host, target.port) == (host, port))
        #expect((target.usesTLS, target.prefix) == (tls, prefix))
    }

    @Test(
        "a URL that could smuggle a header is refused",
        arguments: [
            "http://h\r\nX: y", "http://a b", "http://u:p@h", "http://h:0", "http://h:x", "h:80",
        ])
    func wrongURLs(_ url: String) throws {
        let job = try JobID(checking: "j")
        #expect(throws: Failure.self) { try TailTarget(url, job: job) }
    }
}
