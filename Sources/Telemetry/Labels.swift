// The closed lists that label metrics. Other rooms' enums are mapped to these in one `switch` each,
// so a new case there does not compile until it has a word here.

public enum DropReason: Int, MetricLabel {
    case slowConsumer, silentPeer, oversized, noFollower, badChannel, badJobID, redisOverflow,
        memoryLimit, nameless
    public static let label: StaticString = "reason"
}

/// `other` stands for every code without a name here, whatever a client may send.
public enum CloseCode: Int, MetricLabel {
    case other, c1000, c1001, c1002, c1005, c1006, c1007, c1009, c1012, c1013
    case c4400, c4401, c4403, c4404, c4408, c4429
    public static let label: StaticString = "code"

    public var word: String {
        self == .other ? "other" : String(String(describing: self).dropFirst())
    }

    private static let byNumber = Dictionary(
        uniqueKeysWithValues: allCases.dropFirst().compactMap { code in
            Int(code.word).map { ($0, code) }
        })

    public init(_ code: Int) { self = Self.byNumber[code] ?? .other }
}

public enum StatusClass: Int, MetricLabel {
    case informational, success, redirection, clientError, serverError
    public static let label: StaticString = "class"

    public var word: String { "\(rawValue + 1)xx" }

    public init(_ status: Int) { self = Self(rawValue: status / 100 - 1) ?? .serverError }
}

/// What was odd about a worker's event that was carried all the same.
public enum Oddity: Int, MetricLabel {
    case notObject, notJSON, notUTF8, oversized, nestedTooDeep, nanReplaced, duplicateKey, bom,
        renamedMember
    case other
    public static let label: StaticString = "oddity"
}

public enum AuthRefusal: Int, MetricLabel {
    case missing, malformed, tooLong, algorithm, signature, expired, notYetValid, noExpiry, claims
    case otherSubject, timedOut, job, other, key, audience, ticket, cookie, revoked
    public static let label: StaticString = "reason"
}

/// How a reading of a key set ended.
public enum KeyReading: Int, MetricLabel {
    case changed, unchanged, failed
    public static let label: StaticString = "result"
}

/// How a question to the rights hook ended.
public enum HookAsk: Int, MetricLabel {
    case allowed, refused, failed, overloaded
    public static let label: StaticString = "result"
}

/// Why a connection got no further than its first request.
public enum HandshakeRefusal: Int, MetricLabel {
    case badRequest, badUpgrade, origin, timedOut, connectionsMax, addressMax, descriptors, tls
    case draining, notFound, other, subjectMax, rate, addressRate, proxyHeader
    public static let label: StaticString = "reason"
}

/// Why a client's message was answered with `rejected`, or its socket closed for it.
public enum MessageRefusal: Int, MetricLabel {
    case badMessage, unknownType, badJobID, badWish, forbidden, tooMany, tooBig, badFrame, badText
    case notBuilt, other
    public static let label: StaticString = "reason"
}

public enum GapLabel: Int, MetricLabel {
    case trimmed, replayLimit, epochChanged, slowConsumer, conflated, unrecorded
    public static let label: StaticString = "reason"
}

public enum RedisState: Int, MetricLabel {
    case off, connecting, ready, waiting
    public static let label: StaticString = "state"
}
