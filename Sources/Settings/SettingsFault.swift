// All that is wrong with what the operator wrote, one line for each problem: which setting, where
// it came from, what was expected.

public struct SettingsFault: Error, Equatable, CustomStringConvertible {
    public let problems: [SettingsProblem]
    public var description: String { problems.map(\.description).joined(separator: "\n") }
}

public struct SettingsProblem: Equatable, Sendable, CustomStringConvertible {
    public let setting: String
    /// The flag, the variable, or the file and line; nil when the setting's name says it all.
    public let origin: String?
    public let reason: String

    init(_ setting: String, _ origin: String?, _ reason: String) {
        (self.setting, self.origin, self.reason) = (setting, origin, reason)
    }

    public init(_ setting: String, _ reason: String) { self.init(setting, nil, reason) }

    public var description: String {
        let place = origin.map { " (from \($0))" } ?? ""
        return "\(setting)\(place): \(reason)"
    }

    static let flagNames: [String] =
        ["--config", "--help"]
        + Settings.table.flatMap { setting in
            [setting.flag] + (setting.isSecret ? [setting.flag + "-file"] : [])
                + (setting.isSwitch ? ["--no-" + setting.name] : [])
        }

    static func unknown(_ assignment: Assignment) -> Self {
        let names = Settings.table.flatMap { setting in
            assignment.spelling.spellings(of: setting).flatMap { name in
                let file = name.hasPrefix(Setting.prefix) ? "_FILE" : "-file"
                return setting.isSecret ? [name, name + file] : [name]
            }
        }
        let origin = assignment.origin == assignment.name ? nil : assignment.origin
        return unknown(assignment.name, origin, among: names)
    }

    static func unknown(_ name: String, _ origin: String?, among names: [String]) -> Self {
        let hint = nearest(to: name, among: names).map { "; did you mean \($0)?" } ?? ""
        return Self(quoted(name), origin, "no such setting" + hint)
    }
}

/// The value in quotes, cut short, with nothing in it that could move a terminal's cursor.
func quoted(_ text: String) -> String {
    let shown = text.unicodeScalars.prefix(80).map { $0.escaped(asASCII: true) }.joined()
    return "\"\(shown)\(text.unicodeScalars.count > 80 ? "…" : "")\""
}

/// The known name that takes the fewest changes to reach, if that is few enough to be a slip.
public func nearest(to name: String, among names: [String]) -> String? {
    guard name.utf8.count <= 64 else { return nil }
    let ranked = names.map { (name: $0, distance: editDistance(name, $0)) }
    guard let best = ranked.min(by: { $0.distance < $1.distance }),
        best.distance <= max(2, name.utf8.count / 4)
    else { return nil }
    return best.name
}

/// Insertions, deletions, changes and swaps of neighbours between two names.
func editDistance(_ first: String, _ second: String) -> Int {
    let (a, b) = (Array(first.utf8), Array(second.utf8))
    var twoBack: [Int] = []
    var previous = Array(0...b.count)
    for i in a.indices {
        var row = [i + 1]
        for j in b.indices {
            var cost = min(previous[j] + (a[i] == b[j] ? 0 : 1), previous[j + 1] + 1, row[j] + 1)
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                cost = min(cost, twoBack[j - 1] + 1)
            }
            row.append(cost)
        }
        (twoBack, previous) = (previous, row)
    }
    return previous[b.count]
}
