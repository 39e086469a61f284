// How a line is put together and how hostile text is tamed in it.

func textLine(
    _ time: String, _ level: Log.Level, _ event: StaticString, _ fields: Log.Fields
) -> [UInt8] {
    var line = "\(time) \(level.rawValue) \(event)"
    for (key, value) in fields {
        let field = " \(key)=\(value.inText)"
        guard fits(line, field) else {
            line += " cut=true"
            break
        }
        line += field
    }
    return Array(line.utf8) + [newline]
}

func jsonLine(
    _ time: String, _ level: Log.Level, _ event: StaticString, _ fields: Log.Fields
) -> [UInt8] {
    var line =
        "{\"event\":\(inQuotes(event.description)),\"level\":\"\(level.rawValue)\",\"time\":\"\(time)\""
    for (key, value) in fields {
        let field = ",\(inQuotes(key.description)):\(value.inJSON)"
        guard fits(line, field) else {
            line += ",\"cut\":true"
            break
        }
        line += field
    }
    return Array(line.utf8) + [UInt8(ascii: "}"), newline]
}

private let newline = UInt8(ascii: "\n")

/// Leaves room for the note that something was cut.
private func fits(_ line: String, _ field: String) -> Bool {
    line.utf8.count + field.utf8.count + 16 <= Log.lineBytesMax
}

extension LogValue {
    fileprivate var inText: String {
        guard case .text(let text) = self else { return inJSON }
        return text.isEmpty || !text.utf8.allSatisfy(isPlain)
            || text.utf8.count > Log.valueScalarsMax
            ? inQuotes(text) : text
    }

    fileprivate var inJSON: String {
        switch self {
        case .text(let text): inQuotes(text)
        case .integer(let number): String(number)
        case .number(let number): number.isFinite ? String(number) : "null"
        case .flag(let flag): String(flag)
        case .duration(let span): String(milliseconds(span))
        }
    }
}

/// Words, numbers, addresses and paths need no quotes; `=` and `"` and blanks do.
private func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
    default: "-._:/@+,*%[]".utf8.contains(byte)
    }
}

/// A JSON string, in both formats. Escaped beside what JSON asks for: control characters of both
/// kinds, line separators, and what turns the direction of text or can't be seen.
private func inQuotes(_ text: String) -> String {
    var out = "\""
    var count = 0
    for scalar in text.unicodeScalars {
        count += 1
        guard count <= Log.valueScalarsMax else {
            out += "…"
            break
        }
        switch scalar {
        case "\"", "\\": out += "\\\(scalar)"
        case "\n": out += "\\n"
        case "\r": out += "\\r"
        case "\t": out += "\\t"
        case _ where isHidden(scalar): out += escape(scalar)
        default: out.unicodeScalars.append(scalar)
        }
    }
    return out + "\""
}

private func isHidden(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: true
    default: false
    }
}

private func escape(_ scalar: Unicode.Scalar) -> String {
    String(scalar).utf16.map { unit in
        let hex = String(unit, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
    }.joined()
}

/// Fractions of a millisecond matter in a log of latencies, so they stay.
private func milliseconds(_ span: Duration) -> Double {
    let (seconds, attoseconds) = span.components
    return Double(seconds) * 1_000 + Double(attoseconds / 1_000_000_000) / 1_000_000
}
