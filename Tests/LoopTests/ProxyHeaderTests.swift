// The PROXY protocol: headers whole, cut at every byte, and wrong ones.

import CLinux
import Testing

@testable import Loop

@Suite("PROXY protocol")
struct ProxyHeaderTests {
    static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]

    static func binary(
        _ versionAndCommand: UInt8 = 0x21, _ family: UInt8 = 0x11, length: Int? = nil, rest: [UInt8]
    ) -> [UInt8] {
        let length = length ?? rest.count
        return signature + [versionAndCommand, family, UInt8(length >> 8), UInt8(length & 255)]
            + rest
    }

    static let v4: [UInt8] = [192, 0, 2, 1, 127, 0, 0, 1, 0xDC, 0x04, 0x01, 0xBB]
    static let v6: [UInt8] =
        [0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1]
        + [UInt8](repeating: 0, count: 15) + [1] + [0xDC, 0x04, 0x01, 0xBB]
    /// TLVs: an unknown one, and one whose length lies; they are not looked at.
    static let extensions: [UInt8] = [0xE0, 0, 2, 1, 2, 0x04, 0xFF, 0xFF]

    static let good: [(bytes: [UInt8], client: String?)] = [
        (Array("PROXY TCP4 192.0.2.1 127.0.0.1 56324 443\r\n".utf8), "192.0.2.1:56324"),
        (
            Array("PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n".utf8),
            "255.255.255.255:65535"
        ),
        (Array("PROXY TCP6 2001:db8::1 ::1 56324 443\r\n".utf8), "[2001:db8::1]:56324"),
        (Array("PROXY TCP6 ::ffff:192.0.2.1 ::1 0 0\r\n".utf8), "192.0.2.1"),
        (Array("PROXY UNKNOWN\r\n".utf8), nil),
        (Array("PROXY UNKNOWN ffff:f...f:ffff whatever 65535\r\n".utf8), nil),
        (binary(rest: v4), "192.0.2.1:56324"), (binary(rest: v4 + extensions), "192.0.2.1:56324"),
        (binary(0x21, 0x21, rest: v6), "[2001:db8::1]:56324"),
        (binary(0x21, 0x21, rest: v6 + extensions), "[2001:db8::1]:56324"),
        (binary(0x20, 0x00, rest: []), nil), (binary(0x20, 0x11, rest: v4), nil),
        (binary(0x20, 0xFF, rest: [1, 2, 3]), nil),
        (binary(0x21, 0x00, rest: []), nil), (binary(0x21, 0x00, rest: extensions), nil),
        (binary(0x21, 0x31, rest: [UInt8](repeating: 7, count: 216)), nil),
    ]

    @Test("a header names the client, and every part of one is waited with")
    func good() throws {
        for (bytes, client) in Self.good {
            for cut in 0..<bytes.count {
                #expect(try read(bytes[..<cut]) == nil, "\(bytes) \(cut)")
            }
            // What follows is not part of it.
            for following in [[], Array("GET / HTTP/1.1\r\n".utf8), Self.signature] {
                let header = try read((bytes + following))
                #expect(header?.length == bytes.count && header?.client?.description == client)
            }
        }
    }

    @Test("what is no header is refused for its reason, and no part of it is taken for one")
    func bad() {
        let line = { (text: String) in Array(text.utf8) }
        let table: [([UInt8], ProxyHeaderFault)] = [
            (line("GET / HTTP/1.1\r\n"), .missing), (line("PROXY\r\n"), .missing),
            (line("proxy TCP4"), .missing),
            ([0x16, 3, 1, 2, 0], .missing), (line("PROXY\tTCP4"), .missing), ([0], .missing),
            (line("PROXY TCP5 1.2.3.4 1.2.3.4 1 1\r\n"), .badFamily),
            (line("PROXY \r\n"), .badFamily),
            (line("PROXY UNKNOWNS\r\n"), .badFamily),
            (line("PROXY tcp4 1.2.3.4 1.2.3.4 1 1\r\n"), .badFamily),
            (line("PROXY TCP4\r\n"), .badLine),
            (line("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n"), .badLine),
            (line("PROXY TCP4 1.2.3.4 1.2.3.4 1 1 1\r\n"), .badLine),
            (line("PROXY TCP4  1.2.3.4 1.2.3.4 1 1\r\n"), .badLine),
            (line("PROXY TCP4 1.2.3.4 1.2.3.4 1 1 \r\n"), .badLine),
            (line("PROXY TCP4 1.2.3.4 1.2.3.4 1 1\n"), .badLine),
            (line("PROXY TCP4 1.2.3.4\r1"), .badLine),
            (line("PROXY UNKNOWN\0\r\n"), .badLine),
            (line("PROXY TCP4 ١.2.3.4 1.2.3.4 1 1\r\n"), .badLine),
            (line("PROXY TCP4 1.2.3 1.2.3.4 1 1\r\n"), .badAddress),
            (line("PROXY TCP4 ::1 ::1 1 1\r\n"), .badAddress),
            (line("PROXY TCP6 1.2.3.4 1.2.3.4 1 1\r\n"), .badAddress),
            (line("PROXY TCP6 ::1 g::1 1 1\r\n"), .badAddress),
            (line("PROXY TCP4 1.2.3.4 1.2.3.4 65536 1\r\n"), .badPort),
            (line("PROXY TCP4 1.2.3.4 1.2.3.4 1 -1\r\n"), .badPort),
            (line("PROXY TCP4 1.2.3.4 1.2.3.4 01 1\r\n"), .badPort),
            (line("PROXY TCP4 1.2.3.4 1.2.3.4 +1 1\r\n"), .badPort),
            (line("PROXY TCP4 1.2.3.4 1.2.3.4  1\r\n"), .badPort),
            (line("PROXY UNKNOWN " + String(repeating: "x", count: 92) + "\r\n"), .tooLong),
            (line("PROXY " + String(repeating: "x", count: 200)), .tooLong),
            (Self.binary(0x11, rest: Self.v4), .badVersion),
            (Self.binary(0x31, rest: Self.v4), .badVersion),
            (Self.binary(0x22, rest: Self.v4), .badCommand),
            (Self.binary(0x2F, rest: Self.v4), .badCommand),
            (Self.binary(0x21, 0x12, rest: Self.v4), .badFamily),
            (Self.binary(0x21, 0x22, rest: Self.v6), .badFamily),
            (Self.binary(0x21, 0x41, rest: Self.v4), .badFamily),
            (Self.binary(0x21, 0x10, rest: Self.v4), .badFamily),
            (Self.binary(rest: Array(Self.v4.dropLast())), .badLength),
            (Self.binary(rest: []), .badLength),
            (Self.binary(0x21, 0x21, rest: Self.v4), .badLength),
            (Self.binary(length: 65_535, rest: Self.v4), .tooLong),
            (Self.binary(0x20, 0x00, length: ProxyHeader.bytesMax - 15, rest: []), .tooLong),
        ]
        for (bytes, fault) in table {
            #expect(throws: fault, "\(String(decoding: bytes, as: UTF8.self))") { try read(bytes) }
            for cut in 0..<bytes.count {
                #expect((try? read(bytes[..<cut])) ?? nil == nil)
            }
        }
    }

    @Test("a header of the greatest length is read, whatever fills it")
    func longest() throws {
        let rest =
            Self.v4 + [UInt8](repeating: 0xAB, count: ProxyHeader.bytesMax - 16 - Self.v4.count)
        #expect(try read(Self.binary(rest: rest))?.length == ProxyHeader.bytesMax)
        let line = Array(("PROXY UNKNOWN " + String(repeating: "x", count: 91) + "\r\n").utf8)
        #expect(try read(line)?.length == ProxyHeader.lineBytesMax)
    }

    @Test("a stream opens behind its header, wherever that is cut, and is then the client's")
    func everyCut() throws {
        let request = Array("GET / HTTP/1.1\r\n\r\n".utf8)
        for (header, client) in Self.good {
            let all = header + request
            for cut in 1..<all.count {
                let loop = try Loop()
                let (first, second) = try Descriptor.socketPair()
                let writer = Descriptor(owning: second)
                let stream = try Stream.accepted(first, from: .unix, on: loop, tls: nil)
                let owner = Actor()
                owner.onBytes = { [unowned owner] _, _ in
                    if owner.bytes.count == request.count { loop.stop() }
                }
                stream.awaitIntroduction()
                stream.setOwner(owner)
                writer.put(all[..<cut])
                stream.opens()
                let rest = all[cut...]
                _ = loop.arm(Alarm { [raw = writer.raw] _ in put(rest, raw) }, after: .zero)
                loop.runInTime()
                #expect(owner.bytes == request && owner.opened == 1, "\(header) \(cut)")
                #expect(stream.peer.description == client ?? "unix")
            }
        }
    }

    @Test("a stream without a header, or with half of one, never opens")
    func neverOpens() throws {
        for (bytes, end) in [
            (Array("GET / HTTP/1.1\r\n".utf8), StreamEnd.badIntroduction(.missing)),
            ([], .closedByPeer),
            (Array("PROXY TCP4 1.2.3.4".utf8), .closedByPeer),
            (Self.binary(length: 9_999, rest: []), .badIntroduction(.tooLong)),
        ] {
            let loop = try Loop()
            let (first, second) = try Descriptor.socketPair()
            let stream = try Stream.accepted(first, from: .unix, on: loop, tls: nil)
            let owner = Actor()
            owner.onEnd = { _, _ in loop.stop() }
            stream.awaitIntroduction()
            stream.setOwner(owner)
            stream.opens()
            do {
                let writer = Descriptor(owning: second)
                writer.put(bytes[...])
            }
            loop.runInTime()
            #expect(owner.ends == [end] && owner.opened == 0 && owner.bytes.isEmpty)
        }
    }
}

private func read(_ bytes: some Sequence<UInt8>) throws -> ProxyHeader? {
    try ProxyHeader.read(Array(bytes).span)
}

extension Descriptor {
    fileprivate func put(_ bytes: ArraySlice<UInt8>) { LoopTests.put(bytes, raw) }
}

/// A socket's buffer takes so little at once.
private func put(_ bytes: ArraySlice<UInt8>, _ raw: Int32) {
    guard !bytes.isEmpty else { return }
    let count = unsafe bytes.withUnsafeBytes { unsafe linux_send(raw, $0.baseAddress, $0.count) }
    #expect(count == bytes.count)
}
