// How long to wait before the next try: exponential with full jitter, so that many bridges that lost
// the same Redis do not come back as one.

struct Backoff {
    let base: Duration
    private var failures = 0

    init(base: Duration) { self.base = base }

    /// `jitter` is a random number from 0 to 1.
    mutating func next(upTo cap: Duration, jitter: Double) -> Duration {
        let doublings = min(failures, Self.doublingsMax)
        failures = doublings + 1
        return min(base * (1 << doublings), cap) * jitter
    }

    mutating func reset() { failures = 0 }

    private static let doublingsMax = 20
}
