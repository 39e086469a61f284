// Holds source text to the rules of an `Architecture` and names every breach. Pure: text in,
// violations out, so that a bad source made up in a test shows that each rule bites.

/// Where code leaves what the compiler can prove.
enum Escape: String, CaseIterable {
    case unsafe
    case unchecked

    /// `unsafe` marks, attributes and `nonisolated(unsafe)` alike, and `@safe`, which ends them.
    func stands(in line: CodeLine) -> Bool {
        switch self {
        case .unsafe: line.word(among: ["unsafe", "@unsafe", "@safe"]) != nil
        case .unchecked: line.word(among: ["@unchecked"]) != nil
        }
    }
}

struct Allowance {
    let path: String
    let escapes: Set<Escape>
    let reason: String

    init(_ path: String, _ escapes: Set<Escape>, _ reason: String) {
        self.path = path
        self.escapes = escapes
        self.reason = reason
    }
}

/// `path` starts at Sources, so its first component is the target.
struct SourceFile {
    let path: String
    let text: String

    var target: String { String(path.prefix { $0 != "/" }) }
}

struct Violation: Hashable, CustomStringConvertible {
    enum Rule: String, CaseIterable {
        case unknownTarget, forbiddenImport, reExport, escape, staleAllowance, tooLong, hollowName
        case asynchrony, spanOfString
    }

    let rule: Rule
    let path: String
    let line: Int
    let text: String

    var description: String { "\(path):\(line): \(rule.rawValue): \(text)" }
}

struct Architecture {
    let imports: [String: Set<String>]
    let unsafe: [Allowance]
    let generated: Set<String>
    let fileLinesMax: Int

    func violations(in files: [SourceFile]) -> [Violation] {
        files.flatMap(violations(in:)) + staleAllowances(files)
    }

    private func violations(in file: SourceFile) -> [Violation] {
        var found: [Violation] = []
        func report(_ rule: Violation.Rule, line: Int, _ text: some StringProtocol) {
            found.append(Violation(rule: rule, path: file.path, line: line, text: String(text)))
        }

        if imports[file.target] == nil { report(.unknownTarget, line: 1, file.target) }
        if let name = hollow(file.path) { report(.hollowName, line: 1, name) }
        let lines = codeLines(of: file.text)
        if lines.count > fileLinesMax, !generated.contains(file.path) {
            report(.tooLong, line: lines.count, "\(lines.count) lines, at most \(fileLinesMax)")
        }

        let escapesAllowed = unsafe.first { $0.path == file.path }?.escapes ?? []
        for (index, line) in lines.enumerated() {
            let number = index + 1
            if let module = importedModule(line), imports[file.target]?.contains(module) != true {
                report(.forbiddenImport, line: number, module)
            }
            if line.word(among: ["@_exported"]) != nil {
                report(.reExport, line: number, line.text)
            }
            for escape in Escape.allCases
            where escape.stands(in: line) && !escapesAllowed.contains(escape) {
                report(.escape, line: number, escape.rawValue)
            }
            if let name = declaredName(line).flatMap(hollow) {
                report(.hollowName, line: number, name)
            }
            // Points to where a short String was (JSON/TextBytes.swift, `lendUTF8`).
            if line.text.contains("utf8.span") { report(.spanOfString, line: number, line.text) }
            if let word = line.word(among: ["async", "await", "actor"]) {
                report(.asynchrony, line: number, word)
            }
        }
        return found
    }

    /// A row that nothing needs any more would let the next escape in unseen.
    private func staleAllowances(_ files: [SourceFile]) -> [Violation] {
        unsafe.flatMap { row in
            let lines = files.first { $0.path == row.path }.map { codeLines(of: $0.text) } ?? []
            let stale = row.escapes.filter { escape in
                !lines.contains { escape.stands(in: $0) }
            }
            return stale.map {
                Violation(rule: .staleAllowance, path: row.path, line: 1, text: $0.rawValue)
            }
        }
    }
}

private func importedModule(_ line: CodeLine) -> String? {
    let kinds = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
    guard let at = line.words.firstIndex(of: "import") else { return nil }
    return line.words[(at + 1)...].first { !kinds.contains(String($0)) }.map(String.init)
}

private func declaredName(_ line: CodeLine) -> String? {
    let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "typealias"]
    return line.words.firstIndex(where: kinds.contains).flatMap {
        line.words[($0 + 1)...].first.map(String.init)
    }
}

/// Names that say nothing about what is inside.
private func hollow(_ name: String) -> String? {
    name.contains(/Util|Helper|Manager/) ? name : nil
}

/// A line of a source with comments and the insides of string literals taken out, and its words, an
/// attribute with its `@`. Words are found once: an expression for each rule and line takes a minute.
struct CodeLine {
    let text: Substring
    let words: [Substring]

    init(_ text: Substring) {
        self.text = text
        words = text.split { !($0.isLetter || $0.isNumber || $0 == "_" || $0 == "@") }
    }

    func word(among wanted: Set<Substring>) -> Substring? { words.first(where: wanted.contains) }
}

func codeLines(of text: String) -> [CodeLine] {
    var inLongLiteral = false
    let text = text.hasSuffix("\n") ? text.dropLast() : text[...]
    return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
        guard line.contains("\"") else {
            return CodeLine(inLongLiteral ? "" : withoutComment(line))
        }
        let fences = line.matches(of: /"""/).count
        defer { if fences % 2 == 1 { inLongLiteral.toggle() } }
        guard !inLongLiteral, fences == 0 else { return CodeLine("") }
        return CodeLine(
            withoutComment(Substring(line.replacing(/"(?:\\.|[^"\\])*"/, with: "\"\""))))
    }
}

private func withoutComment(_ line: Substring) -> Substring {
    line.firstRange(of: "//").map { line[..<$0.lowerBound] } ?? line
}
