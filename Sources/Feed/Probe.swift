// Probe proves the subscription alive: what we publish on our control channel must come back on it.
//
// Where the bridge may not publish, or not hear its own channel, PING on the subscriber connection has
// to do instead.

struct Probe {
    /// So many intervals without hearing ourselves, and the subscription counts as dead.
    static let missedMax = 3

    let channel: String
    private let word: [UInt8]
    private var missed = 0
    private var deaf = 0
    /// Probes are numbered: the latest that was sent, that Redis says it has published, and that came back. The two
    /// connections bring their news in any order, and after a standstill all at once.
    private var (sent, published, heard) = (0, 0, 0)
    var mayPublish = true
    var mayHear = true
    var canProve: Bool { mayPublish && mayHear }

    init(prefix: String, database: Int, token: UInt64) {
        channel = "\(prefix):control:\(database)"
        word = Array("PROBE \(String(token, radix: 36)) ".utf8)
    }

    mutating func next() -> (number: Int, command: [[UInt8]]) {
        sent += 1
        let payload = word + Array(String(sent).utf8)
        return (sent, [Array("PUBLISH".utf8), Array(channel.utf8), payload])
    }

    mutating func isOurs(_ payload: Span<UInt8>) -> Bool {
        guard payload.count > word.count, word.indices.allSatisfy({ payload[$0] == word[$0] }),
            let number = Self.number(payload.extracting(word.count...)), number <= sent
        else { return false }
        (missed, deaf, heard) = (0, 0, max(heard, number))
        return true
    }

    private static func number(_ digits: Span<UInt8>) -> Int? {
        guard digits.count <= digitsMax else { return nil }
        var number = 0
        for index in digits.indices {
            guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= digits[index] else { return nil }
            number = number * 10 + Int(digits[index] - UInt8(ascii: "0"))
        }
        return number
    }
    private static let digitsMax = 18

    /// The subscription is a new one, to which nothing was published yet.
    mutating func begin() { (missed, deaf, heard) = (0, 0, sent) }

    /// Redis says that it has published this one.
    mutating func published(_ number: Int) { published = max(published, number) }

    /// Redis has published and in all that time we heard nothing: we listen to somebody else, or to nobody.
    var isDeaf: Bool { deaf > Self.missedMax }

    /// One interval has passed. Answers whether the subscription still counts as alive.
    mutating func intervalPassed() -> Bool {
        missed += 1
        if published > heard { deaf += 1 }
        return missed <= Self.missedMax
    }
}
