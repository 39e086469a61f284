// ExpiringNotice is when a client is told that its token will end: once, a minute before, or when only a third of
// the time is left that it had when it was shown. So a token that lives for seconds is not renewed at once,
// and a client that answers with the same one again is not asked for ever.

import Loop

struct ExpiringNotice {
    static let aheadMax = Duration.seconds(60)

    /// So long before the end. A connection has few bytes to spare.
    private let aheadMilliseconds: Int32
    private(set) var isTold = false

    /// `left` is how long the token lasts from now on; nil for ever.
    init(left: Duration?) {
        let ahead = min(max(left ?? .zero, .zero) / 3, Self.aheadMax)
        aheadMilliseconds = Int32(ahead / .milliseconds(1))
    }

    /// How long until the client is to be told; nil where it has been, or never is.
    func wait(left: Duration?) -> Duration? {
        guard !isTold, let left else { return nil }
        return left - .milliseconds(Int64(aheadMilliseconds))
    }

    mutating func told() { isTold = true }
}
