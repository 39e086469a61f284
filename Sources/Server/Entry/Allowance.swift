// Allowance is a token bucket: so many messages a second, and a burst above it.
//
// Kept as the moment at which nothing of it will be missing any more, because each client has one.

import Loop

struct Allowance {
    private var fullAt: Instant

    /// A full one.
    init(at now: Instant) { fullAt = now }

    /// Takes so many; false when they are not left.
    mutating func take(_ count: Int = 1, perSecond: Int, burst: Int, at now: Instant) -> Bool {
        guard Double(burst) - missing(perSecond, at: now) >= Double(count) else { return false }
        let nanoseconds = Double(count) * 1e9 / Double(perSecond)
        fullAt = max(fullAt, now) + .nanoseconds(Int64(nanoseconds))
        return true
    }

    /// After one could not be taken: when to try again.
    func secondsUntilOne(perSecond: Int, burst: Int, at now: Instant) -> Int {
        let wanting = missing(perSecond, at: now) + 1 - Double(burst)
        return max(1, Int((wanting / Double(perSecond)).rounded(.up)))
    }

    private func missing(_ perSecond: Int, at now: Instant) -> Double {
        Double(max(0, fullAt.nanoseconds - now.nanoseconds)) * Double(perSecond) / 1e9
    }
}
