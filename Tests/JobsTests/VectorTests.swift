// The vectors of conformance/ that say what a worker's words become. Their files are read whole: a new
// line there is a new case here.

import Foundation
import JSON
import Jobs
import Testing

@Suite("Vectors of conformance/")
struct VectorTests {
    @Test("job ids")
    func jobIDs() throws {
        let file = try Vectors("job-ids.json")
        for row in try file.rows("good") {
            let id = try #require(text(row, "id"))
            #expect(throws: Never.self, "\(id)") { try JobID(checking: id) }
        }
        for row in try file.rows("bad") {
            let id = try #require(text(row, "id"))
            let fault = #expect(throws: JobIDFault.self, "\(id)") { try JobID(checking: id) }
            if let name = row["fault"] as? String { #expect(fault?.rawValue == name, "\(id)") }
        }
    }

    @Test("cursors")
    func cursors() throws {
        let file = try Vectors("cursors.json")
        for row in try file.rows("good") {
            let cursor = try Cursor(checking: try #require(text(row, "text")))
            #expect(cursor.epoch?.text == row["epoch"] as? String)
            #expect("\(cursor.seq)" == row["seq"] as? String)
        }
        for row in try file.rows("bad") {
            let cursor = try #require(text(row, "text"))
            #expect(throws: CursorFault.self, "\(cursor)") { try Cursor(checking: cursor) }
        }
    }

    @Test("events, byte for byte, and what is counted about them")
    func events() throws {
        let file = try Vectors("events.json")
        let job = try #require(file.text("job"))
        let seq = try #require(file.root["seq"] as? Int)
        let heardAt = try time(file.text("heard_at"))
        for row in try file.rows("cases") {
            let name = try #require(row["name"] as? String)
            let payload = try #require(bytes(row, "payload"), "\(name)")
            let limit = row["event_bytes_max"] as? Int ?? EventReader.eventBytesMaxDefault
            var reader = EventReader(eventBytesMax: limit)
            let event = reader.read(payload.span, heardAt: heardAt)
            let sent = "{\"seq\":\(seq),\"job_id\":\"\(job)\"," + event.text
            #expect(sent == text(row, "event"), "\(name)")
            let oddities = row["oddities"] as? [String] ?? []
            #expect(Set(event.oddities.all.map(\.rawValue)) == Set(oddities), "\(name)")
        }
    }

    @Test("snapshots of the canonical messages and of the five systems'")
    func snapshots() throws {
        let file = try Vectors("snapshots.json")
        let first = try time(file.text("heard_at_first"))
        for row in try file.rows("cases") {
            let name = try #require(row["name"] as? String)
            let expected = try #require(row["snapshot"] as? [String: Any], "\(name)")
            var snapshot = Snapshot()
            var reader = EventReader()
            for (second, payload) in try #require(row["events"] as? [String]).enumerated() {
                let heardAt = WallTime(milliseconds: first.milliseconds + Int64(second) * 1_000)
                snapshot.apply(reader.read(Array(payload.utf8).span, heardAt: heardAt).change)
            }
            var writer = JSONWriter()
            writer.beginObject()
            snapshot.writeMembers(into: &writer, job: try JobID(checking: "123"), watchers: 0)
            writer.endObject()
            let json = try JSONSerialization.jsonObject(with: Data(writer.bytes))
            let found = try #require(json as? [String: Any])
            for (member, value) in expected {
                #expect(
                    (found[member] as? NSObject) == (value as? NSObject), "\(name): \(member)")
            }
        }
    }

    private func time(_ text: String?) throws -> WallTime {
        let text = Array(try #require(text).utf8)
        let time = WallTime(reading: text.span)
        return try #require(time)
    }

    private func bytes(_ row: [String: Any], _ key: String) -> [UInt8]? {
        if let base64 = row["\(key)_base64"] as? String {
            return Data(base64Encoded: base64).map { Array($0) }
        }
        return text(row, key).map { Array($0.utf8) }
    }

    private func text(_ row: [String: Any], _ key: String) -> String? {
        if let text = row[key] as? String { return text }
        guard let parts = row["\(key)_parts"] as? [[Any]] else { return nil }
        return parts.map { part in
            String(repeating: part[0] as? String ?? "", count: part[1] as? Int ?? 0)
        }.joined()
    }
}

private struct Vectors {
    let root: [String: Any]

    init(_ name: String) throws {
        let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let data = try Data(contentsOf: tests.appending(path: "../conformance/\(name)"))
        root = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    func text(_ name: String) -> String? { root[name] as? String }

    func rows(_ name: String) throws -> [[String: Any]] {
        let rows = try #require(root[name] as? [[String: Any]])
        try #require(!rows.isEmpty)
        return rows
    }
}
