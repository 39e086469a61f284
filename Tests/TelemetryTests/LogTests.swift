// The log has one job: one call, one line, that says only what we said.

import Foundation
import Synchronization
import Testing

@testable import Telemetry

@Suite("Log")
struct LogTests {
    @Test("the event comes first and then key=value")
    func text() {
        let page = Page()
        page.log(.text).info(
            "listening",
            [
                "address": "127.0.0.1:8080", "loops": 2, "tls": false,
                "took": .duration(.microseconds(1_500)),
            ])
        #expect(
            page.lines == [
                "2025-01-06T12:00:01.000Z info listening address=127.0.0.1:8080 loops=2 tls=false took=1.5"
            ])
    }

    @Test("the JSON form holds the same, typed")
    func json() throws {
        let page = Page()
        page.log(.json).warning(
            "odd \"event\"",
            ["text": "a\"b\\c\n\u{1B}é\u{202E}😀", "ratio": .number(0.5), "no": .number(.nan)])
        let object =
            try JSONSerialization.jsonObject(with: Data(page.lines[0].utf8)) as? [String: Any]
        let line = try #require(object)
        #expect(line["event"] as? String == "odd \"event\"")
        #expect(line["level"] as? String == "warning")
        #expect(line["time"] as? String == "2025-01-06T12:00:01.000Z")
        #expect(line["text"] as? String == "a\"b\\c\n\u{1B}é\u{202E}😀")
        #expect(line["ratio"] as? Double == 0.5)
        #expect(line["no"] is NSNull)
    }

    @Test("a level lets through what is as grave, and builds nothing of the rest")
    func levels() {
        for (index, level) in Log.Level.allCases.enumerated() {
            let page = Page()
            let log = page.log(.text, level)
            var built = 0
            func fields() -> Log.Fields {
                built += 1
                return ["n": 1]
            }
            log.error("e", fields())
            log.warning("w", fields())
            log.info("i", fields())
            log.debug("d", fields())
            log.trace("t", fields())
            #expect(page.lines.count == index + 1)
            #expect(built == index + 1)
        }
    }

    @Test("no value forges a line, a field or a colour", arguments: Log.Format.allCases)
    func forgery(format: Log.Format) throws {
        for code in UInt32(0)...0x2FFF {
            guard let scalar = Unicode.Scalar(code) else { continue }
            let page = Page()
            page.log(format).info("e", ["k": .text("a\(scalar)b=c level=error")])
            let line = try #require(page.lines.first)
            #expect(page.bytes.count { $0 == 10 } == 1 && page.bytes.last == 10, "\(code)")
            #expect(
                !line.unicodeScalars.contains { $0.properties.generalCategory == .control },
                "\(code)")
            if format == .text {
                #expect(
                    line.utf8.suffix(16).elementsEqual("b=c level=error\"".utf8)
                        && line.utf8.dropFirst(29).starts(with: " e k=\"a".utf8), "\(code)")
            } else {
                let object =
                    try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
                #expect(
                    (object?["k"] as? String)?.unicodeScalars.elementsEqual(
                        "a\(scalar)b=c level=error".unicodeScalars) == true, "\(code)")
            }
        }
        for hidden in [
            "\u{85}", "\u{9B}31m", "\u{2028}", "\u{202E}", "\u{200B}", "\u{FEFF}", "\u{1B}[31m",
        ] {
            let page = Page()
            page.log(format).info("e", ["k": .text(hidden)])
            #expect(page.lines[0].contains(#"\u"#))
        }
    }

    @Test("a line has a longest length, however much is said", arguments: Log.Format.allCases)
    func length(format: Log.Format) throws {
        let long = String(repeating: "\u{1}é\"", count: 100_000)
        let page = Page()
        page.log(format).info("e", ["a": .text(long), "b": .text(long), "c": .text(long), "d": 1])
        #expect(page.lines.count == 1)
        #expect(page.bytes.count <= Log.lineBytesMax)
        #expect(page.lines[0].contains("cut"))
        if format == .json { _ = try JSONSerialization.jsonObject(with: Data(page.bytes)) }
    }

    @Test(
        "each field that fits is whole, at every length around the limit",
        arguments: Log.Format.allCases)
    func lengths(format: Log.Format) throws {
        for count in 340...512 {
            let page = Page()
            let value = LogValue.text(String(repeating: "x", count: count))
            page.log(format).info(
                "e",
                [
                    "a": value, "b": value, "c": value, "d": value, "e": value, "f": value,
                    "g": value, "h": value, "i": value, "j": value, "k": value,
                ])
            #expect(page.bytes.count <= Log.lineBytesMax)
            if format == .json { _ = try JSONSerialization.jsonObject(with: Data(page.bytes)) }
        }
    }

    @Test(
        "dates are those of the calendar",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (951_868_799_999, "2000-02-29T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (1_735_689_599_999, "2024-12-31T23:59:59.999Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ] as [(Int64, String)])
    func dates(milliseconds: Int64, text: String) {
        #expect(timestamp(milliseconds: milliseconds) == text)
    }

    @Test("repeats of an event are counted and told when the second is over")
    func throttle() {
        let page = Page()
        let throttle = LogThrottle(page.log(.text), perSecondMax: 2)
        for at in [0, 1, 2, 3, 999] {
            throttle.line(.info, "refused", at: Int64(at), ["n": .integer(at)])
        }
        throttle.line(.info, "closed", at: 999)
        throttle.line(.info, "refused", at: 1_000, ["n": 1_000])
        for at in [1_001, 1_002] { throttle.line(.info, "refused", at: Int64(at)) }
        throttle.tellHeld(at: 1_500)
        throttle.tellHeld(at: 2_000)
        throttle.tellHeld(at: 9_000)
        #expect(
            page.lines.map { $0.split(separator: " ").dropFirst(2).joined(separator: " ") } == [
                "refused n=0", "refused n=1", "closed", "repeated of=refused count=3",
                "refused n=1000", "refused", "repeated of=refused count=1",
            ])
    }

    @Test("a reader that stopped reading loses lines and stops nobody")
    func stuckReader() throws {
        let pipe = Pipe()
        let target = StandardError(descriptor: pipe.fileHandleForWriting.fileDescriptor)
        let line = Array(repeating: UInt8(ascii: "x"), count: Log.lineBytesMax - 1) + [10]
        var sent = 0
        while target.takeLost() == 0, sent < 10_000 {
            target.write(line)
            sent += 1
        }
        #expect((2..<10_000).contains(sent))
        try pipe.fileHandleForWriting.close()
        let read = pipe.fileHandleForReading.readDataToEndOfFile()
        #expect(read.count == (sent - 1) * line.count, "what was taken was taken whole")
    }
}

extension LogTests {
    @Test("a reader that went away neither ends the process nor is written to")
    func goneReader() throws {
        let pipe = Pipe()
        try pipe.fileHandleForReading.close()
        let target = StandardError(descriptor: pipe.fileHandleForWriting.fileDescriptor)
        target.write([10])
        #expect(target.takeLost() == 1)
    }
}

/// Keeps what was written.
private final class Page: Sendable {
    private let written = Mutex<[UInt8]>([])

    var bytes: [UInt8] { written.withLock { $0 } }
    var lines: [String] {
        String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    func log(_ format: Log.Format, _ level: Log.Level = .info) -> Log {
        Log(level: level, format: format, clock: { 1_736_164_801_000 }) { line in
            self.written.withLock { $0 += line }
        }
    }
}
