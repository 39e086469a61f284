// What an operator writes for machines, and what proxies write for clients.

import Testing

@testable import Loop

@Suite("Addresses as text")
struct AddressRangeTests {
    @Test("a range has its own addresses and no others")
    func ranges() throws {
        let table: [(range: String, inside: [String], outside: [String])] = [
            (
                "10.0.0.0/8", ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3"],
                ["11.0.0.0", "::a00:1"]
            ),
            ("192.0.2.7", ["192.0.2.7", "192.0.2.7:443"], ["192.0.2.6", "192.0.2.8"]),
            ("192.0.2.6/31", ["192.0.2.6", "192.0.2.7"], ["192.0.2.5", "192.0.2.8"]),
            ("0.0.0.0/0", ["0.0.0.0", "255.255.255.255"], ["::1", "::"]),
            ("::ffff:10.0.0.0/104", ["10.9.9.9"], ["11.0.0.0", "::1"]),
            ("::1", ["::1", "[::1]:80"], ["::2", "127.0.0.1"]),
            ("fd00::/8", ["fd12:3456::1", "fdff::"], ["fc00::", "fe00::"]),
            ("2001:db8::/127", ["2001:db8::1"], ["2001:db8::2"]),
            ("::/0", ["::", "ffff::1"], ["1.2.3.4"]),
        ]
        for row in table {
            let range = try AddressRange(parsing: row.range)
            for text in row.inside {
                #expect(
                    range.contains(try #require(PeerAddress(parsing: text))), "\(row.range) \(text)"
                )
            }
            for text in row.outside {
                #expect(
                    !range.contains(try #require(PeerAddress(parsing: text))),
                    "\(row.range) \(text)")
            }
            #expect(!range.contains(.unix))
        }
    }

    @Test("what is no range is refused, each for its reason")
    func badRanges() {
        let table: [(String, AddressRangeFault)] = [
            ("", .notAnAddress), ("localhost", .notAnAddress), ("10.0.0", .notAnAddress),
            ("10.0.0.256", .notAnAddress), ("010.0.0.1", .notAnAddress),
            ("10.0.0.1:80", .notAnAddress),
            ("[::1]", .notAnAddress), ("fe80::1%eth0", .notAnAddress),
            ("10.0.0.0/8/8", .notAnAddress),
            ("/8", .notAnAddress), ("10.0.0.0/", .badPrefix), ("10.0.0.0/33", .badPrefix),
            ("10.0.0.0/-1", .badPrefix), ("10.0.0.0/+8", .badPrefix), ("10.0.0.0/8 ", .badPrefix),
            ("10.0.0.0/٨", .badPrefix), ("::/129", .badPrefix), ("::ffff:0.0.0.0/95", .badPrefix),
            ("10.0.0.0/99999999999999999999", .badPrefix), ("10.0.0.1/8", .bitsBelowPrefix),
            ("10.0.0.1/0", .bitsBelowPrefix), ("fd00::1/64", .bitsBelowPrefix),
        ]
        for (text, fault) in table {
            #expect(throws: fault, "\(text)") { try AddressRange(parsing: text) }
        }
    }

    @Test("an address is read with or without port and brackets, and nothing else is one")
    func addresses() {
        let table: [(text: String, shown: String?)] = [
            ("192.0.2.1", "192.0.2.1"), ("192.0.2.1:443", "192.0.2.1:443"), ("::1", "::1"),
            ("[::1]", "::1"), ("[2001:DB8::1]:8443", "[2001:db8::1]:8443"),
            ("192.0.2.1:0", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"), ("[::ffff:192.0.2.1]:7", "192.0.2.1:7"),
            ("", nil), ("unknown", nil), ("_hidden", nil), ("192.0.2.1:", nil),
            ("192.0.2.1:65536", nil),
            ("192.0.2.1:8x", nil), ("[192.0.2.1]", nil), ("[::1", nil), ("::1]", nil),
            ("[::1]8", nil),
            ("[::1]:", nil), ("[]", nil), (" 192.0.2.1", nil), ("\"192.0.2.1\"", nil),
            ("1.2.3.4.5", nil),
            ("192.0.2.1\0", nil), ("::1\0", nil), ("١.٢.٣.٤", nil), ("0x7f.1", nil),
            ("2130706433", nil),
            (String(repeating: ":", count: 10_000), nil),
            (String(repeating: "1", count: 10_000), nil),
        ]
        for row in table {
            #expect(
                PeerAddress(parsing: row.text)?.description == row.shown, "\(row.text.prefix(50))")
        }
    }

    @Test("limits count an IPv4 address, and a /64 of IPv6, as one")
    func networks() throws {
        func network(_ text: String) throws -> PeerAddress {
            try #require(PeerAddress(parsing: text)).network
        }
        #expect(try network("192.0.2.1:1") == network("::ffff:192.0.2.1"))
        #expect(try network("192.0.2.1") != network("192.0.2.2"))
        #expect(try network("[2001:db8:1:2::1]:5") == network("2001:db8:1:2:ffff:ffff:ffff:ffff"))
        #expect(try network("2001:db8:1:2::1") != network("2001:db8:1:3::1"))
        #expect(PeerAddress.unix.network == .unix)
        #expect(try network("::1") != network("0.0.0.0") && network("::1") != .unix)
    }
}
