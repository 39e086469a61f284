// An attempt sends one command to learn whether the Redis user may. Redis looks at rights before all else: any
// other answer, an error too, says that they are there. Pure: answers in, rules out.

import Redis

struct Attempt {
    let words: [String]
    /// The ACL rules that it takes: for the command, and for its key or channel.
    let rule: String
    var placeRule: String?

    /// The rule that is missing, where this was the answer.
    func lacks(_ answer: RedisCommands.Answer) -> String? {
        guard case .success(.error(let text)) = answer, text.hasPrefix("NOPERM") else {
            return nil
        }
        return text.contains("permissions to access") ? placeRule ?? rule : rule
    }
}

extension [Attempt] {
    /// The rules that are missing, each once.
    func lack(_ answers: [RedisCommands.Answer]) -> [String] {
        var rules: [String] = []
        for (attempt, answer) in zip(self, answers) {
            if let rule = attempt.lacks(answer), !rules.contains(rule) { rules.append(rule) }
        }
        return rules
    }
}

/// What a part of a bridge must be allowed.
struct Rights {
    let name: String
    /// How bad it is to lack any of them, and what that means.
    let level: Finding.Level
    let means: String
    let attempts: [Attempt]

    /// Nil where none is missing.
    func finding(_ answers: [RedisCommands.Answer], user: String) -> Finding? {
        let rules = attempts.lack(answers).joined(separator: " ")
        guard !rules.isEmpty else { return nil }
        return Finding(
            name, level, "not allowed, needs \(rules)", means,
            mend: ["ACL SETUSER \(user) \(rules)"])
    }
}

// Attempts of all that a script does.
extension Attempt {
    /// `key` is one that nobody has, `channel` one that nobody hears; both begin with `root`.
    static func all(
        _ names: [String], root: String, key: String, channel: String
    ) -> [Attempt] {
        names.compactMap { name in
            guard let tried = tries[name] else { return nil }
            let words = tried.map { $0 == "KEY" ? key : $0 == "CHANNEL" ? channel : $0 }
            let place = tried.contains("KEY") ? "~" : tried.contains("CHANNEL") ? "&" : nil
            return Attempt(
                words: [name] + words, rule: "+\(name.lowercased())",
                placeRule: place.map { "\($0)\(root)*" })
        }
    }

    /// The commands in a script, each once, as they first stand there.
    static func commands(in script: String) -> [String] {
        var names: [String] = []
        let pieces = script.split(separator: "(", omittingEmptySubsequences: false)
        for (before, behind) in zip(pieces, pieces.dropFirst()) where before.hasSuffix("call") {
            let word = behind.drop(while: \.isWhitespace)
            guard word.first == "'" else { continue }
            let name = String(word.dropFirst().prefix { $0 != "'" })
            if !names.contains(name) { names.append(name) }
        }
        return names
    }

    /// What stands behind each command when it is tried: it reads, finds nothing to change, or is refused as wrong.
    /// SADD alone adds; the script that has it also has the DEL that comes last.
    static let tries: [String: [String]] = [
        "DEL": ["KEY"], "EVAL": ["return 1", "1", "KEY"], "EXISTS": ["KEY"],
        "EXPIRE": ["KEY", "1"],
        "EVALSHA": ["0000000000000000000000000000000000000000", "1", "KEY"], "GET": ["KEY"],
        "HDEL": ["KEY", "a"], "HEXISTS": ["KEY", "a"], "HGET": ["KEY", "a"], "HGETALL": ["KEY"],
        "HMGET": ["KEY", "a"], "HSET": ["KEY", "a", "1", "b"], "INFO": ["replication"],
        "MGET": ["KEY"], "PUBLISH": ["CHANNEL", ""], "PUBSUB": ["NUMSUB", "a"],
        "SADD": ["KEY", "a"], "SET": ["KEY", "a", "PX", "0"], "SRANDMEMBER": ["KEY"],
        "SREM": ["KEY", "a"], "XADD": ["KEY", "x", "a", "1"], "XRANGE": ["KEY", "-", "+"],
        "TIME": [], "UNSUBSCRIBE": ["CHANNEL"], "XREVRANGE": ["KEY", "+", "-"],
        "XTRIM": ["KEY", "MINID", "0"],
        "ZADD": ["KEY", "x", "a"], "ZCARD": ["KEY"], "ZCOUNT": ["KEY", "0", "0"],
        "ZRANGE": ["KEY", "0", "0"], "ZRANGEBYSCORE": ["KEY", "0", "0"], "ZREM": ["KEY", "a"],
        "ZREMRANGEBYSCORE": ["KEY", "0", "0"], "ZREVRANGE": ["KEY", "0", "0"],
        "ZREVRANGEBYSCORE": ["KEY", "0", "0"], "ZSCAN": ["KEY", "0"], "ZSCORE": ["KEY", "a"],
    ]
}
