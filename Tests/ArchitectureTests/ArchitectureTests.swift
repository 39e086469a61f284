// The sources keep to the tables in Rules.swift. The second half is the canary: a source that
// breaks every rule must be caught at every line, or the first half would pass for no reason.

import Foundation
import Testing

@Suite("Architecture")
struct ArchitectureTests {
    @Test("holds in all sources")
    func sources() throws {
        let files = try SourceFile.all()
        #expect(files.count > 10, "the sources were not found")
        for violation in Architecture.jobwire.violations(in: files) { Issue.record("\(violation)") }
    }

    @Test(
        "what is embedded in the binary is what lies in the folder",
        arguments: ["tools/embed-page", "tools/embed-script"])
    func embedded(tool: String) throws {
        let check = Process()
        check.executableURL = URL(filePath: "/usr/bin/env")
        check.arguments = [
            "python3", repositoryRoot.appending(path: tool).path, "--check",
        ]
        try check.run()
        check.waitUntilExit()
        #expect(check.terminationStatus == 0)
    }

    @Test("every allowance says why")
    func reasons() {
        for row in Architecture.jobwire.unsafe { #expect(row.reason.count > 20, "\(row.path)") }
    }

    @Test("catches a source that breaks every rule")
    func canary() {
        let bad = SourceFile(
            path: "Hub/Canary.swift",
            text: """
                import Jobs
                import Foundation
                @_exported import Bytes
                @preconcurrency import Redis
                import struct Wire.RequestHead
                nonisolated(unsafe) var counter = 0
                final class Box: @unchecked Sendable {}
                @unsafe struct Raw {}
                @safe struct Wrapped {}
                let first = unsafe pointer.pointee
                struct ConnectionManager {}
                func wait() async {}
                let bytes = text.utf8.span
                // unsafe, import Foundation and await in a comment are words
                let text = "unsafe @unchecked await // import Foundation"
                """)
        let rows: [(Violation.Rule, Int)] = [
            (.forbiddenImport, 2), (.reExport, 3), (.forbiddenImport, 4), (.forbiddenImport, 5),
            (.escape, 6), (.escape, 7), (.escape, 8), (.escape, 9), (.escape, 10),
            (.hollowName, 11), (.asynchrony, 12), (.spanOfString, 13),
        ]
        let found = Architecture.jobwire(allowing: []).violations(in: [bad])
        #expect(found.map(\.line) == rows.map(\.1))
        #expect(found.map(\.rule) == rows.map(\.0))
    }

    @Test("catches a target nobody planned, a name that says nothing and a file too long")
    func wholeFiles() {
        func lines(_ count: Int) -> String { String(repeating: "// a line\n", count: count) }
        let found = Architecture.jobwire(allowing: []).violations(in: [
            SourceFile(path: "Common/Queue.swift", text: ""),
            SourceFile(path: "Wire/StringUtils.swift", text: ""),
            SourceFile(path: "Wire/Long.swift", text: lines(301)),
            SourceFile(path: "Wire/AlmostLong.swift", text: lines(300)),
        ])
        #expect(found.map(\.rule) == [.unknownTarget, .hollowName, .tooLong])
    }

    @Test("catches an allowance for what is no longer there")
    func staleAllowance() {
        let row = Allowance("Hub/Rings.swift", [.unsafe, .unchecked], "a reason of some length")
        let used = SourceFile(path: "Hub/Rings.swift", text: "let first = unsafe base[0]")
        let found = Architecture.jobwire(allowing: [row]).violations(in: [used])
        #expect(found.map(\.rule) == [.staleAllowance])
        #expect(found.map(\.text) == ["unchecked"])
    }
}

extension Architecture {
    /// The same rules with other rows of escapes.
    fileprivate static func jobwire(allowing unsafe: [Allowance]) -> Architecture {
        Architecture(
            imports: jobwire.imports, unsafe: unsafe, generated: jobwire.generated,
            fileLinesMax: jobwire.fileLinesMax)
    }
}

/// The folder of Package.swift.
let repositoryRoot = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

extension SourceFile {
    static func all() throws -> [SourceFile] {
        let sources = repositoryRoot.appending(path: "Sources")
        let paths = try FileManager.default.subpathsOfDirectory(atPath: sources.path)
        return try paths.filter { $0.hasSuffix(".swift") }.sorted().map { path in
            let text = try String(contentsOf: sources.appending(path: path), encoding: .utf8)
            return SourceFile(path: path, text: text)
        }
    }
}
