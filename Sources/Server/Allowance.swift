// Allowance is a token bucket: so many messages a second, and a burst above it.

import Loop

struct Allowance {
    private var left: Double
    private var since: Instant

    init(burst: Int, at now: Instant) {
        left = Double(burst)
        since = now
    }

    /// Takes so many; false when they are not left.
    mutating func take(_ count: Int = 1, perSecond: Int, burst: Int, at now: Instant) -> Bool {
        let seconds = Double(now.nanoseconds - since.nanoseconds) / 1e9
        left = min(Double(burst), left + seconds * Double(perSecond))
        since = now
        guard left >= Double(count) else { return false }
        left -= Double(count)
        return true
    }

    /// After one could not be taken: when to try again.
    func secondsUntilOne(perSecond: Int) -> Int {
        max(1, Int(((1 - left) / Double(perSecond)).rounded(.up)))
    }
}
