import Testing

@testable import Command

@Suite("Text of workers in a terminal")
struct PrintableTextTests {
    private let escape = "\u{1B}"

    @Test("keeps colours and weights, and ends them with the line")
    func colours() {
        #expect(
            PrintableText.line("\(escape)[31mred", colours: true) == "\(escape)[31mred\(escape)[0m")
        #expect(
            PrintableText.line("\(escape)[1;38;5;208mo\(escape)[48;2;1;2;3mp", colours: true)
                == "\(escape)[1;38;5;208mo\(escape)[48;2;1;2;3mp\(escape)[0m")
        #expect(
            PrintableText.line("\(escape)[mplain", colours: true) == "\(escape)[0mplain\(escape)[0m"
        )
    }

    @Test(
        "drops whatever else a terminal would obey",
        arguments: [
            "\u{1B}[2J", "\u{1B}[1;1H", "\u{1B}[?1049h", "\u{1B}]0;title\u{07}",
            "\u{1B}]52;c;cm0K\u{1B}\\",
            "\u{1B}P1$r0m\u{1B}\\", "\u{1B}c", "\u{1B}(0", "\u{1B}#8", "\u{9B}31;1H",
            "\u{9D}0;t\u{9C}",
            "\u{1B}[5m", "\u{1B}[8m", "\u{1B}[6n", "\u{1B}[38;5m", "\u{1B}[38;9;1m",
            "\u{1B}[999999999999999999999m",
            "\u{1B}[>4;2m", "\u{1B}[4:3m", "\u{07}", "\u{08}", "\u{00}", "\u{7F}", "\u{0B}",
            "\u{85}", "\u{202E}", "\u{2066}",
            "\u{1B}_x\u{1B}\\", "\u{1B}^x\u{07}", "\u{1B}Xx\u{9C}",
        ])
    func escapes(_ hostile: String) {
        #expect(PrintableText.line("a\(hostile)b", colours: true) == "ab")
    }

    @Test(
        "an escape that never ends takes its line and no more",
        arguments: ["\u{1B}", "\u{1B}[", "\u{1B}[31", "\u{1B}]0;x"])
    func unfinished(_ hostile: String) {
        #expect(PrintableText.lines("a\(hostile)\nb", colours: true) == ["a", "b"])
    }

    /// Every text of up to four of the dangerous characters, around and between ordinary ones.
    @Test("no text whatever gets an escape through that is not a colour")
    func everything() {
        let parts = [
            "\u{1B}", "[", "]", "m", "31", ";", "\u{9B}", "\u{07}", "\\", "x", "38", "\r", "5",
        ]
        for a in parts {
            for b in parts {
                for c in parts {
                    for d in parts {
                        let shown = PrintableText.line(a + b + c + d, colours: true)
                        let rest = shown.replacing(/\u{1B}\[[0-9;]*m/, with: "")
                        if rest.unicodeScalars.contains(where: {
                            $0.value < 0x20 || 0x7F...0x9F ~= $0.value
                        }) {
                            Issue.record(
                                "\((a + b + c + d).debugDescription) → \(shown.debugDescription)")
                        }
                    }
                }
            }
        }
    }

    @Test("without colours there is no escape at all")
    func plain() {
        #expect(PrintableText.plain("\(escape)[31mred\(escape)[0m") == "red")
        #expect(PrintableText.plain("a\tb") == "a    b")
        #expect(PrintableText.plain("Grüße 🚀 日本") == "Grüße 🚀 日本")
    }

    @Test("JSON stays the same JSON and is harmless")
    func json() {
        let bytes = Array("{\"a\":\"x\u{9B}31m\u{7F}\u{202E}é\",\n\"b\":1}".utf8)
        #expect(PrintableText.json(bytes) == #"{"a":"x\u009b31m\u007f\u202eé", "b":1}"#)
    }
}
