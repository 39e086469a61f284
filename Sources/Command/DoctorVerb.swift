// `jobwire doctor`: what is wrong with a Redis, what that means, and how to mend it.

import Settings

extension Verb {
    static let doctor = Verb(
        "doctor", "What is wrong with a Redis, and how to mend it",
        forms: ["[--json] [SETTING]…"],
        examples: [
            "jobwire doctor --redis-url=redis://cache:6379",
            "jobwire doctor --json | jq -r '.findings[].mend[]'",
        ],
        details: [
            "Connects as serve would, looks at version, role, cluster, output buffer, memory,"
                + " persistence, clients, rights and latency, and tries every subscription. A warning is"
                + " worth a look; with an error something does not work (exit code 1).",
            "What the ACL forbids is told with each rule that is missing. Then every operation of recording is"
                + " played as a bridge would, on keys under key-prefix that are gone at once; nothing else is"
                + " changed.",
            "Where no Redis is configured and jobwire run is running, its Redis is used.",
        ],
        options: [CommandOption("json", "The findings as one JSON object"), .dataDir],
        settings: [
            "redis-url", "redis-ca", "redis-certificate", "redis-key", "redis-server-name",
            "patterns", "feeds", "celery-results", "celery-events", "key-prefix", "history",
            "event-bytes-max",
        ]
    ) { call throws(Failure) in
        let checkup = try Checkup(try call.settingsBesideRun().settings)
        let findings = try checkup.run()
        if call.has("json") {
            call.place.say(Finding.json(findings, of: "\(checkup.address)"))
        } else {
            for line in findings.flatMap(\.lines) { call.place.say(line) }
            call.place.say("")
            call.place.say(summary(findings))
        }
        return findings.contains { $0.level == .error } ? .failed : .done
    }

    private static func summary(_ findings: [Finding]) -> String {
        func count(_ level: Finding.Level, _ word: String) -> String? {
            let count = findings.count { $0.level == level }
            return count == 0 ? nil : "\(count) \(word)\(count == 1 ? "" : "s")"
        }
        let parts = [count(.error, "error"), count(.warning, "warning")].compactMap(\.self)
        return parts.isEmpty ? "All is well." : parts.joined(separator: ", ")
    }
}
