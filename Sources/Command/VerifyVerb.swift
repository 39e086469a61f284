// `jobwire verify`: whether what Redis keeps of jobs is whole.

import Settings

extension Verb {
    static let verify = Verb(
        "verify", "Whether what Redis keeps of jobs is whole",
        forms: ["[JOB…] [--json] [SETTING]…"],
        examples: [
            "jobwire verify build-7          # what is kept of it, and whether it is right",
            "jobwire verify                  # all jobs; prints what is wrong",
        ],
        details: [
            "Of each job it compares the state with the events: whether the numbers follow one another"
                + " and end where the state says, whether anybody else wrote among them or deleted some,"
                + " whether the job is listed. Gaps that were recorded as such are named and are no fault."
                + " Any difference is told with what it means, and the exit code is 1.",
            "It looks at Redis, not at what a bridge delivers. Each job is read at one instant, so it may"
                + " be used while jobs run; nothing is changed.",
            "Where no Redis is configured and jobwire run is running, its Redis is used.",
        ],
        options: [CommandOption("json", "The findings as one JSON object"), .dataDir],
        settings: [
            "redis-url", "redis-ca", "redis-certificate", "redis-key", "redis-server-name",
            "key-prefix",
        ],
        words: 0...1_000
    ) { call throws(Failure) in
        let verification = try Verification(try call.settingsBesideRun().settings)
        try verification.run(call.words, tellsAll: !call.words.isEmpty)
        let findings = verification.findings
        let wrong = findings.count { $0.level != .ok }
        if call.has("json") {
            call.place.say(Finding.json(findings, of: "\(verification.address)"))
        } else {
            for line in findings.flatMap(\.lines) { call.place.say(line) }
            let jobs = verification.jobs == 1 ? "1 job" : "\(verification.jobs) jobs"
            call.place.say(
                wrong == 0
                    ? "\(jobs) looked at: whole." : "\(jobs) looked at: \(wrong) differences.")
        }
        return wrong == 0 ? .done : .failed
    }
}
