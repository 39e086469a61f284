// Holds source text to the rules of an `Architecture` and names every breach. Pure: text in,
// violations out, so that a bad source made up in a test shows that each rule bites.

/// Where code leaves what the compiler can prove.
enum Escape: String, CaseIterable {
    case unsafe
    case unchecked

    /// `unsafe` marks, attributes and `nonisolated(unsafe)` alike, and `@safe`, which ends them.
    func stands(in code: Substring) -> Bool {
        switch self {
        case .unsafe: code.contains(/\bunsafe\b|@safe\b/)
        case .unchecked: code.contains(/@unchecked\b/)
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
            if line.contains("@_exported") { report(.reExport, line: number, line) }
            for escape in Escape.allCases
            where escape.stands(in: line) && !escapesAllowed.contains(escape) {
                report(.escape, line: number, escape.rawValue)
            }
            if let name = declaredName(line).flatMap(hollow) {
                report(.hollowName, line: number, name)
            }
            // Points to where a short String was (JSON/TextBytes.swift, `lendUTF8`).
            if line.contains("utf8.span") { report(.spanOfString, line: number, line) }
            if let word = line.firstMatch(of: /\b(async|await|actor)\b/) {
                report(.asynchrony, line: number, word.output.0)
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

private func importedModule(_ line: Substring) -> String? {
    let form =
        #/
        ^\s* (?: @\w+ (?: \(\w+\) )? \s+ | (?: public|package|internal|private|fileprivate ) \s+ )*
        import \s+ (?: (?: struct|class|enum|protocol|func|var|let|typealias ) \s+ )? (\w+)
        /#
    return line.firstMatch(of: form).map { String($0.output.1) }
}

private func declaredName(_ line: Substring) -> String? {
    line.firstMatch(of: /\b(?:struct|class|enum|protocol|typealias)\s+(\w+)/)
        .map { String($0.output.1) }
}

/// Names that say nothing about what is inside.
private func hollow(_ name: String) -> String? {
    name.contains(/Util|Helper|Manager/) ? name : nil
}

/// The lines of a source with comments and the insides of string literals taken out.
func codeLines(of text: String) -> [Substring] {
    var inLongLiteral = false
    let text = text.hasSuffix("\n") ? text.dropLast() : text[...]
    return text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
        let fences = line.matches(of: /"""/).count
        defer { if fences % 2 == 1 { inLongLiteral.toggle() } }
        guard !inLongLiteral, fences == 0 else { return "" }
        return Substring(line.replacing(/"(?:\\.|[^"\\])*"/, with: "\"\"")).prefix(upTo: "//")
    }
}

extension Substring {
    fileprivate func prefix(upTo mark: String) -> Substring {
        firstRange(of: mark).map { self[..<$0.lowerBound] } ?? self
    }
}
