// Which paths an operator may give to the clients of an older system, and what he is told of others.

import Jobs
import Testing

@testable import Settings

@Suite("Aliases")
struct AliasTests {
    static func problems(_ aliases: String, _ more: String...) throws -> [String] {
        let settings = try invocation(
            ["--aliases=\(aliases)", SettingsCheckTests.secret] + more
        ).settings
        return faults { () throws(SettingsFault) in try settings.checked() }.map(\.description)
    }

    @Test("an alias is a path, where it leads, and perhaps a scope")
    func reading() throws {
        let table: [(text: String, path: String, target: Alias.Target, scope: String?)] = [
            ("/ws=jobs", "/ws", .jobs, nil),
            ("/ws/admin=feed:admin@admin", "/ws/admin", try .feed(feed("admin")), "admin"),
            ("/job-progress=jobs@jobs:read", "/job-progress", .jobs, "jobs:read"),
            (
                "/api/ws/dashboard=feed:a.b_c:d-1", "/api/ws/dashboard",
                try .feed(feed("a.b_c:d-1")), nil
            ),
            ("/ws/q=queue:builds", "/ws/q", .queue("builds"), nil),
            ("/healthz2=jobs", "/healthz2", .jobs, nil), ("/api/v10=jobs", "/api/v10", .jobs, nil),
            ("/.../~x=jobs", "/.../~x", .jobs, nil),
        ]
        for row in table {
            let alias = try Alias(reading: row.text)
            #expect(alias.path == row.path && alias.target == row.target, "\(row.text)")
            #expect(alias.scope == row.scope, "\(row.text)")
        }
        #expect(try Self.problems("/ws=jobs,/ws/training=feed:training, /job-progress=jobs") == [])
    }

    @Test(
        "what leads nowhere, or is in the way of a route, is refused by a sentence that says so",
        arguments: [
            ("/ws", .noTarget), ("=jobs", .badPath), ("ws=jobs", .badPath), ("/=jobs", .badPath),
            ("/ws/=jobs", .badPath), ("//ws=jobs", .badPath), ("/w%20s=jobs", .badPath),
            ("/ws/..=jobs", .badPath), ("/./ws=jobs", .badPath), ("/ws?x=jobs", .badPath),
            ("/wé=jobs", .badPath), ("/ws=", .badTarget), ("/ws=job", .badTarget),
            ("/ws=jobs:1", .badTarget), ("/ws=feed", .badTarget), ("/ws=feed:", .badFeed(.empty)),
            ("/ws=feed:.", .badFeed(.dots)), ("/ws=feed:a/b", .badFeed(.reservedCharacter)),
            ("/ws=feed:*", .badFeed(.reservedCharacter)),
            ("/ws=queue:", .badTarget),
            ("/ws=queue:" + String(repeating: "q", count: 129), .badTarget),
            ("/ws=jobs@", .unknownScope),
            ("/ws=jobs@root", .unknownScope), ("/ws=feed:a@admin@admin", .unknownScope),
            ("/api/v1=jobs", .reserved("/api/v1")), ("/api/v1/ws=jobs", .reserved("/api/v1")),
            ("/jobs/1=jobs", .reserved("/jobs")), ("/metrics=jobs", .reserved("/metrics")),
            ("/healthz/x=jobs", .reserved("/healthz")), ("/assets/ws=jobs", .reserved("/assets")),
        ] as [(String, AliasFault)])
    func refused(text: String, fault: AliasFault) throws {
        #expect(throws: fault) { try Alias(reading: text) }
        #expect(try Self.problems(text) == ["aliases: \(quoted(text)) \(fault.message)"])
    }

    @Test("a path has at most so many bytes")
    func length() throws {
        for length in [Alias.pathBytesMax - 1, Alias.pathBytesMax, Alias.pathBytesMax + 1] {
            let path = "/" + String(repeating: "x", count: length - 1)
            #expect((try? Alias(reading: path + "=jobs")) != nil || length > Alias.pathBytesMax)
            #expect((try? Alias(reading: path + "=jobs")) == nil || length <= Alias.pathBytesMax)
        }
    }

    @Test("a path stands there once, and every problem is told")
    func together() throws {
        #expect(
            try Self.problems("/a=jobs,/b=jobs,/a=feed:x") == [
                #"aliases: "/a=feed:x" has the path of another one"#
            ])
        #expect(try Self.problems("a=jobs,/b").count == 2)
        #expect(try Self.problems("/q=queue:x").isEmpty)
    }

    @Test("a feed that no message can be of leads nowhere")
    func impossible() throws {
        let problem = #"aliases: "/a=feed:b" leads to a feed that is not among feeds"#
        for (feeds, problems) in [
            ("", [problem]), ("a=x", [problem]), ("a=x,b=y", []), ("news:*", []), ("b=x:*", []),
        ] {
            #expect(try Self.problems("/a=feed:b", "--feeds=\(feeds)") == problems, "\(feeds)")
        }
    }

    private func feed(_ name: String) throws -> JobID { try JobID(checking: name, kind: .feed) }
}
