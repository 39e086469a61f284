// Lines for a shell that work where a command was typed: its own name as it was called, and of the flags it was
// given those that the other verb reads too. Quoted; a line never holds a secret.

import Settings

struct ShellLine {
    let program: String
    /// What was given with `--data-dir`.
    let dataDir: String?
    let flags: [Flag]

    /// Found in the folder of the run, and there as the kernel gave them.
    private static let announced: Set<String> = ["listen", "redis-url", "redis-url-file"]

    /// `behind` stands last, as it is.
    func text(_ verb: Verb, _ words: String..., behind: String? = nil) -> String {
        var words = [verb.name] + words
        if let dataDir { words.append("--\(CommandOption.dataDir.name)=\(dataDir)") }
        words += flags.compactMap { flag in
            guard let value = flag.value, Self.reads(verb, flag.name) else { return nil }
            return "--\(flag.name)=\(value)"
        }
        return ([Self.quoted(program)] + words.map(Self.quoted) + [behind].compactMap(\.self))
            .joined(separator: " ")
    }

    private static func reads(_ verb: Verb, _ name: String) -> Bool {
        guard name != "config" else { return true }
        guard !announced.contains(name) else { return false }
        return verb.settings?.contains { $0 == name || $0 + "-file" == name } ?? true
    }

    /// One word of a shell. Of `--name=value` the value is quoted, which reads better.
    static func quoted(_ word: String) -> String {
        let name = word.hasPrefix("--") ? word.prefix { $0 != "=" } : ""
        if !name.isEmpty, name != word, isPlain(name) {
            return "\(name)=" + quoted(String(word.dropFirst(name.count + 1)))
        }
        if !word.isEmpty, isPlain(word) { return word }
        return "'" + word.replacing("'", with: #"'\''"#) + "'"
    }

    private static func isPlain(_ word: some StringProtocol) -> Bool {
        word.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "-_./:,@%+".utf8.contains(byte)
            }
        }
    }
}
