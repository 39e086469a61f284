// Sizes, times and URLs as operators write and read them: `1MiB`, `25s`, a URL without its password.
// Invariant: what `text` writes, `read` reads back to the same value.

public enum ByteSize {
    private static let units: [Unit] = [
        ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1),
    ]

    public static func read(_ text: String) -> Int? {
        scaled(text, by: units + [("", 1)]).map { Int($0) }
    }

    public static func text(_ size: Int) -> String {
        shown(Int64(size), in: units) ?? "0B"
    }
}

public enum TimeSpan {
    /// In milliseconds.
    private static let units: [Unit] = [
        ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1),
    ]

    public static func read(_ text: String) -> Duration? {
        scaled(text, by: units).map { .milliseconds($0) }
    }

    public static func text(_ span: Duration) -> String {
        let (seconds, attoseconds) = span.components
        let milliseconds = seconds * 1_000 + attoseconds / 1_000_000_000_000_000
        return shown(milliseconds, in: units) ?? "0s"
    }
}

private typealias Unit = (name: String, factor: Int64)

/// In the largest unit that leaves no rest; nil for zero.
private func shown(_ value: Int64, in units: [Unit]) -> String? {
    units.first { value >= $0.factor && value % $0.factor == 0 }
        .map { "\(value / $0.factor)\($0.name)" }
}

/// Digits and then one of the units, nothing else; nil when it does not fit either.
private func scaled(_ text: String, by units: [Unit]) -> Int64? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let name = text.dropFirst(digits.count).lowercased()
    guard let number = Int64(digits),
        let unit = units.first(where: { $0.name.lowercased() == name })
    else { return nil }
    let (value, overflow) = number.multipliedReportingOverflow(by: unit.factor)
    return overflow ? nil : value
}

enum URLWithoutPassword {
    /// Hides all before the last `@` and after a `?`, where passwords stand.
    @Sendable static func describe(_ url: Secret) -> String {
        let text = String(url.text.prefix { $0 != "?" })
        guard let at = text.lastIndex(of: "@") else {
            return text.contains("://") ? text : "(hidden)"
        }
        guard let scheme = text[..<at].firstRange(of: "://") else { return "(hidden)" }
        return text[..<scheme.upperBound] + "(hidden)" + text[at...]
    }
}
