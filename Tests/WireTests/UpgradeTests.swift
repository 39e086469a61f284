// The handshake: RFC 6455's own example, each refusal by name, and what is agreed on compression.

import Testing
import Wire

private let good = [
    "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
]

@Suite("Upgrade")
struct UpgradeTests {
    @Test("answers the example of RFC 6455")
    func example() throws {
        let upgrade = try self.upgrade(good + ["Sec-WebSocket-Protocol: chat, superchat"])
        #expect(upgrade.offeredProtocols == ["chat", "superchat"])
        #expect(upgrade.deflate == nil)
        #expect(
            answer(upgrade, protocol: "chat")
                == """
                HTTP/1.1 101 Switching Protocols
                upgrade: websocket
                connection: upgrade
                sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
                sec-websocket-protocol: chat


                """.replacing("\n", with: "\r\n"))
    }

    @Test("is found in lists and in any case")
    func lists() throws {
        _ = try upgrade([
            "UPGRADE: h2c, WebSocket", "Connection: keep-alive", "Connection: x, UPGRADE", good[2],
            good[3],
        ])
    }

    @Test(
        "names what is wrong",
        arguments: [
            (.upgradeMissing, 426, [good[1], good[2], good[3]]),
            (.upgradeMissing, 426, ["Upgrade: websockets", good[1], good[2], good[3]]),
            (.connectionMissing, 400, [good[0], good[2], good[3]]),
            (.connectionMissing, 400, [good[0], "Connection: keep-alive", good[2], good[3]]),
            (.versionNotSupported, 426, [good[0], good[1], good[3]]),
            (.versionNotSupported, 426, [good[0], good[1], "Sec-WebSocket-Version: 8", good[3]]),
            (.versionNotSupported, 426, good + [good[2]]),
            (.keyMissing, 400, [good[0], good[1], good[2]]),
            (.keyMissing, 400, good + [good[3]]),
            (
                .keyMalformed, 400,
                [good[0], good[1], good[2], "Sec-WebSocket-Key: dGhlIHNhbXBsZQ=="]
            ),
            (
                .keyMalformed, 400,
                [good[0], good[1], good[2], "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=a"]
            ),
            (
                .keyMalformed, 400,
                [good[0], good[1], good[2], "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j!Q=="]
            ),
            (.bodyNotAllowed, 400, good + ["Content-Length: 1"]),
            (.bodyNotAllowed, 400, good + ["Transfer-Encoding: chunked"]),
            (.protocolsMalformed, 400, good + ["Sec-WebSocket-Protocol: a b"]),
            (.protocolsMalformed, 400, good + ["Sec-WebSocket-Protocol: a, b, a"]),
            (.protocolsMalformed, 400, good + (0...16).map { "Sec-WebSocket-Protocol: p\($0)" }),
        ] as [(UpgradeRefusal, Int, [String])])
    func refusal(expected: UpgradeRefusal, status: Int, lines: [String]) {
        #expect(throws: expected) { try upgrade(lines) }
        #expect(expected.response.status == status)
        let saysVersion = expected.response.headers.contains {
            $0 == ("sec-websocket-version", "13")
        }
        #expect(saysVersion == (status == 426))
    }

    @Test("may offer as many subprotocols as the limit says")
    func protocolsLimit() throws {
        let names = (0..<Upgrade.offeredProtocolsMax).map { "p\($0)" }
        let line = "Sec-WebSocket-Protocol: " + names.joined(separator: ",")
        #expect(try upgrade(good + [line]).offeredProtocols == names)
    }

    @Test("is a GET")
    func method() {
        #expect(throws: UpgradeRefusal.methodNotGet) { try upgrade(good, method: "POST") }
    }

    @Test(
        "agrees to the first offer of compression it can keep",
        arguments: [
            ("permessage-deflate", ""),
            ("permessage-deflate; client_max_window_bits", ""),
            ("Permessage-Deflate; client_max_window_bits=10; server_no_context_takeover", ""),
            ("permessage-deflate; server_max_window_bits=15", "; server_max_window_bits=11"),
            ("permessage-deflate; server_max_window_bits=\"11\"", "; server_max_window_bits=11"),
            ("permessage-deflate; server_max_window_bits=10", nil),
            ("permessage-deflate; server_max_window_bits=10, permessage-deflate", ""),
            ("permessage-deflate; server_max_window_bits", nil),
            ("permessage-deflate; server_max_window_bits=16", nil),
            ("permessage-deflate; server_max_window_bits=012", nil),
            ("permessage-deflate; client_max_window_bits=7", nil),
            ("permessage-deflate; client_max_window_bits=", nil),
            ("permessage-deflate; client_no_context_takeover=1", nil),
            ("permessage-deflate; client_no_context_takeover; client_no_context_takeover", nil),
            ("permessage-deflate; mystery", nil),
            ("permessage-deflate;", nil),
            ("x-webkit-deflate-frame", nil),
            ("", nil),
        ] as [(String, String?)])
    func deflate(offer: String, answered: String?) throws {
        let upgrade = try self.upgrade(good + ["Sec-WebSocket-Extensions: \(offer)"])
        let line = answer(upgrade).split(separator: "\r\n").first {
            $0.hasPrefix("sec-websocket-ext")
        }
        #expect((upgrade.deflate != nil) == (answered != nil))
        #expect(
            line.map(String.init)
                == answered.map {
                    "sec-websocket-extensions: permessage-deflate; "
                        + "server_no_context_takeover; client_no_context_takeover" + $0
                })
        #expect(!answer(upgrade, deflate: false).contains("extensions"))
    }

    private func upgrade(_ lines: [String], method: String = "GET") throws -> Upgrade {
        let text =
            ([method + " /chat HTTP/1.1", "Host: server.example.com"] + lines)
            .joined(separator: "\r\n") + "\r\n\r\n"
        let head = try #require(try HeadReader().read(Array(text.utf8).span)).head
        return try Upgrade(reading: head)
    }

    private func answer(
        _ upgrade: Upgrade, protocol chosen: String? = nil, deflate: Bool = true
    ) -> String {
        let bytes = upgrade.response(protocol: chosen, deflate: deflate)
        return String(decoding: Array(copying: bytes.span), as: UTF8.self)
    }
}
