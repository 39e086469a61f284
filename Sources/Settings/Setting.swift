// How one setting is named, explained, read and written. Each kind of value is one maker below.

public struct Setting: Sendable {
    public let name: String
    public let summary: String
    /// Stands for the value in help: `SIZE`, `FILE`, `error|warning|…`.
    public let placeholder: String
    public let isSecret: Bool
    let isSwitch: Bool
    let expected: String
    /// `0 to 256`; empty where the kind of value has no bounds.
    let bounds: String
    /// What may be shown of the value, never a secret.
    let show: @Sendable (Settings) -> String
    /// False when the text is not such a value; the settings are then as before.
    let write: @Sendable (inout Settings, [UInt8]) -> Bool

    static let prefix = "JOBWIRE_"
    public var flag: String { "--" + name }
    public var variable: String { Self.prefix + name.uppercased().replacing("-", with: "_") }
    public var defaultShown: String { show(Settings()) }

    /// The value as an operator may see it, in `jobwire settings` and in the log.
    public func shown(in settings: Settings) -> String { show(settings) }
}

public struct SettingGroup: Sendable {
    public let name: String
    public let settings: [Setting]

    init(_ name: String, _ settings: [Setting]) { (self.name, self.settings) = (name, settings) }
}

typealias Field<Value> = any WritableKeyPath<Settings, Value> & Sendable

extension Setting {
    static func integer(
        _ name: String, _ field: Field<Int>, _ range: ClosedRange<Int>, _ summary: String
    ) -> Self {
        .value(
            name, field, as: "N", expected: "an integer",
            bounds: "\(range.lowerBound) to \(range.upperBound)", summary, show: { String($0) },
            read: { Int($0).within(range) })
    }

    static func bytes(
        _ name: String, _ field: Field<Int>, _ range: ClosedRange<Int>, _ summary: String
    ) -> Self {
        let (low, high) = (ByteSize.text(range.lowerBound), ByteSize.text(range.upperBound))
        return .value(
            name, field, as: "SIZE", expected: "a size such as 64KiB,",
            bounds: "\(low) to \(high)", summary, show: ByteSize.text,
            read: { ByteSize.read($0).within(range) })
    }

    static func duration(
        _ name: String, _ field: Field<Duration>, _ range: ClosedRange<Duration>, _ summary: String
    ) -> Self {
        let (low, high) = (TimeSpan.text(range.lowerBound), TimeSpan.text(range.upperBound))
        return .value(
            name, field, as: "TIME",
            expected: "a time such as 25s or 300ms,",
            bounds: "\(low) to \(high)", summary, show: TimeSpan.text,
            read: { TimeSpan.read($0).within(range) })
    }

    static func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
        _ name: String, _ field: Field<Choice>, _ summary: String
    ) -> Self {
        let words = Choice.allCases.map(\.rawValue)
        return .value(
            name, field, as: words.joined(separator: "|"),
            expected: "one of \(words.joined(separator: ", "))",
            summary, show: \.rawValue, read: { Choice(rawValue: $0) })
    }

    static func text(
        _ name: String, _ field: Field<String>, as placeholder: String, _ summary: String
    ) -> Self {
        .value(
            name, field, as: placeholder, expected: "text without control characters",
            summary, show: { $0 }, read: { $0 })
    }

    static func list(
        _ name: String, _ field: Field<[String]>, as placeholder: String, _ summary: String
    ) -> Self {
        .value(
            name, field, as: placeholder, expected: "words with commas between them",
            summary, show: { $0.joined(separator: ", ") }, read: commaSeparated)
    }

    static func flag(_ name: String, _ field: Field<Bool>, _ summary: String) -> Self {
        .value(
            name, field, as: "", isSwitch: true, expected: "true or false",
            summary, show: { String($0) },
            read: {
                [
                    "true": true, "yes": true, "on": true, "1": true,
                    "false": false, "no": false, "off": false, "0": false,
                ][$0]
            })
    }

    static func secret(
        _ name: String, _ field: Field<Secret>, as placeholder: String,
        shown: @escaping @Sendable (Secret) -> String = { $0.isEmpty ? "" : "(hidden)" },
        _ summary: String
    ) -> Self {
        Self(
            name: name, summary: summary, placeholder: placeholder, isSecret: true,
            isSwitch: false, expected: "a secret", bounds: "", show: { shown($0[keyPath: field]) },
            write: { settings, bytes in
                settings[keyPath: field] = Secret(bytes: bytes)
                return true
            })
    }

    /// Every kind that is read from text. Control characters are never part of a value.
    private static func value<Value>(
        _ name: String, _ field: Field<Value>, as placeholder: String, isSwitch: Bool = false,
        expected: String, bounds: String = "", _ summary: String,
        show: @escaping @Sendable (Value) -> String,
        read: @escaping @Sendable (String) -> Value?
    ) -> Self {
        Self(
            name: name, summary: summary, placeholder: placeholder, isSecret: false,
            isSwitch: isSwitch,
            expected: expected + (bounds.isEmpty ? "" : " from \(bounds)"), bounds: bounds,
            show: { show($0[keyPath: field]) },
            write: { settings, bytes in
                guard let text = String(validating: bytes, as: UTF8.self),
                    !text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }),
                    let value = read(text)
                else { return false }
                settings[keyPath: field] = value
                return true
            })
    }

    /// `a, b,c`. An empty text is an empty list, an empty word between commas a mistake.
    private static func commaSeparated(_ text: String) -> [String]? {
        guard !text.isEmpty else { return [] }
        let words = text.split(separator: ",", omittingEmptySubsequences: false).map(trimmed)
        return words.contains("") ? nil : words
    }
}

extension Optional where Wrapped: Comparable {
    fileprivate func within(_ range: ClosedRange<Wrapped>) -> Wrapped? {
        flatMap { range.contains($0) ? $0 : nil }
    }
}

func trimmed(_ text: Substring) -> String {
    let isBlank = { (character: Character) in " \t\r".contains(character) }
    let start = text.drop(while: isBlank)
    return String(start.reversed().drop(while: isBlank).reversed())
}
