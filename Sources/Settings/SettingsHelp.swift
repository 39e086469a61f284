// The table in words: for a terminal and for docs/settings.md.

extension Settings {
    /// The settings part of `--help`, grouped, at most 100 columns wide.
    public static func help() -> String {
        var lines: [String] = []
        for group in groups {
            lines.append("\(group.name):")
            for setting in group.settings {
                let shown = setting.defaultShown
                let summary = setting.summary + (shown.isEmpty ? "" : " [\(shown)]")
                lines += Help.row(setting.usage, summary)
            }
            lines.append("")
        }
        lines += Help.row(
            "--config=FILE", "File with lines `name = value` [\(Setting.prefix)CONFIG]")
        lines += Help.row("--help", "This text")
        lines.append("")
        lines.append(
            "Every --some-name is also the variable \(Setting.prefix)SOME_NAME and `some-name = …` in the"
        )
        lines.append(
            "file. A flag wins over a variable, a variable over the file. Secrets can be read from a"
        )
        lines.append("file instead: --token-secret-file=PATH, \(Setting.prefix)TOKEN_SECRET_FILE.")
        return lines.joined(separator: "\n") + "\n"
    }

    /// docs/settings.md, whole.
    public static func markdown() -> String {
        var lines = [
            "# Settings", "",
            "Made from `Sources/Settings/SettingsTable.swift` by `jobwire settings --markdown`; a test",
            "compares the two, so change the table and not this page.", "",
            "Each setting is a flag (`--listen=VALUE`), a variable (`\(Setting.prefix)LISTEN`) and a line of the file",
            "that `--config` or `\(Setting.prefix)CONFIG` names (`listen = VALUE`). A flag wins over a variable, a variable",
            "over the file. A name nobody knows is an error. A secret can be read from a file: append",
            "`_FILE` to its variable or `-file` to its flag; prefer that to a flag, which others can see in `ps`.",
            "Sizes: `65536`, `64KiB`, `1MiB`. Times: `300ms`, `25s`, `1h`. Lists: commas. Switches: `--require-exp`,",
            "`--no-require-exp`.", "",
            "What follows a line `[issuer NAME]` of the file is about one more issuer of tokens, which `iss` names:",
            Issuer.table.map { "`\($0.name)`" }.joined(separator: ", ") + ".",
        ]
        for group in groups {
            lines += [
                "", "## \(group.name)", "", "| setting | value | default | meaning |",
                "| --- | --- | --- | --- |",
            ]
            lines += group.settings.map(\.markdownRow)
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension Setting {
    fileprivate var usage: String {
        isSwitch ? "--[no-]\(name)" : "\(flag)=\(placeholder)"
    }

    fileprivate var markdownRow: String {
        let shown = defaultShown.isEmpty ? "–" : "`\(defaultShown)`"
        let meaning = [summary, isSecret ? "Secret: may come from a file." : ""]
            .filter { !$0.isEmpty }.joined(separator: ". ")
        let value = isSwitch ? "" : placeholder + (bounds.isEmpty ? "" : ", \(bounds)")
        return "| `\(name)` | \(value.replacing("|", with: "\\|")) | \(shown) | \(meaning) |"
    }
}

/// Two columns for a terminal; commands use it for their own options too.
public enum Help {
    static let leftColumns = 36
    static let columns = 100

    public static func row(_ left: String, _ right: String) -> [String] {
        let indent = String(repeating: " ", count: leftColumns)
        var lines: [String] = []
        var line = "  " + left
        if line.count >= leftColumns {
            lines.append(line)
            line = ""
        }
        line += String(repeating: " ", count: leftColumns - line.count)
        var isEmpty = true
        for word in right.split(separator: " ") {
            if !isEmpty, line.count + 1 + word.count > columns {
                lines.append(line)
                (line, isEmpty) = (indent, true)
            }
            line += (isEmpty ? "" : " ") + word
            isEmpty = false
        }
        return lines + [line]
    }

    public static func rows(_ options: [CommandOption]) -> [String] {
        options.flatMap {
            row("--\($0.name)" + ($0.placeholder.map { "=\($0)" } ?? ""), $0.summary)
        }
    }
}
