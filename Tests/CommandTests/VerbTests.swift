// The table of verbs, held against its help and against what the command does with a line.

import Settings
import Testing

@testable import Command

/// A place whose words are kept.
final class Heard {
    var output = ""
    var complaints: [String] = []
    var served: Settings?

    func run(_ arguments: [String], _ environment: [String: String] = [:]) -> ExitCode {
        let place = Place(
            version: "1.2.3", environment: environment,
            serve: { [self] settings, _, _, _ in served = settings },
            write: { [self] in
                output += $0; return true
            },
            complain: { [self] in complaints.append($0) })
        return Command.run(arguments, in: place)
    }
}

@Suite("The command line")
struct VerbTests {
    @Test(
        "help is at most 80 columns wide and begins with examples",
        arguments: Verb.table.map(\.name))
    func help(_ name: String) throws {
        let page = VerbHelp.page(of: try Verb.named(name))
        for line in page.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
        let examples = try #require(page.firstRange(of: "Examples:"))
        let usage = try #require(page.firstRange(of: "Usage:"))
        #expect(examples.lowerBound < usage.lowerBound)
        for code in ExitCode.all { #expect(page.contains("  \(code.number) ")) }
    }

    @Test("the overview names every command and fits 80 columns")
    func overview() {
        let heard = Heard()
        #expect(heard.run([]) == .done)
        for verb in Verb.table { #expect(heard.output.contains("\n  \(verb.name) ")) }
        for line in heard.output.split(separator: "\n") { #expect(line.count <= 80, "\(line)") }
    }

    @Test("help, --help and -h say the same", arguments: Verb.table.map(\.name))
    func waysToAsk(_ name: String) {
        let pages = [["help", name], [name, "--help"], [name, "-h"], ["--help", name]].map { line in
            let heard = Heard()
            #expect(heard.run(line, ["JOBWIRE_NONSENSE": "1"]) == .done)
            return heard.output
        }
        #expect(Set(pages).count == 1)
    }

    @Test("every flag used in an example exists", arguments: Verb.table.map(\.name))
    func examples(_ name: String) throws {
        let verb = try Verb.named(name)
        let known = Set(
            verb.options.map(\.name) + Settings.table.map(\.name)
                + Settings.table.map { $0.name + "-file" } + ["config"])
        for example in verb.examples + verb.forms {
            for match in example.matches(of: /--([a-z][a-z-]*)/) where !example.hasPrefix("curl") {
                let flag = String(match.1)
                let other = Verb.table.flatMap(\.options).map(\.name)
                #expect(
                    known.contains(flag) || (example.contains("|") && other.contains(flag)),
                    "\(flag) in \(example)")
            }
        }
    }

    @Test("settings that a page points to exist, and no option hides one that the command reads")
    func names() {
        let settings = Set(Settings.table.map(\.name))
        for verb in Verb.table {
            for name in verb.settings ?? [] {
                #expect(settings.contains(name), "\(verb.name): \(name)")
            }
            for option in verb.options {
                let isRead = verb.settings?.contains(option.name) ?? settings.contains(option.name)
                #expect(!isRead, "\(verb.name): \(option.name)")
            }
            #expect(Set(verb.options.map(\.name)).count == verb.options.count)
        }
    }

    @Test(
        "a slip is answered with what was meant",
        arguments: [
            (["srve"], "did you mean serve?"), (["tial", "x"], "did you mean tail?"),
            (["serve", "--listne=:1"], "did you mean --listen?"),
            (["publish", "a", "--tpye=log"], "did you mean --type?"),
            (["token", "--job=a"], "did you mean --jobs?"),
            (["token", "--scope=jobs:raed"], "did you mean jobs:read?"),
            (["simulate", "--kinds=build,hueg"], "did you mean huge?"),
            (["docter"], "did you mean doctor?"),
        ])
    func slips(_ line: [String], _ hint: String) {
        let heard = Heard()
        #expect(
            heard.run(line, ["JOBWIRE_TOKEN_SECRET": String(repeating: "s", count: 32)]) == .usage)
        #expect(heard.complaints.joined(separator: "\n").contains(hint), "\(heard.complaints)")
        #expect(heard.output == "")
    }

    @Test(
        "a wrong line is refused with code 2 and says what is wrong",
        arguments: [
            (["publish"], "something is missing"), (["publish", "a", "b", "c"], "unexpected: c"),
            (["publish", "a b", "{}"], "a job id must not contain a space"),
            (["publish", "a"], "say what to publish"), (["publish", "a", "{"], "not JSON"),
            (["publish", "a", "[1]"], "an object is expected"),
            (["publish", "a", "{}", "--type=x"], "either"),
            (["publish", "a", "--lines", "--type=x"], "standard input alone"),
            (["publish", "a", "--type=x", "--type=y"], "given twice"),
            (["publish", "a", "--type=x", "--data=1"], "an object is expected"),
            (["publish", "a", "--type=x", "--then=failed"], "--then goes with --lines"),
            (["publish", "a", "--lines", "--then=done"], "--then: expected completed or failed"),
            (["exec", "a"], "something is missing"), (["exec", "a", "--"], "something is missing"),
            (["exec", "a b", "--", "true"], "a job id must not contain a space"),
            (["exec", "a", "true", "-x"], "two dashes"),
            (["exec", "a", "--redis-url=http://x", "--", "true"], "unknown scheme"),
            (["tail"], "something is missing"), (["tail", ".."], "a job id must not be"),
            (["tail", "a", "--url=ftp://x"], "expected http"),
            (["tail", "a", "--url=http://"], "host is missing"),
            (["tail", "a", "--after=x"], "--after"), (["tail", "a", "--history=-1"], "--history"),
            (["tail", "a", "--token=x", "--token-file=y"], "--token or --token-file"),
            (["token", "--ttl=soon"], "--ttl"), (["token", "--ttl=0s"], "--ttl"),
            (["token", "mint"], "unexpected: mint"),
            (["token", "--jobs=a*b"], "at the end"), (["token", "--jobs=a,,b"], "commas"),
            (["run", "--listen=0.0.0.0:8080", "--token-secret="], "loopback only"),
            (["run", "--listen=[::]:8080", "--token-secret="], "loopback only"),
            (["run", "--listen=nowhere"], "expected address:port"),
            (["serve", "--token-secret="], "token-secret"), (["serve", "x"], "unexpected: x"),
            (["simulate", "--jobs=0"], "--jobs: expected a whole number from 1 to 10000"),
            (["simulate", "--jobs=10001"], "--jobs"), (["simulate", "--jobs=many"], "--jobs"),
            (["simulate", "--rate=0"], "--rate"), (["simulate", "--rate=100001"], "--rate"),
            (["simulate", "--seed=-1"], "--seed: expected a whole number from 0"),
            (["simulate", "--for=0s"], "--for"), (["simulate", "--for=soon"], "--for"),
            (["simulate", "--kinds="], "commas"), (["simulate", "--prefix=a b"], "a space"),
            (["simulate", "x"], "unexpected: x"), (["doctor", "x"], "unexpected: x"),
            (["doctor", "--redis-url=http://x"], "unknown scheme"),
        ])
    func refusals(_ line: [String], _ reason: String) {
        let heard = Heard()
        let environment = [
            "JOBWIRE_TOKEN_SECRET": String(repeating: "s", count: 32), "HOME": "/nonexistent",
        ]
        #expect(heard.run(line, environment) == .usage)
        #expect(heard.complaints.joined(separator: "\n").contains(reason), "\(heard.complaints)")
        #expect(heard.served == nil)
    }

    @Test("serve starts with what was configured, and not without a secret")
    func serve() {
        let heard = Heard()
        #expect(heard.run(["serve", "--listen=:0"], [:]) == .usage)
        #expect(heard.served == nil)
        #expect(heard.complaints.joined().contains("openssl rand -hex 32"))
        let secret = String(repeating: "s", count: 32)
        #expect(heard.run(["serve", "--listen=:0"], ["JOBWIRE_TOKEN_SECRET": secret]) == .done)
        #expect(heard.served?.listen == ":0")
    }

    @Test("a server that could not start ends with 1 and its reason")
    func serverFails() {
        struct Broken: Error, CustomStringConvertible { let description = "listen: taken" }
        var complaints: [String] = []
        let place = Place(
            version: "1", environment: ["JOBWIRE_TOKEN_SECRET": String(repeating: "s", count: 32)],
            serve: { _, _, _, _ in throw Broken() }, write: { _ in true },
            complain: { complaints.append($0) })
        #expect(Command.run(["serve"], in: place) == .failed)
        #expect(complaints == ["jobwire serve: listen: taken"])
    }

    @Test("a token that was made is a token that is let in")
    func token() {
        let environment = ["JOBWIRE_TOKEN_SECRET": String(repeating: "s", count: 32)]
        let heard = Heard()
        #expect(heard.run(["token", "--jobs=a,b-*", "--sub=u1", "--ttl=1h"], environment) == .done)
        let token = String(heard.output.dropLast())
        heard.output = ""
        #expect(heard.run(["token", "inspect", token], environment) == .done)
        #expect(heard.output.contains(#""jobs":["a","b-*"]"#))
        #expect(heard.output.contains("good"))
        heard.output = ""
        let other = ["JOBWIRE_TOKEN_SECRET": String(repeating: "t", count: 32)]
        #expect(heard.run(["token", "inspect", token], other) == .refused)
        #expect(heard.output.contains("bad_signature"))
    }

    @Test("the words of check and settings hold no secret")
    func secrets() {
        let environment = [
            "JOBWIRE_TOKEN_SECRET": "sesame-sesame-sesame-sesame-sesame",
            "JOBWIRE_REDIS_URL": "redis://u:sesame@127.0.0.1:1", "JOBWIRE_OUTBOX_BYTES_MAX": "4KiB",
        ]
        let heard = Heard()
        #expect(heard.run(["settings"], environment) == .done)
        #expect(heard.run(["settings", "--changed"], environment) == .done)
        #expect(heard.run(["check", "--connect"], environment) == .failed)
        #expect(
            heard.output.contains(
                "outbox-bytes-max = 4KiB    (from JOBWIRE_OUTBOX_BYTES_MAX; default 1MiB)"))
        #expect(heard.complaints.count == 2, "\(heard.complaints)")
        #expect(!(heard.output + heard.complaints.joined()).contains("sesame"))
    }
}
