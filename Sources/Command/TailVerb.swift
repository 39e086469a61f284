// `jobwire tail`: a job in the terminal.

import Jobs
import Settings

extension Verb {
    static let tail = Verb(
        "tail", "Follow a job in the terminal, to its end",
        forms: ["JOB [--url=URL] [--token-file=PATH] [--history=N] [--json]"],
        examples: [
            "jobwire tail build-7",
            "jobwire tail build-7 --url=https://jobs.example.com --token-file=token",
            "jobwire tail build-7 --json --types=log | jq -r .data.log_line",
            "jobwire tail build-7 && deploy     # 0 completed, 1 failed",
        ],
        details: [
            "Prints the job's log and what happens to it, with its progress on the last line of a"
                + " terminal. When the connection is lost it comes back and resumes where it was; what"
                + " is missing for good is said. It ends when the job has ended, unless --follow.",
            "The token comes from --token-file (- is standard input), or is made with the configured"
                + " secret, or with that of jobwire run. Workers' text can send colours to your"
                + " terminal and nothing else; NO_COLOR=1 leaves them out.",
        ],
        options: [
            CommandOption("url", as: "URL", "The server [that of jobwire run, else of --listen]"),
            CommandOption("token-file", as: "PATH", "File with the token"),
            CommandOption("token", as: "TOKEN", "The token; better in a file"),
            CommandOption("after", as: "CURSOR", "Only what came after this epoch:seq or seq"),
            CommandOption("history", as: "N", "Begin with the latest N events; or all, none [all]"),
            CommandOption("types", as: "TYPES", "Show only events of these types"),
            CommandOption("json", "Each event as a line of JSON, and nothing else"),
            CommandOption("follow", "Go on after the job has ended"),
            CommandOption("ca", as: "FILE", "PEM authorities trusted for https [the system's]"),
            .dataDir,
        ],
        settings: ["listen", "token-secret", "token-issuer", "token-audience"],
        words: 1...1
    ) { call throws(Failure) in
        let options = try options(call)
        let isTerminal =
            System.isTerminal(System.output) && call.place.environment["TERM"] != "dumb"
        let hasColours = isTerminal && (call.place.environment["NO_COLOR"] ?? "").isEmpty
        let view = TailView(
            isTerminal: isTerminal, hasColours: hasColours, columns: System.columns(System.output))
        return try TailClient(options, view, call.place).run()
    }

    private static func options(_ call: Call) throws(Failure) -> TailOptions {
        let job: JobID
        do throws(JobIDFault) { job = try JobID(checking: call.words[0]) } catch {
            throw Failure(.usage, error.message)
        }
        let (settings, runURL) = try call.settingsBesideRun()
        let isListenConfigured = call.invocation.origins["listen"] != nil
        let url = try call.value("url") ?? (isListenConfigured ? nil : runURL) ?? localURL(settings)
        let given = try givenToken(call)
        if given == nil, settings.tokenSecret.isEmpty {
            throw Failure(
                .usage, "no token: give --token-file, or configure JOBWIRE_TOKEN_SECRET_FILE")
        }
        var options = TailOptions(
            target: try TailTarget(url, job: job),
            token: { () throws(Failure) in
                if let given { return given }
                return try Minted.token(settings, seconds: 3_600) { $0.jobs = [job.text] }
            },
            canRenewToken: given == nil)
        if let after = try call.value("after") {
            do throws(CursorFault) { _ = try Cursor(checking: after) } catch {
                throw Failure(.usage, "--after: \(error.message)")
            }
            options.after = after
        }
        if let history = try call.value("history") {
            guard ["all", "none"].contains(history) || UInt32(history) != nil else {
                throw Failure(.usage, "--history: expected all, none or a number")
            }
            options.history = history
        }
        let types = try call.list("types")
        options.types = types.isEmpty ? nil : Set(types)
        (options.showsJSON, options.follows) = (call.has("json"), call.has("follow"))
        options.caFile = try call.value("ca")
        return options
    }

    static func localURL(_ settings: Settings) -> String {
        let scheme = settings.tlsCertificate.isEmpty ? "http" : "https"
        return settings.listen.hasPrefix(":")
            ? "\(scheme)://127.0.0.1\(settings.listen)" : "\(scheme)://\(settings.listen)"
    }

    /// Nothing that could end a header's line can be in a token.
    private static func givenToken(_ call: Call) throws(Failure) -> String? {
        var text = try call.value("token")
        if let path = try call.value("token-file") {
            guard text == nil else { throw Failure(.usage, "give --token or --token-file") }
            do throws(FileFault) {
                let bytes =
                    path == "-" ? try System.readAll(System.input) : try System.readFile(path)
                text = String(decoding: bytes, as: UTF8.self)
            } catch {
                throw Failure(.usage, "--token-file: \(PrintableText.plain(path)): \(error)")
            }
        }
        guard let text else { return nil }
        let token = text.filter { !$0.isWhitespace }
        guard !token.isEmpty, token.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else {
            throw Failure(.refused, "that is no token")
        }
        return token
    }
}
