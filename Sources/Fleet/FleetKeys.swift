// The keys and the channel of a fleet, and its scripts. All of it begins with `<prefix>:fleet:`; the channel
// ends with the database, since channels are of all databases and keys are not.

import Redis

public struct FleetKeys: Sendable {
    /// What all keys and channels begin with.
    public let root: String
    public let channel: String

    public init(prefix: String, database: Int) {
        root = "\(prefix):fleet:"
        channel = "\(root)control:\(database)"
    }

    /// A sorted set: revocations by when they end, in seconds since 1970.
    public var revoked: [UInt8] { key("revoked") }
    /// A set of names; each has a key of its own that ends when nothing is heard of it.
    var nodes: [UInt8] { key("nodes") }
    func state(of node: NodeName) -> [UInt8] { key("node:\(node)") }
    func once(_ name: [UInt8]) -> [UInt8] { key("once:") + name }

    private func key(_ name: String) -> [UInt8] { Array((root + name).utf8) }

    /// What the Redis user must be allowed, as ACL SETUSER takes it.
    public var rules: String {
        "~\(root)* &\(root)* +subscribe +publish +eval +evalsha +@sortedset +@set +set +get +mget +del"
    }

    /// Does all that a fleet does, to a key that is gone at once.
    public static let rehearsal = """
        local key = KEYS[1]
        redis.call('ZADD', key, 1, 'a')
        redis.call('ZSCORE', key, 'a')
        redis.call('ZCARD', key)
        redis.call('ZCOUNT', key, '-inf', '+inf')
        redis.call('ZSCAN', key, 0)
        redis.call('ZREM', key, 'a')
        redis.call('ZREMRANGEBYSCORE', key, '-inf', '+inf')
        redis.call('SADD', key, 'a')
        redis.call('SRANDMEMBER', key, 2)
        redis.call('SREM', key, 'a')
        redis.call('SET', key, 'a', 'PX', 10000)
        redis.call('GET', key)
        redis.call('MGET', key)
        return redis.call('DEL', key)
        """
    public var rehearsed: String { root + "doctor" }
    /// A message that concerns nobody.
    public static let greeting = #"{"from":"00doctor","kind":"doctor","data":null}"#

    /// Redis 6.0 has no GETDEL. What is left in the place, where that is not empty, goes when it would have.
    static let take = RedisScript(
        """
        local value = redis.call('GET', KEYS[1])
        if value and ARGV[1] == '' then redis.call('DEL', KEYS[1])
        elseif value then redis.call('SET', KEYS[1], ARGV[1], 'KEEPTTL') end
        return value
        """)

    /// Arguments: what is long over, the entry, its end, and how many there may be. Answers 0 where there is no
    /// room, 1 where it was added, 2 where it was known.
    static let revoke = RedisScript(
        """
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
        local known = redis.call('ZSCORE', KEYS[1], ARGV[2])
        if not known and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[4]) then return 0 end
        if not known or tonumber(known) < tonumber(ARGV[3]) then
        redis.call('ZADD', KEYS[1], ARGV[3], ARGV[2])
        end
        return known and 2 or 1
        """)
}
