// ControlMessage is what bridges tell each other on the control channel: words with spaces between.
//
//   WHERE token by patterns era last     somebody asks where recording stands; era is - where none is open
//   AT token patterns era ordinal last   the token lay right behind this ordinal of this era
//   MARK token by patterns               an era named like the token begins here
//
// `patterns` names what a bridge counts: one that counts other messages is not spoken to.

enum ControlMessage: Equatable {
    case `where`(token: Name, by: Name, Expected)
    case at(token: Name, era: Name, ordinal: Int64, last: Int64)
    case mark(token: Name, by: Name)

    /// Whether it is of bridges that count what we count.
    enum Reading: Equatable { case ours(ControlMessage), ofOtherPatterns, unreadable }

    static func read(_ text: Span<UInt8>, patterns: Name) -> Reading {
        guard text.count <= bytesMax, let words = Words(text) else { return .unreadable }
        let (message, hash): (ControlMessage?, Name?) =
            switch (words.first, words.count) {
            case ("WHERE", 6): (where_(words), words.name(3))
            case ("AT", 6): (at(words), words.name(2))
            case ("MARK", 4): (mark(words), words.name(3))
            default: (nil, nil)
            }
        guard let message, let hash else { return .unreadable }
        return hash == patterns ? .ours(message) : .ofOtherPatterns
    }

    private static func where_(_ words: Words) -> ControlMessage? {
        guard let token = words.name(1), let by = words.name(2), let last = words.number(5) else {
            return nil
        }
        if words[4] == "-" { return .where(token: token, by: by, Expected(era: nil, last: last)) }
        guard let era = words.name(4) else { return nil }
        return .where(token: token, by: by, Expected(era: era, last: last))
    }

    private static func at(_ words: Words) -> ControlMessage? {
        guard let token = words.name(1), let era = words.name(3), let ordinal = words.number(4),
            let last = words.number(5)
        else { return nil }
        return .at(token: token, era: era, ordinal: ordinal, last: last)
    }

    private static func mark(_ words: Words) -> ControlMessage? {
        guard let token = words.name(1), let by = words.name(2) else { return nil }
        return .mark(token: token, by: by)
    }

    private static let bytesMax = 256
}

extension Span<UInt8> {
    func reads(_ text: String) -> Bool { count == text.utf8.count && begins(with: text) }

    func begins(with text: String) -> Bool {
        guard count >= text.utf8.count else { return false }
        var at = 0
        for byte in text.utf8 {
            guard self[at] == byte else { return false }
            at += 1
        }
        return true
    }
}

/// A line's words.
struct Words {
    private let words: [Substring]

    init?(_ text: Span<UInt8>) {
        guard let valid = try? UTF8Span(validating: text) else { return nil }
        words = String(copying: valid).split(separator: " ", omittingEmptySubsequences: false)
    }

    var first: Substring? { words.first }
    var count: Int { words.count }
    subscript(place: Int) -> Substring { words[place] }
    func name(_ place: Int) -> Name? { Name(checking: words[place]) }
    func number(_ place: Int) -> Int64? {
        guard let number = Int64(words[place]), number >= 0 else { return nil }
        return number
    }
}
