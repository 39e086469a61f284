// What the doctor asks a Redis, and what the answers mean. Pure: answers in, findings out.

import Fleet
import Redis
import Settings

struct CheckupQuestion {
    let name: String
    let commands: [[String]]
    /// The ACL rules that asking takes.
    let needs: String
    /// How bad it is not to be answered, and what that means.
    var unanswered = Finding.Level.warning
    var unansweredMeans = "It may be right or wrong; Jobwire may not ask."
    let read: ([String: String]) -> Finding

    /// What INFO and CONFIG GET answered lies together in one table; other answers under "answer".
    func finding(_ answers: [RedisCommands.Answer], user: String) -> Finding {
        var fields: [String: String] = [:]
        for answer in answers {
            switch answer {
            case .success(.error(let text)): return refused(text, user)
            case .failure(let fault): return Finding(name, unanswered, "\(fault)", unansweredMeans)
            case .success(.array(let items)):
                for index in stride(from: 0, to: items.count - 1, by: 2) {
                    if let key = items[index].text { fields[key] = items[index + 1].text }
                }
            case .success(let reply): read(reply, into: &fields)
            }
        }
        return read(fields)
    }

    private func read(_ reply: RedisReply, into fields: inout [String: String]) {
        if case .integer(let number) = reply { fields["answer"] = String(number) }
        for line in (reply.text ?? "").split(whereSeparator: \.isNewline) {
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { fields[String(parts[0])] = String(parts[1]) }
        }
    }

    private func refused(_ text: String, _ user: String) -> Finding {
        let isForbidden =
            text.hasPrefix("NOPERM") || text.contains("user executing the script can't")
        guard isForbidden else {
            return Finding(name, unanswered, "Redis answered: \(text)", unansweredMeans)
        }
        let found =
            unanswered == .error
            ? "not allowed, needs \(needs)" : "could not be looked at, needs \(needs)"
        return Finding(
            name, unanswered, found, unansweredMeans, mend: ["ACL SETUSER \(user) \(needs)"])
    }

    static func all(_ settings: Settings, database: Int) -> [CheckupQuestion] {
        func info(
            _ name: String, _ section: String, _ read: @escaping ([String: String]) -> Finding
        )
            -> CheckupQuestion
        {
            CheckupQuestion(name: name, commands: [["INFO", section]], needs: "+info", read: read)
        }
        let key = "\(settings.keyPrefix):doctor"
        let fleet = FleetKeys(prefix: settings.keyPrefix, database: database)
        return [
            info("version", "server", version), info("role", "replication", role),
            info("cluster", "cluster", cluster),
            CheckupQuestion(
                name: "output buffer", commands: [["CONFIG", "GET", "client-output-buffer-limit"]],
                needs: "+config|get"
            ) { outputBuffer($0, eventBytesMax: settings.eventBytesMax) },
            info("memory", "memory", memory),
            CheckupQuestion(
                name: "persistence",
                commands: [["INFO", "persistence"], ["CONFIG", "GET", "save"]],
                needs: "+info +config|get", read: persistence),
            info("clients", "clients", clients),
            CheckupQuestion(
                name: "scripts", commands: [["EVAL", rehearsal, "1", key]],
                needs: "+eval +evalsha +@hash +@stream +expire +del ~\(settings.keyPrefix):*",
                unanswered: .error,
                unansweredMeans: "Histories are recorded by a script, so nothing can be recorded."
            ) { _ in Finding("scripts", .ok, "run, and may write \(settings.keyPrefix):*") },
            CheckupQuestion(
                name: "publish",
                commands: [["PUBLISH", "\(settings.keyPrefix):control:\(database)", "DOCTOR"]],
                needs: "+publish &\(settings.keyPrefix):*",
                unansweredMeans:
                    "A bridge can't prove by hearing itself that it hears; PING has to do instead."
            ) { _ in Finding("publish", .ok, "may, on \(settings.keyPrefix):*") },
            CheckupQuestion(
                name: "fleet",
                commands: [
                    ["EVAL", FleetKeys.rehearsal, "1", fleet.rehearsed],
                    ["PUBLISH", fleet.channel, FleetKeys.greeting],
                ],
                needs: fleet.rules,
                unansweredMeans:
                    "Tokens are revoked on the bridge that is told alone, and until it restarts; tickets and"
                    + " what is asked of all bridges can't be used."
            ) { _ in
                Finding("fleet", .ok, "may tell other bridges, by \(settings.keyPrefix):fleet:*")
            },
        ]
    }

    /// Does what the recording script does, to a key that is gone at once.
    private static let rehearsal = """
        redis.call('HSET', KEYS[1], 'a', '1')
        redis.call('EXPIRE', KEYS[1], 10)
        redis.call('HGETALL', KEYS[1])
        redis.call('DEL', KEYS[1])
        redis.call('XADD', KEYS[1], '1-1', 'a', '1')
        redis.call('EXPIRE', KEYS[1], 10)
        redis.call('XRANGE', KEYS[1], '-', '+')
        redis.call('XTRIM', KEYS[1], 'MAXLEN', 0)
        return redis.call('DEL', KEYS[1])
        """
}
