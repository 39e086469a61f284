// Makes text of strangers fit for a terminal. What a worker logs may hold escapes that move the cursor,
// set the title, answer for the user or hide what follows; none of them gets through.
//
// Invariant: the result holds no control character, and no escape but `ESC [ … m` that we wrote
// ourselves from a list of colours and weights, ended by a reset.

enum PrintableText {
    /// One line, colours kept where `colours` says so.
    static func line(_ text: some StringProtocol, colours: Bool) -> String {
        var reader = EscapeReader(text.unicodeScalars)
        var shown = ""
        var isColoured = false
        while let piece = reader.next() {
            switch piece {
            case .colour(let codes) where colours:
                shown += "\u{1B}[\(codes)m"
                isColoured = true
            case .colour: break
            case .scalar("\t"): shown += "    "
            case .scalar(let scalar):
                if !isHarmful(scalar) { shown.unicodeScalars.append(scalar) }
            }
        }
        return shown + (isColoured ? "\u{1B}[0m" : "")
    }

    /// One line without any colours.
    static func plain(_ text: some StringProtocol) -> String { line(text, colours: false) }

    /// A log entry may hold several lines; a carriage return starts one as well.
    static func lines(_ text: String, colours: Bool) -> [String] {
        let parts = text.split(omittingEmptySubsequences: false) {
            $0 == "\n" || $0 == "\r\n" || $0 == "\r"
        }
        let kept = parts.last == "" && parts.count > 1 ? parts.dropLast() : parts[...]
        return kept.map { line($0, colours: colours) }
    }

    /// Controls, and the marks that turn the direction of text around.
    private static func isHarmful(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case ..<0x20, 0x7F...0x9F, 0x061C, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069:
            true
        default: false
        }
    }
}

/// Finds escapes, whole, so that none of their parameters is left behind as text.
private struct EscapeReader {
    enum Piece {
        case scalar(Unicode.Scalar)
        case colour(String)
    }

    private var rest: [Unicode.Scalar].SubSequence

    init(_ scalars: some Sequence<Unicode.Scalar>) { rest = Array(scalars)[...] }

    mutating func next() -> Piece? {
        while let scalar = rest.popFirst() {
            switch scalar {
            case "\u{1B}": if let colour = escape() { return colour }
            case "\u{9B}": if let colour = controlSequence() { return colour }
            case "\u{90}", "\u{98}", "\u{9D}", "\u{9E}", "\u{9F}": skipString()
            default: return .scalar(scalar)
            }
        }
        return nil
    }

    private mutating func escape() -> Piece? {
        guard let kind = rest.first else { return nil }
        switch kind {
        case "[":
            rest.removeFirst()
            return controlSequence()
        case "]", "P", "X", "^", "_":
            rest.removeFirst()
            skipString()
        default:
            while let byte = rest.first, 0x20...0x2F ~= byte.value { rest.removeFirst() }
            if let byte = rest.first, 0x30...0x7E ~= byte.value { rest.removeFirst() }
        }
        return nil
    }

    private mutating func controlSequence() -> Piece? {
        let parameters = rest.prefix { 0x20...0x3F ~= $0.value }
        rest = rest.dropFirst(parameters.count)
        guard let end = rest.first, 0x40...0x7E ~= end.value else { return nil }
        rest.removeFirst()
        guard end == "m", parameters.count <= Self.parametersMax else { return nil }
        return Self.colour(String(String.UnicodeScalarView(parameters)))
    }

    /// Ends with BEL, with ST, or with the line.
    private mutating func skipString() {
        while let scalar = rest.popFirst() {
            if scalar == "\u{07}" || scalar == "\u{9C}" { return }
            if scalar == "\u{1B}" {
                if rest.first == "\\" { rest.removeFirst() }
                return
            }
        }
    }

    /// Weights and colours stay; what blinks or hides does not.
    private static func colour(_ parameters: String) -> Piece? {
        var codes: [Int] = []
        var numbers = parameters.split(separator: ";", omittingEmptySubsequences: false)[...]
        while let word = numbers.popFirst() {
            guard let code = word.isEmpty ? 0 : Int(word) else { return nil }
            switch code {
            case 0...4, 7, 9, 22...24, 27, 29, 30...37, 39, 40...47, 49, 90...97, 100...107:
                codes.append(code)
            case 38, 48:
                // 38;5;N of a palette, 38;2;R;G;B of all.
                guard let kind = numbers.popFirst().flatMap({ Int($0) }), kind == 5 || kind == 2,
                    case let values = numbers.prefix(kind == 5 ? 1 : 3).compactMap({ Int($0) }),
                    values.count == (kind == 5 ? 1 : 3), values.allSatisfy({ 0...255 ~= $0 })
                else { return nil }
                numbers = numbers.dropFirst(values.count)
                codes += [code, kind] + values
            default: break
            }
        }
        return codes.isEmpty ? nil : .colour(codes.map(String.init).joined(separator: ";"))
    }

    private static let parametersMax = 64
}

extension PrintableText {
    /// JSON as one line: what a terminal might obey is escaped, which means the
    /// same to whoever reads the JSON. Such characters can stand inside strings only.
    static func json(_ bytes: [UInt8]) -> String {
        var shown = ""
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
            if scalar.value < 0x20 {
                shown += " "  // White space between values.
            } else if isHarmful(scalar) {
                let digits = String(scalar.value, radix: 16)
                shown += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            } else {
                shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }
}
