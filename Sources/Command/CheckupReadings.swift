// What the answers to the doctor's questions mean: each function reads fields and gives one finding.

import Feed
import Redis
import Settings

extension CheckupQuestion {
    static let versionMin = (major: 6, minor: 2)
    /// What Redis comes with. A burst larger than the first, or one above the second for 60 s, and Redis
    /// ends our subscription.
    static let bufferHardMin = 32 << 20
    static let bufferSoftMin = 8 << 20
    private static let bufferMend = [
        #"CONFIG SET client-output-buffer-limit "pubsub 268435456 67108864 60""#, keep,
    ]
    private static let keep = "CONFIG REWRITE    (keeps it over a restart)"

    private static func unclear(_ name: String) -> Finding {
        Finding(
            name, .warning, "the answer does not tell",
            "This Redis, or what stands in for one, leaves out what Redis tells.")
    }

    static func version(_ fields: [String: String]) -> Finding {
        guard let version = fields["redis_version"] else { return unclear("version") }
        let parts = version.split(separator: ".").map { Int($0) ?? 0 }
        let (major, minor) = (parts.first ?? 0, parts.dropFirst().first ?? 0)
        let found = fields["valkey_version"].map { "Valkey \($0)" } ?? "Redis \(version)"
        guard (major, minor) >= (versionMin.major, versionMin.minor) else {
            return Finding(
                "version", .error, found,
                "Jobwire's scripts and users with rights need 6.2.",
                mend: ["install Redis 6.2 or later, or Valkey"])
        }
        return Finding("version", .ok, found)
    }

    static func role(_ fields: [String: String]) -> Finding {
        switch fields["role"] {
        case "master"?:
            return Finding("role", .ok, "primary, \(fields["connected_slaves"] ?? "0") replicas")
        case "slave"?:
            let primary = "\(fields["master_host"] ?? "?"):\(fields["master_port"] ?? "?")"
            let isDown = fields["master_link_status"] == "down"
            return Finding(
                "role", .error,
                "replica of \(primary)" + (isDown ? ", to which it has no connection" : ""),
                "A replica can't be written to, so no history is recorded; and it hears a worker only"
                    + " as long as its primary sends it what that heard.",
                mend: [
                    "set redis-url to its primary, \(primary)",
                    "REPLICAOF NO ONE    (only if it is to be a primary)",
                ])
        default: return unclear("role")
        }
    }

    static func cluster(_ fields: [String: String]) -> Finding {
        guard fields["cluster_enabled"] == "1" else { return Finding("cluster", .ok, "none") }
        return Finding(
            "cluster", .error, "a node of a Redis Cluster",
            "Jobwire speaks to one node and can't write the keys that belong to others.",
            mend: ["cluster-enabled no    (in redis.conf; takes a restart), or another Redis"])
    }

    static func outputBuffer(_ fields: [String: String], eventBytesMax: Int) -> Finding {
        let name = "output buffer"
        let words = (fields["client-output-buffer-limit"] ?? "").split(separator: " ")
        guard let at = words.firstIndex(of: "pubsub"), words.count > at + 3,
            let hard = Int(words[at + 1]), let soft = Int(words[at + 2])
        else { return unclear(name) }
        func shown(_ limit: Int) -> String { limit == 0 ? "no limit" : ByteSize.text(limit) }
        let found = "pubsub \(shown(hard)), \(shown(soft)) for \(words[at + 3]) s"
        let means =
            "When a burst of events is larger, Redis ends the bridge's subscription, and what is"
            + " published until it is back is lost."
        if 1..<eventBytesMax ~= hard {
            return Finding(
                name, .error, found,
                means + " Here one event (\(ByteSize.text(eventBytesMax)) at most) is enough.",
                mend: bufferMend)
        }
        if 1..<bufferHardMin ~= hard || 1..<bufferSoftMin ~= soft {
            return Finding(name, .warning, found, means, mend: bufferMend)
        }
        return Finding(name, .ok, found)
    }

    static func memory(_ fields: [String: String]) -> Finding {
        guard let limit = fields["maxmemory"].flatMap({ Int($0) }),
            let used = fields["used_memory"].flatMap({ Int($0) }),
            let policy = fields["maxmemory_policy"]
        else { return unclear("memory") }
        let size = used < 1 << 20 ? used : used - used % (1 << 20)
        let found = "\(ByteSize.text(size)) used"
        guard limit > 0 else { return Finding("memory", .ok, found + ", no limit") }
        let bounded = found + " of \(ByteSize.text(limit)), \(policy)"
        guard policy == "noeviction" else {
            return Finding(
                "memory", .error, bounded,
                "When memory is full Redis removes keys of its own choice: histories break off.",
                mend: ["CONFIG SET maxmemory-policy noeviction", keep])
        }
        guard used < limit / 10 * 9 else {
            return Finding(
                "memory", .warning, bounded,
                "When memory is full Redis refuses all that writes: nothing is recorded.",
                mend: ["CONFIG SET maxmemory \(limit * 2)", keep])
        }
        return Finding("memory", .ok, bounded)
    }

    static func persistence(_ fields: [String: String]) -> Finding {
        let name = "persistence"
        guard let appends = fields["aof_enabled"], let save = fields["save"] else {
            return unclear(name)
        }
        if appends == "1", fields["aof_last_write_status"] == "err" {
            return Finding(
                name, .error, "the append-only file could not be written",
                "Redis refuses all that writes until it can: nothing is recorded.",
                mend: ["make room on its disk; its log says more"])
        }
        if !save.isEmpty, fields["rdb_last_bgsave_status"] == "err" {
            return Finding(
                name, .error, "the last snapshot could not be written",
                "Redis refuses all that writes (stop-writes-on-bgsave-error): nothing is recorded.",
                mend: ["make room on its disk, or mend its rights; its log says more", "BGSAVE"])
        }
        if appends == "1" { return Finding(name, .ok, "append-only file") }
        guard save.isEmpty else {
            return Finding(
                name, .ok, "snapshots only (save \(save))",
                "A crash of Redis forgets what came after the last snapshot.")
        }
        return Finding(
            name, .warning, "none",
            "When Redis restarts, every history is forgotten; clients are told by a gap.",
            mend: ["CONFIG SET appendonly yes", keep])
    }

    static func clients(_ fields: [String: String]) -> Finding {
        guard let count = fields["connected_clients"].flatMap({ Int($0) }) else {
            return unclear("clients")
        }
        let limit = fields["maxclients"].flatMap { Int($0) } ?? .max
        let found = "\(count) connected" + (limit == .max ? "" : " of \(limit) at most")
        guard count <= limit / 10 * 9 else {
            return Finding(
                "clients", .warning, found,
                "When there are too many, Redis lets in neither bridges nor workers.",
                mend: ["CONFIG SET maxclients \(limit * 2)", keep])
        }
        return Finding("clients", .ok, found)
    }

    static func recording(
        _ rehearsal: Result<Void, Rehearsal.Fault>, _ names: RecordedNames
    ) -> Finding {
        switch rehearsal {
        case .success:
            Finding("recording", .ok, "every operation works, on \(names.root)*")
        case .failure(let fault):
            Finding(
                "recording", .error, "\(fault.operation): \(fault.said)", Rights.recordingMeans,
                mend: ["see the other findings, and the log of Redis"])
        }
    }

    /// `ours` is how bridges with these settings name what they listen to.
    static func patterns(_ fields: [String: String], ours: String) -> Finding {
        guard let era = fields["era"], !era.isEmpty, let theirs = fields["patterns"],
            theirs != ours, fields[countField] != "0"
        else { return Finding("patterns", .ok, "no bridge is at work here with others") }
        return Finding(
            "patterns", .warning, "bridges with other patterns or feeds are at work here",
            "Bridges that listen to different things can't number the same jobs: while those run, one"
                + " with these settings records nothing, and says 503.",
            mend: [
                "stop the bridges with the old patterns first; the new ones take over at once with one"
                    + " told gap",
                "or give each its own key-prefix",
            ])
    }
}
