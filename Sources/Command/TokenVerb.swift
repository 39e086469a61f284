// `jobwire token`: makes tokens with the configured secret, and says of any token what is in it and
// whether it would be let in.

import JSON
import Settings
import Tokens

extension Verb {
    static let token = Verb(
        "token", "Make a token, or say what is wrong with one",
        forms: ["[--jobs=NAMES] [--sub=NAME] [--ttl=TIME] [--scope=WORDS]", "inspect [TOKEN]"],
        examples: [
            "jobwire token --jobs='build-7,report-*' --sub=ann --ttl=1h",
            "jobwire token --scope=jobs:read,jobs:publish --ttl=30d",
            "jobwire token --jobs=build-7 | jobwire token inspect",
        ],
        details: [
            "Prints a token signed with the configured secret (HS256), or with that of jobwire run"
                + " where none is configured. It gives a right to what it names and to nothing else.",
            "inspect reads the token from standard input, where the process list does not show it,"
                + " prints its claims, and says why the server would refuse it (exit code 3).",
        ],
        options: [
            CommandOption("jobs", as: "NAMES", "Jobs it may follow: ids, or prefixes ending in *"),
            CommandOption("queues", as: "NAMES", "Queues it may follow, likewise"),
            CommandOption("feeds", as: "NAMES", "Feeds it may follow, likewise"),
            CommandOption("scope", as: "WORDS", "Any of jobs:read, jobs:publish, admin"),
            CommandOption("sub", as: "NAME", "Whom it names"),
            CommandOption("ttl", as: "TIME", "How long it lasts: 15m, 8h, 30d [1h]"), .dataDir,
        ],
        settings: [
            "token-secret", "token-keys", "jwks", "jwks-timeout", "jwks-ca", "jwks-http",
            "token-issuer", "token-audience", "token-algorithms", "subject-claim", "jobs-claim",
            "queues-claim", "feeds-claim", "scope-claim", "token-leeway", "token-bytes-max",
            "require-exp",
        ],
        words: 0...2
    ) { call throws(Failure) in
        let settings = try call.settingsBesideRun().settings
        switch call.words.first {
        case nil:
            call.place.say(try token(call, settings))
            return .done
        case "inspect"?: return try inspect(call, settings)
        case let word?: throw Failure(.usage, "unexpected: \(PrintableText.plain(word))")
        }
    }

    private static func token(_ call: Call, _ settings: Settings) throws(Failure) -> String {
        guard !settings.tokenSecret.isEmpty else {
            throw Failure(
                .usage,
                """
                token-secret: none is configured; set JOBWIRE_TOKEN_SECRET_FILE, \
                or start jobwire run, which makes one
                """)
        }
        let text = try call.value("ttl") ?? "1h"
        guard let ttl = TimeSpan.read(text), ttl >= .seconds(1) else {
            throw Failure(.usage, "--ttl: expected a time such as 15m, 8h or 30d")
        }
        let (jobs, queues, feeds) =
            (try names(call, "jobs"), try names(call, "queues"), try names(call, "feeds"))
        let scope = try scope(call)
        let subject = try call.value("sub")
        return try Minted.token(settings, seconds: ttl.components.seconds) {
            ($0.jobs, $0.queues, $0.feeds) = (jobs, queues, feeds)
            ($0.scope, $0.subject) = (scope, subject)
        }
    }

    private static func names(_ call: Call, _ option: String) throws(Failure) -> [String] {
        let names = try call.list(option)
        guard NameRights(names) != nil else {
            throw Failure(.usage, "--\(option): a * may stand at the end of a name only")
        }
        return names
    }

    private static func scope(_ call: Call) throws(Failure) -> Grant.Scope {
        let known: KeyValuePairs<String, Grant.Scope> = [
            "jobs:read": .jobsRead, "jobs:publish": .jobsPublish, "admin": .admin,
        ]
        var scope: Grant.Scope = []
        for word in try call.list("scope").flatMap({ $0.split(separator: " ").map(String.init) }) {
            guard let (_, value) = known.first(where: { $0.key == word }) else {
                let hint = nearest(to: word, among: known.map(\.key))
                throw Failure(
                    .usage,
                    "--scope: no such word: \(PrintableText.plain(word))"
                        + (hint.map { "; did you mean \($0)?" } ?? ""))
            }
            scope.insert(value)
        }
        return scope
    }

    private static func inspect(_ call: Call, _ settings: Settings) throws(Failure) -> ExitCode {
        var text = call.words.count == 2 ? call.words[1] : ""
        if call.words.count < 2 || text == "-" {
            do throws(FileFault) {
                text = String(decoding: try System.readAll(System.input), as: UTF8.self)
            } catch { throw Failure(.failed, "standard input: \(error)") }
        }
        let token = text.filter { !$0.isWhitespace }
        let (rules, hasKeys) = try rules(settings)
        var verifier: TokenVerifier?
        if hasKeys {
            do throws(TokenSetupFault) { verifier = try TokenVerifier(rules) } catch {
                throw Failure(.usage, "\(error.setting): \(error)")
            }
        }
        let found = TokenInspection(of: token, by: verifier, rules: rules, now: Minted.now)
        for line in lines(found) { call.place.say(line) }
        return found.fault == nil ? .done : .refused
    }

    /// The keys of a URL are fetched as the server would.
    private static func rules(_ settings: Settings) throws(Failure) -> (TokenRules, Bool) {
        var rules = TokenRules(keys: [])
        let hasKeys = !settings.allIssuers.isEmpty
        if hasKeys {
            do throws(TokenSetupFault) {
                rules = try TokenRules(settings.issuerDescriptions, settings.keyOptions)
            } catch { throw Failure(.usage, "\(error.setting): \(error)") }
        }
        rules.leeway = settings.tokenLeeway.components.seconds
        rules.requiresExpiry = settings.requireExp
        rules.bytesMax = settings.tokenBytesMax
        for index in rules.awaited {
            do throws(KeySetUnread) { try settings.fetchKeys(of: index, for: &rules) } catch {
                throw Failure(.failed, "jwks: \(error)")
            }
        }
        return (rules, hasKeys)
    }

    static func lines(_ found: TokenInspection, now: Int64 = Minted.now) -> [String] {
        func part(_ name: String, _ json: String?) -> String {
            name + (json.map(PrintableText.plain) ?? "(can't be read)")
        }
        var lines = [part("header   ", found.header), part("claims   ", found.claims)]
        if let end = found.expiresAt {
            let (left, overflow) = end.subtractingReportingOverflow(now)
            let span = TimeSpan.text(.seconds(overflow ? 0 : min(left.magnitude, 1 << 40)))
            // Clocks differ: what is over may still be let in.
            let counts = left < 0 && found.fault == nil ? ", still within token-leeway" : ""
            lines.append("expires  " + (left < 0 ? "\(span) ago\(counts)" : "in \(span)"))
        }
        lines.append(
            found.fault.map { "refused  \($0.rawValue): \($0.message)" }
                ?? (found.signatureChecked
                    ? "good     the server would let it in"
                    : "unknown  all is well but the signature, for which no key is configured"))
        return lines
    }
}
