// The settings file: `name = value` on each line, names as in flags or as in variables, `#` before
// a comment line. A value may stand in double quotes, as it does in many environment files. What
// follows a line `[issuer NAME]` is about that issuer of tokens.

enum FileReader {
    static func assignments(
        at path: Assignment, _ readFile: Invocation.ReadFile, _ problems: inout [SettingsProblem]
    ) -> [Assignment] {
        let name = String(decoding: path.bytes, as: UTF8.self)
        guard !name.isEmpty else { return [] }
        do {
            guard let text = String(validating: try readFile(name), as: UTF8.self) else {
                problems.append(SettingsProblem("config", name, "the file is not UTF-8 text"))
                return []
            }
            return assignments(in: text, called: name, &problems)
        } catch {
            let reason = "the file could not be read: \(error)"
            problems.append(SettingsProblem("config", path.origin, reason))
            return []
        }
    }

    private static func assignments(
        in text: String, called path: String, _ problems: inout [SettingsProblem]
    ) -> [Assignment] {
        let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        var found: [Assignment] = []
        var issuer: String?
        for (index, line) in lines.enumerated() {
            let origin = "\(path):\(index + 1)"
            let content = trimmed(line)
            guard !content.isEmpty, !content.hasPrefix("#") else { continue }
            if content.hasPrefix("[") {
                issuer = issuerName(content)
                if issuer == nil {
                    problems.append(SettingsProblem("config", origin, "expected [issuer NAME]"))
                }
                continue
            }
            guard let equals = content.firstIndex(of: "=") else {
                // The line may be a secret that lost its name, so it is not shown.
                problems.append(SettingsProblem("config", origin, "expected name = value"))
                continue
            }
            let value = unquoted(trimmed(content[content.index(after: equals)...]))
            found.append(
                Assignment(
                    name: trimmed(content[..<equals]), bytes: Array(value.utf8),
                    origin: origin, spelling: .file, issuer: issuer))
        }
        return found
    }

    private static func issuerName(_ heading: String) -> String? {
        guard heading.hasSuffix("]"), heading.hasPrefix("[issuer ") else { return nil }
        let name = trimmed(heading.dropFirst(8).dropLast())
        return name.isEmpty ? nil : unquoted(name)
    }

    private static func unquoted(_ value: String) -> String {
        guard value.count >= 2, value.first == "\"", value.last == "\"" else { return value }
        return String(value.dropFirst().dropLast())
    }
}
