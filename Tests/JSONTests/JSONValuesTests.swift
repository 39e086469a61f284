// Values are read exactly or not at all; what is written reads back as it was.

import JSON
import Testing

@Suite("JSON values")
struct JSONValuesTests {
    @Test(
        "undoes escapes; half a surrogate pair reads as U+FFFD",
        arguments: [
            ("\"\"", ""), ("\"a\"", "a"),
            ("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\u{8}\u{C}\n\r\t"),
            ("\"\\u0041\\u00E9\\u65e5\"", "Aé日"), ("\"\\ud83d\\ude00!\"", "😀!"),
            ("\"\\ud83d\"", "\u{FFFD}"), ("\"\\ude00x\"", "\u{FFFD}x"),
            ("\"\\ud83d\\ud83d\\ude00\"", "\u{FFFD}😀"), ("\"\\ud83dx\"", "\u{FFFD}x"),
            ("\"\\ud83d\\n\"", "\u{FFFD}\n"), ("\"\\u0000\"", "\0"), ("\"日本\"", "日本"),
        ])
    func strings(json: String, text: String) {
        let bytes = Array(json.utf8)
        let read = bytes.span.jsonString(0..<bytes.count)
        #expect(read == text)
    }

    @Test(
        "reads integers exactly, and refuses those that do not fit",
        arguments: [
            ("0", 0), ("-0", 0), ("7", 7), ("-12", -12),
            ("9007199254740993", 9_007_199_254_740_993),
            ("9223372036854775807", .max), ("-9223372036854775808", .min),
            ("9223372036854775808", nil), ("-9223372036854775809", nil),
            ("99999999999999999999", nil), ("1.0", nil), ("1e3", nil), ("\"1\"", nil), ("", nil),
            ("-", nil), ("true", nil),
        ] as [(String, Int64?)])
    func integers(json: String, value: Int64?) {
        let bytes = Array(json.utf8)
        let read = bytes.span.jsonInteger(0..<bytes.count)
        #expect(read == value)
    }

    @Test("reads unsigned integers up to the last")
    func unsigned() {
        for (json, value) in [("18446744073709551615", UInt64.max), ("18446744073709551616", nil)] {
            let bytes = Array(json.utf8)
            let read = bytes.span.jsonUnsigned(0..<bytes.count)
            #expect(read == value)
        }
    }

    @Test(
        "reads numbers to the nearest double",
        arguments: [
            ("45", 45), ("-2.5e3", -2500), ("0.1", 0.1), ("1e308", 1e308), ("1e999", nil),
            ("123456789012345678", 123_456_789_012_345_680), ("null", nil), ("\"1\"", nil),
        ] as [(String, Double?)])
    func doubles(json: String, value: Double?) {
        let bytes = Array(json.utf8)
        let read = bytes.span.jsonDouble(0..<bytes.count)
        #expect(read == value)
    }

    @Test("reads booleans, and nothing else as one")
    func booleans() {
        for (json, value) in [("true", true), ("false", false), ("null", nil), ("1", nil)] {
            let bytes = Array(json.utf8)
            let read = bytes.span.jsonBool(0..<bytes.count)
            #expect(read == value)
        }
    }

    @Test("a written string reads back as it was", arguments: 0...40)
    func writtenStrings(length: Int) throws {
        let alphabet = Array(0...0x7F) + [0xE9, 0x2028, 0x65E5, 0x1F600] as [UInt32]
        var text = ""
        for place in 0..<length * 4 {
            let scalar = Unicode.Scalar(alphabet[(place * 37 + length) % alphabet.count])
            text.unicodeScalars.append(try #require(scalar))
        }
        var writer = JSONWriter()
        writer.string(text)
        var outline = JSONOutline()
        try outline.read(writer.bytes.span)
        let read = writer.bytes.span.jsonString(outline.value)
        #expect(read == text)
    }

    @Test("puts the commas, and nothing but what was asked for")
    func writer() {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("a\n")
        writer.integer(-1)
        writer.key("b")
        writer.beginArray()
        writer.double(45)
        writer.double(0.5)
        writer.double(1e300)
        writer.double(.infinity)
        writer.beginArray()
        writer.endArray()
        writer.bool(true)
        writer.endArray()
        writer.key("c")
        writer.beginObject()
        writer.endObject()
        writer.key("d")
        writer.raw("[1]")
        writer.key("e")
        writer.null()
        writer.endObject()
        #expect(
            String(decoding: writer.bytes, as: UTF8.self)
                == #"{"a\n":-1,"b":[45,0.5,1e+300,null,[],true],"c":{},"d":[1],"e":null}"#)
    }
}
