// Names of bridges and connections, and the messages between bridges.

import Testing

@testable import Fleet

@Suite("Messages between bridges")
struct MessageTests {
    let me = NodeName.random()
    let other = NodeName.random()

    @Test("a bridge's name has eight letters or digits, and no two are alike")
    func names() {
        let names = (0..<1_000).map { _ in NodeName.random() }
        #expect(Set(names).count == 1_000)
        for name in names { #expect(NodeName(checking: name.text) == name) }
        for bad in ["", "abcdefg", "abcdefghi", "ABCDEFGH", "abc-efgh", "abcdefg ", "äbcdefg"] {
            #expect(NodeName(checking: bad) == nil, "\(bad)")
        }
    }

    @Test("a connection's id names its bridge")
    func connections() throws {
        let id = ConnectionID(node: me, serial: .max)
        #expect(ConnectionID(checking: id.description) == id)
        for bad in [
            "", "-", "\(me)", "\(me)-", "\(me)-x", "\(me)--1", "\(me)-01", "\(me)-+1", "\(me)-1-2",
        ] {
            #expect(ConnectionID(checking: bad) == nil, "\(bad)")
        }
    }

    @Test("a message reads back as it was written")
    func roundTrip() {
        for data in ["null", "{}", #"{"a":[1,"é\n"]}"#] {
            for role in [Envelope.Role.told, .asks(0), .asks(.max), .answers(7)] {
                for to in [nil, other] {
                    let envelope = Envelope(
                        from: me, to: to, FleetMessage("a_kind", bytes(data)), role: role)
                    #expect(Envelope(envelope.encoded.span) == envelope)
                }
            }
        }
    }

    @Test(
        "what no bridge wrote is no message",
        arguments: [
            "", "{}", "null", "[]", "PROBE", "{", #"{"from":"abcdefgh","kind":"a"}"#,
            #"{"from":"abcdefgh","data":1}"#, #"{"kind":"a","data":1}"#,
            #"{"from":"abc","kind":"a","data":1}"#, #"{"from":5,"kind":"a","data":1}"#,
            #"{"from":"abcdefgh","kind":"","data":1}"#, #"{"from":"abcdefgh","kind":"A","data":1}"#,
            #"{"from":"abcdefgh","kind":"\#(String(repeating: "a", count: 33))","data":1}"#,
            #"{"from":"abcdefgh","to":"x","kind":"a","data":1}"#,
            #"{"from":"abcdefgh","to":null,"kind":"a","data":1}"#,
            #"{"from":"abcdefgh","kind":"a","data":1}}"#,
            #"{"from":"abcdefgh","kind":"a","data":}"#,
            String(repeating: "[", count: 60_000), "\u{0}",
        ])
    func strange(_ text: String) { #expect(Envelope(bytes(text).span) == nil) }

    @Test("cut anywhere, a message is none")
    func cut() {
        let text = Envelope(from: me, to: other, FleetMessage("a"), role: .asks(5)).encoded
        for length in 0..<text.count { #expect(Envelope(text.span.extracting(..<length)) == nil) }
    }
}
