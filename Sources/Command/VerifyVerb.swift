// `jobwire verify`: whether what Redis keeps of jobs is whole, and with a time whether what is published
// meanwhile is recorded and delivered.

import Jobs
import Redis
import Settings

extension Verb {
    static let verify = Verb(
        "verify", "Whether what Redis keeps of jobs is whole",
        forms: ["[JOB…] [--json] [SETTING]…", "--for=TIME [JOB…] [--url=URL] [--json]"],
        examples: [
            "jobwire verify build-7          # what is kept of it, and whether it is right",
            "jobwire verify                  # all jobs; prints what is wrong",
            "jobwire verify --for=10s        # heard, recorded and delivered, meanwhile",
        ],
        details: [
            "Of each job it compares the state with the events: whether the numbers follow one another"
                + " and end where the state says, whether anybody else wrote among them or deleted some,"
                + " whether the job is listed. Gaps that were recorded as such are named and are no fault."
                + " Any difference is told with what it means, and the exit code is 1.",
            "Each job is read at one instant, so it may be used while jobs run; nothing is changed.",
            "With --for it looks on for so long: hears the workers on Redis itself, follows the same jobs on"
                + " the bridge, and then reads their histories. Every event heard must be recorded, in its"
                + " order, or a gap stand there; every one recorded must be delivered, the same to the"
                + " byte. Where no history is kept in Redis, heard is compared with delivered. It needs the"
                + " token secret, and the bridge's settings for patterns, history and key-prefix. Feeds are"
                + " left out.",
            "Where no Redis is configured and jobwire run is running, its Redis is used.",
        ],
        options: [
            CommandOption("for", as: "TIME", "Look on for so long: 10s, 5m"),
            CommandOption("url", as: "URL", "The bridge [that of jobwire run, else of --listen]"),
            CommandOption("ca", as: "FILE", "PEM authorities trusted for https [the system's]"),
            CommandOption("json", "The findings as one JSON object"), .dataDir,
        ],
        settings: [
            "redis-url", "redis-ca", "redis-certificate", "redis-key", "redis-server-name",
            "key-prefix", "patterns", "history", "listen", "token-secret",
        ],
        words: 0...1_000
    ) { call throws(Failure) in
        if let text = try call.value("for") { return try lookOn(call, text) }
        let verification = try Verification(try call.settingsBesideRun().settings)
        try verification.run(call.words, tellsAll: !call.words.isEmpty)
        let jobs = verification.jobs == 1 ? "1 job" : "\(verification.jobs) jobs"
        return tell(verification.findings, of: verification.address, call) {
            "\(jobs) looked at: " + ($0 == 0 ? "whole." : "\($0) differences.")
        }
    }

    private static func tell(
        _ findings: [Finding], of address: RedisAddress, _ call: Call, _ end: (Int) -> String
    ) -> ExitCode {
        let wrong = findings.count { $0.level != .ok }
        if call.has("json") {
            call.place.say(Finding.json(findings, of: "\(address)"))
        } else {
            for line in findings.flatMap(\.lines) { call.place.say(line) }
            call.place.say(end(wrong))
        }
        return wrong == 0 ? .done : .failed
    }

    private static func lookOn(_ call: Call, _ text: String) throws(Failure) -> ExitCode {
        guard let time = TimeSpan.read(text), .seconds(1)...(.seconds(86_400)) ~= time else {
            throw Failure(.usage, "--for: expected a time from 1s to 1d")
        }
        for job in call.words {
            do throws(JobIDFault) { _ = try JobID(checking: job) } catch {
                throw Failure(.usage, error.message)
            }
        }
        let (settings, runURL) = try call.settingsBesideRun()
        guard !settings.tokenSecret.isEmpty else {
            throw Failure(.usage, "no token: configure JOBWIRE_TOKEN_SECRET_FILE")
        }
        let isListenConfigured = call.invocation.origins["listen"] != nil
        let url = try call.value("url") ?? (isListenConfigured ? nil : runURL) ?? localURL(settings)
        let live = try VerifyLive(
            settings, url: url, caFile: call.value("ca"), jobs: call.words, time: time)
        try live.run()
        return tell(live.findings, of: live.address, call) {
            $0 == 0 ? "Equal." : "\($0) differences."
        }
    }
}
