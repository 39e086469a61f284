// The pages of `--help`, made from the table of verbs and the table of settings. Examples come first:
// most readers need one line to copy. No line is wider than 80 columns.

import Settings

enum VerbHelp {
    static let columns = 80
    private static let leftColumns = 28

    static func overview(version: String) -> String {
        var lines = wrapped(
            "jobwire \(version): what background workers publish in Redis, live in the browser.")
        lines += [
            "", "Begin with:",
            "  jobwire run                     # own Redis, demo jobs and a page to open",
            "  jobwire exec build-7 -- make    # a command as a job",
            "  jobwire tail build-7            # in another terminal", "", "Commands:",
        ]
        let rows =
            Verb.table.map { ($0.name, $0.summary) }
            + [
                ("help", "COMMAND: its examples, options and settings"),
                ("--version", "The version"),
            ]
        lines += rows.flatMap { row($0, $1, leftColumns: 13) }
        lines += [""] + secrets + [""] + exitCodes
        return lines.joined(separator: "\n")
    }

    static func page(of verb: Verb) -> String {
        var lines = wrapped("jobwire \(verb.name): \(verb.summary)") + ["", "Examples:"]
        lines += verb.examples.map { "  " + $0 }
        lines += ["", "Usage:"]
        lines += verb.forms.map { "  jobwire \(verb.name)" + ($0.isEmpty ? "" : " \($0)") }
        for paragraph in verb.details { lines += [""] + wrapped(paragraph) }
        if !verb.options.isEmpty {
            lines += ["", "Options:"]
            for option in verb.options {
                let value = option.placeholder.map { "=\($0)" } ?? ""
                lines += row("--\(option.name)\(value)", option.summary)
            }
        }
        for group in Settings.groups {
            let known = group.settings.filter { verb.settings?.contains($0.name) ?? true }
            guard !known.isEmpty else { continue }
            lines += ["", "\(group.name):"] + known.flatMap(row)
        }
        lines += ["", "Configuration:"]
        lines += row("--config=FILE", "File with lines `name = value` [JOBWIRE_CONFIG]")
        lines +=
            [""]
            + wrapped(
                "A setting is a flag (--redis-url), a variable (JOBWIRE_REDIS_URL) or a line of the"
                    + " file (redis-url = URL). A flag wins over a variable, a variable over the file."
            )
        lines += [""] + secrets + [""] + exitCodes
        return lines.joined(separator: "\n")
    }

    private static let secrets = wrapped(
        "A flag's value stands in the process list until it was read. Give secrets by file instead:"
            + " JOBWIRE_TOKEN_SECRET_FILE=PATH or --token-secret-file=PATH, and the same for redis-url."
    )

    private static var exitCodes: [String] {
        ["Exit codes:"]
            + ExitCode.all.flatMap {
                row(String($0.number), $0.meaning, leftColumns: 8)
            }
    }

    private static func row(_ setting: Setting) -> [String] {
        let name =
            setting.placeholder.isEmpty
            ? "--[no-]\(setting.name)" : "\(setting.flag)=\(setting.placeholder)"
        let value = setting.defaultShown
        return row(name, setting.summary + (value.isEmpty ? "" : " [\(value)]"))
    }

    private static func row(
        _ left: String, _ right: String, leftColumns: Int = leftColumns
    ) -> [String] {
        let indent = String(repeating: " ", count: leftColumns)
        var lines = wrapped(right, columns: columns - leftColumns).map { indent + $0 }
        let name = "  " + left
        guard name.count < leftColumns, let first = lines.first else { return [name] + lines }
        lines[0] = name + first.dropFirst(name.count)
        return lines
    }

    /// Breaks between words; a word wider than a line stands alone on one.
    static func wrapped(_ text: String, columns: Int = columns) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, line.count + 1 + word.count > columns {
                lines.append(line)
                line = ""
            }
            line += (line.isEmpty ? "" : " ") + word
        }
        return lines + [line]
    }
}
