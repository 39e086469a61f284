// JSONOutline must accept what RFC 8259 accepts, name what it refuses and where, and say truly where the
// members lie. The first part leans on Python (conformance/json.json), the rest on tables and sweeps.

import JSON
import Testing

@Suite("JSONOutline")
struct JSONOutlineTests {
    @Test("agrees with Python on every text of conformance/json.json")
    func conformance() throws {
        let file = try conformanceFile("json.json")
        var outline = JSONOutline()
        try outline.read(file.span, levels: 2)
        var counts = [0, 0, 0]
        for (number, name) in ["valid", "invalid", "invalid_hex"].enumerated() {
            let index = outline.index(of: name, in: file.span)
            let list = try #require(index)
            for member in outline.members[(list + 1)...] {
                guard member.depth == 2 else { break }
                let written = file.span.jsonString(member.value)
                let text = try #require(written)
                let bytes = name == "invalid_hex" ? unhexed(text) : Array(text.utf8)
                #expect((fault(bytes) == nil) == (name == "valid"), "\(text)")
                counts[number] += 1
            }
        }
        #expect(counts.allSatisfy { $0 > 100 }, "\(counts)")
    }

    @Test(
        "names the broken rule and its byte",
        arguments: [
            ("", .endedEarly, 0), ("  ", .endedEarly, 2), ("{", .endedEarly, 1),
            ("{\"a\"", .endedEarly, 4), ("{\"a\":", .endedEarly, 5), ("{\"a\":1", .endedEarly, 6),
            ("{\"a\":1,", .endedEarly, 7), ("[1,", .endedEarly, 3), ("\"a", .endedEarly, 2),
            ("\"\\", .endedEarly, 2), ("\"\\u12", .endedEarly, 5), ("tru", .endedEarly, 3),
            ("-", .endedEarly, 1), ("1.", .endedEarly, 2), ("1e+", .endedEarly, 3),
            ("{a:1}", .unexpectedByte, 1), ("{\"a\" 1}", .unexpectedByte, 5),
            ("{\"a\":1,}", .unexpectedByte, 7), ("[1,]", .unexpectedByte, 3),
            ("[1 2]", .unexpectedByte, 3), ("'a'", .unexpectedByte, 0),
            ("NaN", .unexpectedByte, 0), ("[-Infinity]", .unexpectedByte, 1),
            ("1 2", .trailingBytes, 2), ("{}}", .trailingBytes, 2), ("01", .trailingBytes, 1),
            ("trux", .badLiteral, 0), ("nul]", .badLiteral, 0),
            ("-a", .badNumber, 1), ("1.x", .badNumber, 2), ("1ex", .badNumber, 2),
            ("\"\\x\"", .badEscape, 1), ("\"\\u12g4\"", .badEscape, 1),
            ("\"a\nb\"", .controlInString, 2), ("\"12345678\u{1}\"", .controlInString, 9),
        ] as [(String, JSONFault.Rule, Int)])
    func refusals(text: String, rule: JSONFault.Rule, offset: Int) {
        #expect(fault(Array(text.utf8)) == JSONFault(rule, at: offset))
    }

    @Test(
        "refuses bytes in a string that are not UTF-8, at the byte where they begin",
        arguments: [
            [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xC3, 0x28], [0xE0, 0x9F, 0xBF],
            [0xED, 0xA0, 0x80], [0xE2, 0x82], [0xF0, 0x8F, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80],
            [0xF5, 0x80, 0x80, 0x80], [0xFF],
        ] as [[UInt8]])
    func notUTF8(bytes: [UInt8]) {
        for padding in 0...9 {
            let text = [0x22] + Array(repeating: 0x61, count: padding) + bytes + [0x22]
            #expect(fault(text) == JSONFault(.notUTF8, at: 1 + padding))
        }
    }

    @Test("finds a string's end wherever it lies in a word", arguments: 0...24)
    func stringLengths(length: Int) throws {
        for special in ["", "\\\"", "\\\\", "é", "日", "😀", "\u{7F}"] {
            let inner = String(repeating: "x", count: length) + special + "yz"
            let text = Array("{\"k\":\"\(inner)\",\"n\":1}".utf8)
            var outline = JSONOutline()
            try outline.read(text.span)
            let (string, next) = (
                outline.member("k", in: text.span), outline.member("n", in: text.span)
            )
            #expect(string?.value.count == inner.utf8.count + 2)
            #expect(next?.kind == .number)
        }
    }

    @Test("nests 128 levels and not one more", arguments: [("[", "]"), ("{\"a\":", "}")])
    func nesting(open: String, close: String) {
        for (depth, isFine) in [(1, true), (127, true), (128, true), (129, false), (90_000, false)]
        {
            let inner = open == "[" ? "" : "1"
            let text =
                String(repeating: open, count: depth) + inner
                + String(repeating: close, count: depth)
            let found = fault(Array(text.utf8))
            #expect(found?.rule == (isFine ? nil : .nestedTooDeep), "depth \(depth)")
        }
    }

    @Test("refuses every beginning of an object")
    func cuts() throws {
        let whole = Array("{\"a\":[1,-2.5e3,\"x\\u00e9é\"],\"b\":{\"c\":null,\"d\":true}}".utf8)
        #expect(fault(whole) == nil)
        for count in 0..<whole.count {
            let rule = fault(Array(whole[..<count]))?.rule
            #expect(rule == .endedEarly || rule == .notUTF8, "cut at \(count)")
        }
    }

    @Test("says where members lie, two levels down, with the text's own spelling")
    func members() throws {
        let text = Array(
            " { \"a\" : 1.50 , \"data\":{\"b\":[ 1 ],\"c\":{\"d\":2}}, \"e\":\"x\" } ".utf8)
        var outline = JSONOutline()
        try outline.read(text.span, levels: 2)
        #expect(outline.kind == .object)
        let written = outline.members.map { member in
            "\(member.depth) \(text.span.jsonText(member.key)) \(slice(text, member.value))"
        }
        #expect(
            written == [
                "1 a 1.50", "1 data {\"b\":[ 1 ],\"c\":{\"d\":2}}", "2 b [ 1 ]", "2 c {\"d\":2}",
                "1 e \"x\"",
            ])
        #expect(slice(text, outline.value).first == "{")
        #expect(slice(text, outline.value).last == "}")
    }

    @Test("finds the last of several members of one name, whatever the spelling")
    func duplicates() throws {
        let text = Array(
            "{\"a\":1,\"\\u0061\":2,\"b\":{\"a\":3},\"b\":{\"a\":4,\"x\":{\"a\":5}}}".utf8)
        var outline = JSONOutline()
        try outline.read(text.span, levels: 2)
        let found = [
            outline.member("a", in: text.span), outline.member("b", "a", in: text.span),
            outline.member("b", "c", in: text.span), outline.member("A", in: text.span),
        ]
        #expect(found.map { $0.map { slice(text, $0.value) } } == ["2", "4", nil, nil])
    }

    @Test("gives the elements of an array, and the members of its objects")
    func elements() throws {
        let text = Array("[1,{\"id\":\"x\"},[2]]".utf8)
        var outline = JSONOutline()
        try outline.read(text.span, levels: 2)
        #expect(outline.members.filter { $0.depth == 1 }.map(\.kind) == [.number, .object, .array])
        #expect(outline.members.filter(\.isElement).count == 4)
        let id = outline.index(of: "id", in: text.span, inside: 1)
        #expect(id == 2)
    }

    @Test("notes NaN and the infinities only where they are allowed")
    func nonFinite() throws {
        let text = Array("{\"a\":NaN,\"b\":[-Infinity,Infinity,\"NaN\"]}".utf8)
        #expect(fault(text)?.rule == .unexpectedByte)
        var outline = JSONOutline()
        try outline.read(text.span, allowingNonFinite: true)
        #expect(
            outline.nonFinite.map { slice(text, $0) } == ["NaN", "-Infinity", "Infinity"])
        try outline.read(Array("1".utf8).span, allowingNonFinite: true)
        #expect(outline.nonFinite.isEmpty)
    }

    @Test("is empty after a fault")
    func emptyAfterFault() {
        var outline = JSONOutline()
        let text = Array("{\"a\":1,\"b\":x}".utf8)
        #expect(throws: JSONFault(.unexpectedByte, at: 11)) { try outline.read(text.span) }
        #expect(outline.members.isEmpty && outline.value.isEmpty)
    }

    private func fault(_ bytes: [UInt8]) -> JSONFault? {
        var outline = JSONOutline()
        do {
            try outline.read(bytes.span, levels: 2)
            return nil
        } catch {
            return error
        }
    }

    private func slice(_ text: [UInt8], _ range: Range<Int>) -> String {
        String(decoding: text[range], as: UTF8.self)
    }
}
