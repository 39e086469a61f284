// ControlMessage is what bridges tell each other on the control channel: words with spaces between.
//
//   WHERE token by patterns era last     somebody asks where recording stands; era is - where none is open
//   AT token patterns era ordinal last   the token lay right behind this ordinal of this era
//   WAIT token patterns                  somebody knows where the token lay, and will tell
//   MARK token by patterns               an era named like the token begins here
//   PULSE by number                      what is published arrives
//
// `patterns` names what a bridge counts: with one that counts other messages no era is shared.

struct ControlMessage: Equatable {
    enum Word: Equatable {
        case `where`(token: Name, by: Name, Expected)
        case at(token: Name, era: Name, ordinal: Int64, last: Int64)
        case wait(token: Name)
        case mark(token: Name, by: Name)
        case pulse(by: Name, number: Int64)
    }

    let word: Word
    /// nil where it does not matter.
    let patterns: Name?

    /// nil where none of ours wrote it.
    init?(_ text: Span<UInt8>) {
        guard text.count <= Self.bytesMax, let words = Words(text) else { return nil }
        let (word, patterns): (Word?, Name?) =
            switch (words.first, words.count) {
            case ("WHERE", 6): (Self.where_(words), words.name(3))
            case ("AT", 6): (Self.at(words), words.name(2))
            case ("WAIT", 3): (words.name(1).map { .wait(token: $0) }, words.name(2))
            case ("MARK", 4): (Self.mark(words), words.name(3))
            case ("PULSE", 3): (Self.pulse(words), nil)
            default: (nil, nil)
            }
        guard let word else { return nil }
        if case .pulse = word {} else if patterns == nil { return nil }
        self.init(word, patterns: patterns)
    }

    init(_ word: Word, patterns: Name?) {
        self.word = word
        self.patterns = patterns
    }

    private static func where_(_ words: Words) -> Word? {
        guard let token = words.name(1), let by = words.name(2), let last = words.number(5) else {
            return nil
        }
        if words[4] == "-" { return .where(token: token, by: by, Expected(era: nil, last: last)) }
        guard let era = words.name(4) else { return nil }
        return .where(token: token, by: by, Expected(era: era, last: last))
    }

    private static func at(_ words: Words) -> Word? {
        guard let token = words.name(1), let era = words.name(3), let ordinal = words.number(4),
            let last = words.number(5)
        else { return nil }
        return .at(token: token, era: era, ordinal: ordinal, last: last)
    }

    private static func mark(_ words: Words) -> Word? {
        guard let token = words.name(1), let by = words.name(2) else { return nil }
        return .mark(token: token, by: by)
    }

    private static func pulse(_ words: Words) -> Word? {
        guard let by = words.name(1), let number = words.number(2) else { return nil }
        return .pulse(by: by, number: number)
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
    /// No ordinal is as high as that: what is counted on from it does not overflow.
    func number(_ place: Int) -> Int64? {
        guard let number = Int64(words[place]), 0...Self.numberMax ~= number else { return nil }
        return number
    }

    private static let numberMax: Int64 = 1 << 53
}
