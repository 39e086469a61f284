// The names that come in from outside: job ids, epochs, cursors, and what is refused of each.

import Jobs
import Support
import Testing

@Suite("Job ids and cursors")
struct NamesTests {
    @Test(
        "takes any printable ASCII that is safe in a pattern and a path",
        arguments: [
            "1", "similarity-ABC123", "a.b", "...", ".a", "a..", "x:y", "50%",
            "<>&'#!$^`~|;,=+@_()",
            String(repeating: "x", count: 128),
        ])
    func ids(text: String) throws {
        #expect(try JobID(checking: text).text == text)
    }

    @Test(
        "names the rule a job id breaks",
        arguments: [
            ("", .empty), (String(repeating: "x", count: 129), .tooLong), (".", .dots),
            ("..", .dots), ("a b", .space), (" ", .space), ("a\n", .control), ("a\u{7F}", .control),
            ("\0", .control), ("é", .notASCII), ("日", .notASCII),
        ] as [(String, JobIDFault)])
    func badIDs(text: String, fault: JobIDFault) {
        #expect(throws: fault) { try JobID(checking: text) }
        #expect(!fault.message.isEmpty)
    }

    @Test("accepts or refuses each of the 256 bytes as the contract says")
    func everyByte() {
        for byte in UInt8.min...UInt8.max {
            let bytes = [UInt8(ascii: "a"), byte]
            let isFine = (0x21...0x7E).contains(byte) && !Array("/*?[]{}\\\"".utf8).contains(byte)
            let id = try? JobID(checking: bytes.span)
            #expect((id != nil) == isFine, "byte \(byte)")
        }
    }

    @Test("an epoch is 8 to 16 letters and digits, and a made one differs from the last")
    func epochs() {
        var random = Dice(seed: 7)
        var seen: Set<Epoch> = []
        for _ in 0..<1_000 {
            let epoch = Epoch.random(using: &random)
            #expect(Epoch(checking: epoch.text) == epoch)
            #expect(seen.insert(epoch).inserted)
        }
        for bad in ["", "abcdefg", "abcdefghijklmnopq", "abcd-fgh", "abcdefg:", "abcdefgé"] {
            #expect(Epoch(checking: bad) == nil, "\(bad)")
        }
    }

    @Test("reads back the cursor it printed", arguments: [0, 1, 42, UInt64.max])
    func cursors(seq: UInt64) throws {
        let epoch = Epoch(checking: "AZaz0199")
        for cursor in [Cursor(epoch: epoch, seq: seq), Cursor(epoch: nil, seq: seq)] {
            #expect(try Cursor(checking: cursor.description) == cursor)
        }
        #expect(Cursor(epoch: epoch, seq: 42).description == "AZaz0199:42")
    }

    @Test(
        "names what is wrong with a cursor",
        arguments: [
            ("", .empty), ("abc", .badSeq), ("-1", .badSeq), ("+1", .badSeq), ("1.5", .badSeq),
            (" 1", .badSeq), ("٣", .badSeq), ("abcdefgh:", .badSeq), (":5", .badEpoch),
            ("short:5", .badEpoch), ("abcdefgh:1:2", .badEpoch),
            ("18446744073709551616", .seqTooLarge),
            ("abcdefgh:99999999999999999999999", .seqTooLarge),
        ] as [(String, CursorFault)])
    func badCursors(text: String, fault: CursorFault) {
        #expect(throws: fault) { try Cursor(checking: text) }
        #expect(!fault.message.isEmpty)
    }

    @Test("gap reasons are the words of the contract")
    func reasons() {
        #expect(
            GapReason.allCases.map(\.rawValue) == [
                "trimmed", "replay_limit", "epoch_changed", "slow_consumer", "conflated",
                "unrecorded",
            ])
    }
}
