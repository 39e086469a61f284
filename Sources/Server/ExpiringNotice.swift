// ExpiringNotice is when a client is told that its token will end: once, a minute before, or when only a third of
// the time is left that it had when it was shown. So a token that lives for seconds is not renewed at once,
// and a client that answers with the same one again is not asked for ever.

import Loop

struct ExpiringNotice {
    static let aheadMax = Duration.seconds(60)

    /// Milliseconds, so long before the end; a connection has few bytes to spare.
    private var ahead: UInt16
    private static let toldAlready = UInt16.max

    /// `left` is how long the token lasts from now on; nil for ever.
    init(left: Duration?) {
        ahead = UInt16(min(max(left ?? .zero, .zero) / 3, Self.aheadMax) / .milliseconds(1))
    }

    /// How long until the client is to be told; nil where it has been, or never is.
    func wait(left: Duration?) -> Duration? {
        guard ahead != Self.toldAlready, let left else { return nil }
        return left - .milliseconds(Int64(ahead))
    }

    mutating func told() { ahead = Self.toldAlready }
}
