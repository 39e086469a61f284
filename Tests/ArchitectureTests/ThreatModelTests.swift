// docs/security.md claims nothing that no test holds: each of its lines names tests, and they are there.

import Foundation
import Testing

@Suite("Threat model")
struct ThreatModelTests {
    @Test("each threat names at least one test, and each test that is named exists")
    func named() throws {
        let document = try String(
            contentsOf: repositoryRoot.appending(path: "docs/security.md"), encoding: .utf8)
        let tests = try allTests()
        let threats = document.split(separator: "\n").filter { $0.contains(/^\| [A-Z][0-9]+ \|/) }
        #expect(threats.count > 40, "the tables were not found")
        for threat in threats {
            let names = threat.split(separator: "|").last!.matches(of: /`([^`]+)`/).map {
                String($0.1)
            }
            #expect(!names.isEmpty, "\(threat.prefix(80))")
            for name in names
            where !tests.contains("def \(name)(") && !tests.contains("\"\(name)\"") {
                Issue.record("docs/security.md names a test that is not there: \(name)")
            }
        }
    }

    private func allTests() throws -> String {
        let folder = repositoryRoot.appending(path: "Tests")
        let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
        return try (files?.compactMap { $0 as? URL } ?? [])
            .filter {
                ["swift", "py"].contains($0.pathExtension) && !$0.path.contains("ThreatModel")
            }
            .map { try String(contentsOf: $0, encoding: .utf8) }.joined()
    }
}
