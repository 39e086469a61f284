// What the doctor asks a Redis, and what the answers mean. Pure: answers in, findings out.

import Feed
import Fleet
import Jobs
import Redis
import Settings

struct CheckupQuestion {
    let name: String
    let attempts: [Attempt]
    /// How bad it is not to be answered, and what that means.
    var unanswered = Finding.Level.warning
    var unansweredMeans = "It may be right or wrong; Jobwire may not ask."
    let read: ([String: String]) -> Finding

    func finding(_ answers: [RedisCommands.Answer], user: String) -> Finding {
        let rules = attempts.lack(answers).joined(separator: " ")
        guard rules.isEmpty else {
            return Finding(
                name, unanswered, "could not be looked at, needs \(rules)", unansweredMeans,
                mend: ["ACL SETUSER \(user) \(rules)"])
        }
        var fields: [String: String] = [:]
        for answer in answers {
            switch answer {
            case .success(.error(let text)):
                return Finding(name, unanswered, "Redis answered: \(text)", unansweredMeans)
            case .failure(let fault): return Finding(name, unanswered, "\(fault)", unansweredMeans)
            case .success(let reply): fields.merge(Self.fields(reply)) { $1 }
            }
        }
        return read(fields)
    }

    /// What INFO, CONFIG GET, HGETALL or PUBSUB NUMSUB answered, as a table.
    static func fields(_ reply: RedisReply) -> [String: String] {
        var fields: [String: String] = [:]
        if case .array(let items) = reply {
            for index in stride(from: 0, to: items.count - 1, by: 2) {
                guard let key = items[index].text else { continue }
                if case .integer(let count) = items[index + 1] {
                    fields[countField] = String(count)
                } else {
                    fields[key] = items[index + 1].text
                }
            }
        }
        for line in (reply.text ?? "").split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { fields[String(parts[0])] = String(parts[1]) }
        }
        return fields
    }

    /// How many listen to the channel that was asked about.
    static let countField = "listeners"

    /// What can be asked whatever Jobwire may do here.
    static func all(_ settings: Settings) -> [CheckupQuestion] {
        func info(_ section: String) -> Attempt {
            Attempt(words: ["INFO", section], rule: "+info")
        }
        func config(_ name: String) -> Attempt {
            Attempt(words: ["CONFIG", "GET", name], rule: "+config|get")
        }
        return [
            CheckupQuestion(name: "version", attempts: [info("server")], read: version),
            CheckupQuestion(name: "role", attempts: [info("replication")], read: role),
            CheckupQuestion(name: "cluster", attempts: [info("cluster")], read: cluster),
            CheckupQuestion(
                name: "output buffer", attempts: [config("client-output-buffer-limit")]
            ) { outputBuffer($0, eventBytesMax: settings.eventBytesMax) },
            CheckupQuestion(name: "memory", attempts: [info("memory")], read: memory),
            CheckupQuestion(
                name: "persistence", attempts: [info("persistence"), config("save")],
                read: persistence),
            CheckupQuestion(name: "clients", attempts: [info("clients")], read: clients),
        ]
    }

    /// Whether bridges that listen to something else record here: `ingest` says to what they listen, and Redis how many
    /// are there.
    static func patterns(
        _ names: RecordedNames, _ sources: [Source], reign: String
    ) -> CheckupQuestion {
        CheckupQuestion(
            name: "patterns",
            attempts: [
                Attempt(
                    words: ["HGETALL", names.ingest], rule: "+hgetall",
                    placeRule: "~\(names.root)*"),
                Attempt(
                    words: ["PUBSUB", "NUMSUB", names.present(in: reign)], rule: "+pubsub"),
            ]
        ) { patterns($0, ours: Rehearsal.patterns(of: sources)) }
    }

    /// What a fleet does, to a key that is gone at once.
    static func fleet(_ keys: FleetKeys) -> CheckupQuestion {
        CheckupQuestion(
            name: "fleet",
            attempts: [
                Attempt(words: ["EVAL", FleetKeys.rehearsal, "1", keys.rehearsed], rule: "+eval")
            ],
            unansweredMeans: Rights.fleetMeans
        ) { _ in Finding("fleet", .ok, "may tell other bridges, by \(keys.root)*") }
    }
}

extension Rights {
    static func recording(_ names: RecordedNames) -> Rights {
        let script = String(decoding: Rehearsal.script.source, as: UTF8.self)
        let place = names.root + "doctor"
        return Rights(
            name: "recording", level: .error, means: recordingMeans,
            attempts: Attempt.all(
                Attempt.commands(in: script) + Rehearsal.commands, root: names.root, key: place,
                channel: place))
    }

    static func fleet(_ keys: FleetKeys) -> Rights {
        Rights(
            name: "fleet", level: .warning, means: fleetMeans,
            attempts: [
                Attempt(
                    words: ["PUBLISH", keys.channel, FleetKeys.greeting], rule: "+publish",
                    placeRule: "&\(keys.root)*")
            ]
                + Attempt.all(
                    ["EVAL", "EVALSHA"] + Attempt.commands(in: FleetKeys.rehearsal),
                    root: keys.root, key: keys.rehearsed, channel: keys.channel))
    }

    static let recordingMeans =
        "Histories are recorded by a script, so nothing can be recorded, and nobody hears anything."
    static let fleetMeans =
        "Tokens are revoked on the bridge that is told alone, and until it restarts; tickets and"
        + " what is asked of all bridges can't be used."
}
