// `jobwire run` and its friends as real processes, with a real redis-server.

import CLinux
import Foundation
import Support
import Testing

@testable import Command

private let hasRedis = FileManager.default.isExecutableFile(atPath: "/usr/bin/redis-server")

@Suite(
    "jobwire run", .serialized, .enabled(if: hasRedis, "redis-server is not installed"),
    .timeLimit(.minutes(5)))
struct RunProcessTests {
    private let folder = DataFolder()

    private func start(_ arguments: String...) throws -> Program {
        try Program(["run", "--log-level=error"] + arguments, folder.environment)
    }

    /// One that hears what is published, what it printed, and where it listens.
    private func begun(_ arguments: String...) throws -> (
        run: Program, printed: String, address: String
    ) {
        let run = try Program(
            ["run", "--log-level=error", "--no-demo"] + arguments, folder.environment)
        let printed = try #require(run.read(until: "Ctrl-C ends it."))
        let address = try #require(printed.firstMatch(of: /listens on http:\/\/([0-9.:]+),/)).1
        let port = try #require(address.split(separator: ":").last.flatMap { Int($0) })
        try eventually("it is ready") {
            try Connection(port: port).request("/readyz").status == 200
        }
        return (run, printed, String(address))
    }

    private func call(_ arguments: String..., input: String = "") throws -> (
        code: Int32, output: String, errors: String
    ) {
        try Program(arguments, folder.environment, input: input).end()
    }

    @Test("killed with SIGKILL, it leaves no redis-server behind")
    func killed() throws {
        let run = try start("--no-demo")
        try #require(run.read(until: "Ctrl-C ends it.") != nil)
        let children = try run.children()
        try #require(children.count == 1)
        #expect(!Program.hasEnded(children[0].descriptor, withinMilliseconds: 0))
        run.signal(SIGKILL)
        #expect(Program.hasEnded(children[0].descriptor, withinMilliseconds: 10_000))
    }

    @Test("told to end, it ends with 0, and its redis-server before it")
    func ended() throws {
        let run = try start()
        try #require(run.read(until: "Ctrl-C ends it.") != nil)
        let children = try run.children()
        run.signal(SIGTERM)
        #expect(run.end().code == 0)
        #expect(Program.hasEnded(children[0].descriptor, withinMilliseconds: 0))
        #expect(kill(children[0].process, 0) == -1, "ended, but left as a zombie")
    }

    @Test("when its redis-server dies, it says so and ends with 1")
    func redisDies() throws {
        let run = try start("--no-demo")
        try #require(run.read(until: "Ctrl-C ends it.") != nil)
        kill(try #require(try run.children().first).process, SIGKILL)
        let end = run.end()
        #expect(end.code == 1)
        #expect(end.errors.contains("redis-server has ended"))
    }

    @Test("a second run takes another folder and port and leaves the first alone")
    func second() throws {
        let (first, _, address) = try begun()
        let (second, other, another) = try begun()
        #expect(address != another)
        #expect(other.contains(folder.file("2/redis.log")))
        let redis = try #require(try first.children().first)
        second.signal(SIGKILL)
        _ = second.end()
        #expect(try call("publish", "a", "--type=x").code == 0)
        #expect(!Program.hasEnded(redis.descriptor, withinMilliseconds: 0))
        first.signal(SIGTERM)
        #expect(first.end().code == 0)
    }

    @Test("the secret it made is for its owner only and stays the same")
    func secret() throws {
        var secrets: [Data] = []
        for _ in 0..<2 {
            let run = try start("--no-demo")
            try #require(run.read(until: "Ctrl-C ends it.") != nil)
            run.signal(SIGTERM)
            _ = run.end()
            let path = folder.file("token-secret")
            secrets.append(try Data(contentsOf: URL(filePath: path)))
            let mode =
                try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
        }
        #expect(secrets[0].count == 65)
        #expect(secrets[0] == secrets[1])
    }

    @Test("what is published is what tail shows, and the job's end is its exit code")
    func publishAndTail() throws {
        let (run, _, _) = try begun()
        let lines = try call(
            "publish", "b-1", "--lines", input: "one\n\u{1B}[31mtwo\u{1B}]0;x\u{07}\nthree")
        #expect(lines.code == 0)
        #expect(lines.output == "3 lines, heard by 1 subscriber\n")
        #expect(
            try call("publish", "b-1", "--type=complete").output
                == "heard by 1 subscriber on job:b-1:updates\n")
        let tail = try call("tail", "b-1")
        #expect(tail.code == 0)
        #expect(tail.output == "one\ntwo\nthree\ncompleted\n")

        #expect(
            try call(
                "publish", "b-2", "-", input: #"{"type":"error","data":{"error_message":"boom"}}"#
            ).code == 0)
        let failed = try call("tail", "b-2")
        #expect(failed.code == 1)
        #expect(failed.output == "error: boom\n")

        let json = try call("tail", "b-1", "--json", "--types=complete")
        #expect(json.output.hasPrefix(#"{"seq":"#))
        #expect(json.output.split(separator: "\n").count == 1)
        #expect(json.errors == "")

        let other = try call("token", "--jobs=other").output
        let refused = try call("tail", "b-1", "--token-file=-", input: other)
        #expect(refused.code == 3)
        #expect(refused.errors.contains("does not cover this job"))
        run.signal(SIGTERM)
        #expect(run.end().code == 0)
    }

    @Test("tail comes back after the server was away, and says what may be missing")
    func reconnect() throws {
        let (first, _, address) = try begun()
        #expect(
            try call("publish", "r-1", "--type=log", "--data={\"log_line\":\"before\"}").code == 0)
        let tail = try Program(["tail", "r-1"], folder.environment)
        #expect(tail.read(until: "before\n") != nil)
        first.signal(SIGTERM)
        #expect(first.end().code == 0)
        #expect(tail.read(until: "reconnecting …\n") != nil)
        let (second, _, _) = try begun("--listen=\(address)")
        #expect(tail.read(until: "connected again\n") != nil)
        #expect(try call("publish", "r-1", "--type=complete").code == 0)
        let end = tail.end()
        #expect(end.code == 0)
        #expect(end.output.hasSuffix("completed\n"))
        second.signal(SIGTERM)
        #expect(second.end().code == 0)
    }

    @Test("Ctrl-C ends tail with 130, and a run that was killed is not found any more")
    func interrupted() throws {
        let (run, _, _) = try begun()
        #expect(
            try call("publish", "i-1", "--type=log", "--data={\"log_line\":\"here\"}").code == 0)
        let tail = try Program(["tail", "i-1"], folder.environment)
        #expect(tail.read(until: "here\n") != nil)
        tail.signal(SIGINT)
        #expect(tail.end().code == 130)
        run.signal(SIGKILL)
        _ = run.end()
        #expect(RunFolder.running(in: folder.path + "/jobwire") == nil)
        #expect(FileManager.default.fileExists(atPath: folder.file("1/address")))
    }

    @Test("a port that is taken is named with its setting")
    func port() throws {
        let (run, _, address) = try begun()
        let refused = try call("run", "--listen=\(address)")
        #expect(refused.code == 1)
        #expect(
            refused.errors.contains(
                "\(address) is in use; choose another with --listen or JOBWIRE_LISTEN"))
        run.signal(SIGTERM)
        #expect(run.end().code == 0)
    }

    @Test("without redis-server it says how to get one")
    func noRedis() throws {
        let end = try Program(["run"], folder.environment.merging(["PATH": "/nowhere"]) { $1 })
            .end()
        #expect(end.code == 1)
        #expect(end.errors.contains("apt-get install redis-server"))
    }

    @Test("what can't be reached ends with 4")
    func unreachable() throws {
        #expect(try call("tail", "x", "--url=http://127.0.0.1:1", "--token=a").code == 4)
        #expect(try call("publish", "x", "--type=y", "--redis-url=redis://127.0.0.1:1").code == 4)
        #expect(
            try call("publish", "x", "--lines", "--redis-url=redis://127.0.0.1:1", input: "a\n")
                .code == 4)
    }
}
