// Settings have one job: what the operator wrote is what applies, or a sentence says why not.

import Testing

@testable import Settings

@Suite("Settings")
struct SettingsTests {
    @Test("a flag wins over a variable, a variable over the file, the file over the default")
    func precedence() throws {
        let files = ["jw.conf": "loops = 1\nlisten = :1\npatterns = a:*\n"]
        let environment = [
            "JOBWIRE_CONFIG": "jw.conf", "JOBWIRE_LOOPS": "2", "JOBWIRE_LISTEN": ":2",
        ]
        let asked = try invocation(["--listen=:3"], environment, files)
        #expect(asked.settings.listen == ":3")
        #expect(asked.settings.loops == 2)
        #expect(asked.settings.patterns == ["a:*"])
        #expect(asked.settings.drainGrace == .seconds(10))
        #expect(
            asked.origins == [
                "listen": "--listen", "loops": "JOBWIRE_LOOPS", "patterns": "jw.conf:3",
            ])
    }

    @Test("--config wins over JOBWIRE_CONFIG, and an empty JOBWIRE_CONFIG is none")
    func configFile() throws {
        let files = ["a": "loops = 1", "b": "loops = 2"]
        #expect(
            try invocation(["--config", "b"], ["JOBWIRE_CONFIG": "a"], files).settings.loops == 2)
        #expect(try invocation([], ["JOBWIRE_CONFIG": ""], files).settings.loops == 0)
    }

    @Test("the file takes comments, blank lines, quotes, CRLF and both spellings")
    func fileForms() throws {
        let text =
            "# comment\r\n\r\n  listen = \"[::1]:0\"  \r\nJOBWIRE_LOOPS=3\r\n\tlog-level =debug"
        let settings = try invocation(["--config=f"], [:], ["f": text]).settings
        #expect(settings.listen == "[::1]:0")
        #expect(settings.loops == 3)
        #expect(settings.logLevel == .debug)
    }

    @Test("--name=value, --name value, switches, words and -- are told apart")
    func forms() throws {
        let asked = try invocation(
            [
                "job-1", "--loops", "4", "--no-require-exp", "--ttl=1h", "--json", "-", "--",
                "--loops",
            ],
            options: [CommandOption("ttl", as: "TIME", ""), CommandOption("json", "")])
        #expect(asked.settings.loops == 4)
        #expect(asked.settings.requireExp == false)
        #expect(asked.options == ["ttl": ["1h"], "json": ["true"]])
        #expect(asked.words == ["job-1", "-", "--loops"])
        #expect(!asked.wantsHelp)
        #expect(try invocation(["-h"]).wantsHelp)
        #expect(try invocation(["--help", "--bogus"]).wantsHelp, "help comes before problems")
        #expect(try invocation(["--require-exp=off"]).settings.requireExp == false)
    }

    @Test("a secret can come from a file, without the newline an editor adds")
    func secretFiles() throws {
        let files = ["s": "abc\n", "t": "abc\r\n", "u": "abc\n\n"]
        for (file, secret) in [("s", "abc"), ("t", "abc"), ("u", "abc\n")] {
            for asked in [
                try invocation([], ["JOBWIRE_TOKEN_SECRET_FILE": file], files),
                try invocation(["--token-secret-file", file], [:], files),
                try invocation(
                    ["--config=c"], [:], files.merging(["c": "token-secret-file=\(file)"]) { $1 }),
            ] { #expect(asked.settings.tokenSecret == Secret(secret)) }
        }
    }

    @Test("a secret and its file, both in one place, is a mistake; a flag still wins over a file")
    func secretTwice() throws {
        let both = ["JOBWIRE_TOKEN_SECRET": "a", "JOBWIRE_TOKEN_SECRET_FILE": "s"]
        #expect(try problems([], both, ["s": "b"]).map(\.setting) == ["token-secret"])
        let asked = try invocation(
            ["--token-secret=flag"], ["JOBWIRE_TOKEN_SECRET_FILE": "s"], ["s": "b"])
        #expect(asked.settings.tokenSecret == Secret("flag"))
    }

    @Test("what cannot be read is refused in a sentence", arguments: refusals)
    func refusal(_ example: Refusal) throws {
        #expect(
            try problems(example.arguments, example.environment, example.files).map(\.description)
                == [example.says])
    }

    static let refusals: [Refusal] = [
        Refusal(
            ["--config=f"], files: ["f": "JOBWIRE_CONFIG = g"],
            #""JOBWIRE_CONFIG" (from f:1): no such setting"#),
        Refusal(
            ["--config=f", "--config=f"], files: ["f": ""], "config (from --config): given twice"),
        Refusal(
            ["--loops=many"],
            #"loops (from --loops): expected an integer from 0 to 64, got "many""#),
        Refusal(
            ["--loops=65"], #"loops (from --loops): expected an integer from 0 to 64, got "65""#),
        Refusal(
            ["--loops=-1"], #"loops (from --loops): expected an integer from 0 to 64, got "-1""#),
        Refusal(["--loops", "1", "--loops=1"], "loops (from --loops): given twice"),
        Refusal(["--loops"], "--loops: expected a value after it"),
        Refusal(["--loops", "--require-exp"], "--loops: expected a value after it"),
        Refusal(["--lops=1"], #""--lops": no such setting; did you mean --loops?"#),
        Refusal(
            ["--no-require-ex"],
            #""--no-require-ex": no such setting; did you mean --no-require-exp?"#),
        Refusal(["--zebra"], #""--zebra": no such setting"#),
        Refusal(["-l=secret"], "-l: flags have two dashes; see --help"),
        Refusal(
            environment: ["JOBWIRE_REDIS_ULR": "x"],
            #""JOBWIRE_REDIS_ULR": no such setting; did you mean JOBWIRE_REDIS_URL?"#),
        Refusal(
            environment: ["JOBWIRE_LOG_LEVEL": "loud"],
            "log-level (from JOBWIRE_LOG_LEVEL): expected one of error, warning, info, debug, trace, got \"loud\""
        ),
        Refusal(
            ["--ping-interval=25"],
            #"ping-interval (from --ping-interval): expected a time such as 25s or 300ms, from 10ms to 1h, got "25""#
        ),
        Refusal(
            ["--event-bytes-max=1MB"],
            #"event-bytes-max (from --event-bytes-max): expected a size such as 64KiB, from 1KiB to 64MiB, got "1MB""#
        ),
        Refusal(
            ["--require-exp=maybe"],
            #"require-exp (from --require-exp): expected true or false, got "maybe""#),
        Refusal(
            ["--patterns=a:*,,b:*"],
            #"patterns (from --patterns): expected words with commas between them, got "a:*,,b:*""#),
        Refusal(
            ["--listen=a\u{1B}[2J:1"],
            #"listen (from --listen): expected text without control characters, got "a\u{1B}[2J:1""#
        ),
        Refusal(
            ["--config=none"],
            "config (from --config): the file could not be read: none is not there"),
        Refusal(
            ["--token-secret-file=none"],
            "token-secret (from --token-secret-file): the file could not be read: none is not there"
        ),
        Refusal(
            ["--config=f"], files: ["f": "loops = 1\nhello"],
            "config (from f:2): expected name = value"),
        Refusal(
            ["--config=f"], files: ["f": "\nloop = 1"],
            #""loop" (from f:2): no such setting; did you mean loops?"#),
        Refusal(
            ["--config=f"], files: ["f": "config = g"], #""config" (from f:1): no such setting"#),
        Refusal(
            ["--config=f"], files: ["f": "loops=1\nJOBWIRE_LOOPS=2"],
            "loops (from f:2): given as loops too"),
    ]

    @Test("all problems are told at once")
    func allProblems() throws {
        let found = try problems(["--loops=x", "--bogus"], ["JOBWIRE_LISTEN": "\u{7F}"])
        #expect(found.map(\.setting) == [#""--bogus""#, "listen", "loops"])
    }

    @Test("variables that Kubernetes sets for a Service named jobwire are not ours")
    func serviceLinks() throws {
        let environment = [
            "JOBWIRE_SERVICE_HOST": "10.0.0.1", "JOBWIRE_SERVICE_PORT": "80",
            "JOBWIRE_SERVICE_PORT_HTTP": "80", "JOBWIRE_PORT": "tcp://10.0.0.1:80",
            "JOBWIRE_PORT_80_TCP": "tcp://10.0.0.1:80", "JOBWIRE_PORT_80_TCP_ADDR": "10.0.0.1",
            "JOBWIRE_METRICS_SERVICE_HOST": "10.0.0.2",
        ]
        #expect(try invocation([], environment).settings == Settings())
        #expect(try problems([], ["JOBWIRE_PORT": "80"]).count == 1)
    }

    @Test("no problem, dump or description shows a secret")
    func secretsStayHidden() throws {
        var shown = ""
        let settings = try invocation([
            "--token-secret=hunter2hunter2",
            "--redis-url=redis://me:hunter2@host:1/0?password=hunter2",
        ]).settings
        dump(settings, to: &shown)
        debugPrint(settings, settings.tokenSecret, to: &shown)
        print(settings, settings.tokenSecret, to: &shown)
        shown += Settings.table.map { $0.shown(in: settings) }.joined()
        shown += faults { () throws(SettingsFault) in try settings.checked() }.map(\.description)
            .joined()
        for arguments in [
            ["--token-secret=hunter2", "--token-secret=hunter2"], ["--token-secert=hunter2"],
        ] {
            shown += try problems(arguments).map(\.description).joined()
        }
        shown += try problems(["--config=f"], [:], ["f": "hunter2"]).map(\.description).joined()
        #expect(!shown.contains("hunter2"))
        #expect(shown.contains("redis://(hidden)@host:1/0"))
    }

    @Test("every setting takes its own default back, by flag, by variable and by file")
    func defaultsRoundTrip() throws {
        for setting in Settings.table where !setting.isSecret {
            let text = setting.defaultShown
            for asked in [
                try invocation(["\(setting.flag)=\(text)"]),
                try invocation([], [setting.variable: text]),
                try invocation(["--config=f"], [:], ["f": "\(setting.name) = \(text)"]),
            ] { #expect(asked.settings == Settings(), "\(setting.name)") }
        }
    }

    @Test("every number, size and time refuses what lies just outside its range")
    func ranges() throws {
        for setting in Settings.table {
            guard let range = setting.expected.firstMatch(of: /from (\S+) to (\S+)$/) else {
                continue
            }
            for (bound, step) in [(range.1, -1), (range.2, 1)] {
                let number = try #require(Int(bound.prefix { $0.isNumber }))
                let unit = bound.drop { $0.isNumber }
                #expect(try problems(["\(setting.flag)=\(bound)"]).isEmpty, "\(setting.name)")
                #expect(
                    try problems(["\(setting.flag)=\(number + step)\(unit)"]).count == 1,
                    "\(setting.name)")
            }
        }
    }

    @Test("each name stands once in the table, in lower-case words with dashes")
    func names() {
        let names = Settings.table.map(\.name)
        #expect(Set(names).count == names.count)
        #expect(names.allSatisfy { $0.contains(/^[a-z]+(-[a-z]+)*$/) })
        // What is no setting are the issuers that the file's sections describe.
        #expect(Mirror(reflecting: Settings()).children.count == names.count + 1)
    }

    @Test("hostile arguments end in a problem, never a trap")
    func hostile() throws {
        let long = String(repeating: "9", count: 100_000)
        for name in Settings.table.map(\.flag) {
            for value in [
                "", long, "99999999999999999999s", "9223372036854775807h", "9223372036854775807GiB",
                "\0",
            ] {
                _ = try? invocation(["\(name)=\(value)"])
            }
        }
        #expect(try problems(["--" + long]).count == 1)
        #expect(try problems(["--loops=" + long])[0].description.count < 200)
    }
}

struct Refusal: Sendable {
    let arguments: [String]
    let environment: [String: String]
    let files: [String: String]
    let says: String

    init(
        _ arguments: [String] = [], environment: [String: String] = [:],
        files: [String: String] = [:], _ says: String
    ) {
        (self.arguments, self.environment, self.files, self.says) = (
            arguments, environment, files, says
        )
    }
}

struct NotThere: Error, CustomStringConvertible { let description: String }

func invocation(
    _ arguments: [String], _ environment: [String: String] = [:], _ files: [String: String] = [:],
    options: [CommandOption] = []
) throws(SettingsFault) -> Invocation {
    try Invocation(arguments: arguments, environment: environment, options: options) { path in
        guard let text = files[path] else { throw NotThere(description: "\(path) is not there") }
        return Array(text.utf8)
    }
}

func faults(_ body: () throws(SettingsFault) -> Void) -> [SettingsProblem] {
    do {
        try body()
        return []
    } catch { return error.problems }
}

func problems(
    _ arguments: [String], _ environment: [String: String] = [:], _ files: [String: String] = [:]
) throws -> [SettingsProblem] {
    faults { () throws(SettingsFault) in _ = try invocation(arguments, environment, files) }
}
