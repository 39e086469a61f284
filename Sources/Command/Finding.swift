// What the doctor found about one thing: how bad it is, what it means for Jobwire, and how to mend it.

import JSON

struct Finding: Equatable {
    enum Level: String, CaseIterable { case ok, warning, error }

    let name: String
    let level: Level
    let found: String
    let means: String
    /// Commands of Redis where they can do it, words where they can't; empty where nothing is wrong.
    let mend: [String]

    init(
        _ name: String, _ level: Level, _ found: String, _ means: String = "", mend: [String] = []
    ) {
        (self.name, self.level, self.found) = (name, level, found)
        (self.means, self.mend) = (means, mend)
    }

    private static let indent = "         "

    var lines: [String] {
        let level = level.rawValue.padded(to: Self.indent.count)
        var lines = [level + name.padded(to: 14) + "  " + PrintableText.plain(found)]
        guard self.level != .ok else { return lines }
        let width = VerbHelp.columns - Self.indent.count
        lines += VerbHelp.wrapped(means, columns: width).map { Self.indent + $0 }
        return lines + mend.map { Self.indent + "mend: " + PrintableText.plain($0) }
    }

    static func json(_ findings: [Finding], of redis: String) -> String {
        var json = JSONWriter()
        json.beginObject()
        json.key("redis")
        json.string(redis)
        for level in [Level.error, .warning] {
            json.key(level.rawValue + "s")
            json.integer(findings.count { $0.level == level })
        }
        json.key("findings")
        json.beginArray()
        for finding in findings { finding.write(to: &json) }
        json.endArray()
        json.endObject()
        return String(decoding: json.bytes, as: UTF8.self)
    }

    private func write(to json: inout JSONWriter) {
        json.beginObject()
        for (key, text) in [
            ("name", name), ("level", level.rawValue), ("found", found), ("means", means),
        ] {
            json.key(key)
            json.string(text)
        }
        json.key("mend")
        json.beginArray()
        for line in mend { json.string(line) }
        json.endArray()
        json.endObject()
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
