// Probe proves the subscription alive: what we publish on our control channel must come back on it.
//
// Where the bridge may not publish, or not hear its own channel, PING on the subscriber connection has
// to do instead.

struct Probe {
    /// So many intervals without hearing ourselves, and the subscription counts as dead.
    static let missedMax = 3

    let channel: String
    private let payload: [UInt8]
    private var missed = 0
    /// Redis has published one that we have not heard; what it says on the other connection may come first.
    private var isUnheard = false
    private var unheard = 0
    var mayPublish = true
    var mayHear = true
    var canProve: Bool { mayPublish && mayHear }

    init(prefix: String, database: Int, token: UInt64) {
        channel = "\(prefix):control:\(database)"
        payload = Array("PROBE \(String(token, radix: 36))".utf8)
    }

    var command: [[UInt8]] { [Array("PUBLISH".utf8), Array(channel.utf8), payload] }

    mutating func isOurs(_ heard: Span<UInt8>) -> Bool {
        guard heard.count == payload.count,
            payload.indices.allSatisfy({ payload[$0] == heard[$0] })
        else { return false }
        begin()
        return true
    }

    /// The subscription is a new one.
    mutating func begin() { (missed, isUnheard, unheard) = (0, false, 0) }

    /// Redis says that it has published our probe.
    mutating func published() { isUnheard = true }

    /// Redis has published and in all that time we heard nothing: we listen to somebody else, or to nobody.
    var isDeaf: Bool { unheard > Self.missedMax }

    /// One interval has passed. Answers whether the subscription still counts as alive.
    mutating func intervalPassed() -> Bool {
        missed += 1
        if isUnheard { unheard += 1 }
        return missed <= Self.missedMax
    }
}
