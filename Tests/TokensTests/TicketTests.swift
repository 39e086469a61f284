// What a ticket is: its text, the name it is kept under, and the seal around its token.

import Testing

@testable import Tokens

@Suite("Tickets")
struct TicketTests {
    @Test("a ticket is 43 letters, different each time, and comes back from its text")
    func text() throws {
        let texts = try (0..<100).map { _ in try Ticket().text }
        #expect(Set(texts).count == 100 && texts.allSatisfy { $0.utf8.count == 43 })
        for text in texts { #expect(Ticket(text)?.text == text) }
        let last = "\(String(repeating: "A", count: 42))"
        #expect(Ticket(last + "A") != nil)
        for bad in [
            "", "A", last, last + "B", last + "AA", last + "=", last + "A=", last + "+", last + "é",
            "A " + last, last + "A\n", String(repeating: "A", count: 10_000),
        ] { #expect(Ticket(bad) == nil, "\(bad.prefix(50))") }
    }

    @Test("its name is a hash, which does not open what is kept under it")
    func name() throws {
        // SHA-256 of 32 zeros, by sha256sum.
        let zeros = try #require(Ticket(String(repeating: "A", count: 43)))
        #expect(
            String(decoding: try zeros.name(), as: UTF8.self)
                == "ticket:Zmh6rfhivXdsj8GLjp-OIAiXFIVu4jOzkCpZHQ1fKSU")
        let ticket = try Ticket()
        let name = String(decoding: try ticket.name(), as: UTF8.self)
        let kept = try ticket.sealed("a.b.c", until: 5)
        let ofName = try #require(Ticket(String(name.dropFirst("ticket:".count))))
        #expect(try ofName.opened(kept) == nil)
    }

    @Test("what was sealed is opened by the ticket, whole, and by no other")
    func seal() throws {
        let ticket = try Ticket()
        for (token, end) in [
            ("", 0), ("a.b.c", 1_767_225_600_000), (String(repeating: "x", count: 65_536), .max),
        ] as [(String, Int64)] {
            let kept = try ticket.sealed(token, until: end)
            #expect(kept.count == 1 + 8 + token.utf8.count + 16 && kept.first == 1)
            let opened = try #require(try ticket.opened(kept))
            #expect(opened.token == token && opened.end == end)
            #expect(try Ticket().opened(kept) == nil)
            #expect(token.isEmpty || !contains(kept, Array(token.utf8.prefix(5))))
        }
    }

    @Test("a byte changed, missing or too many anywhere in what is kept makes it nothing")
    func tampered() throws {
        let ticket = try Ticket()
        let kept = try ticket.sealed("header.claims.signature", until: 1_767_225_600_000)
        for index in kept.indices {
            for bit in 0..<8 {
                var changed = kept
                changed[index] ^= 1 << bit
                #expect(try ticket.opened(changed) == nil, "bit \(bit) of byte \(index)")
            }
            #expect(try ticket.opened(Array(kept[..<index])) == nil)
            #expect(try ticket.opened(Array(kept[index...].dropFirst())) == nil)
        }
        #expect(try ticket.opened(kept + [0]) == nil && ticket.opened([]) == nil)
        #expect(try ticket.opened(kept) != nil)
    }

    private func contains(_ bytes: [UInt8], _ part: [UInt8]) -> Bool {
        bytes.indices.contains { bytes[$0...].starts(with: part) }
    }
}
