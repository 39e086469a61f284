// A moment of the monotonic clock. Loops read it once when a tick begins and hand it on as a value.

public struct Instant: Comparable, Hashable, Sendable {
    public let nanoseconds: Int64
    public var milliseconds: Int64 { nanoseconds / 1_000_000 }

    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    public static func now() -> Instant { Instant(nanoseconds: Kernel.monotonicNanoseconds()) }

    public static func < (left: Instant, right: Instant) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// Saturates: a moment too far away is the last one.
    public static func + (moment: Instant, span: Duration) -> Instant {
        let (sum, overflowed) = moment.nanoseconds.addingReportingOverflow(span.nanoseconds)
        return Instant(nanoseconds: overflowed ? (span < .zero ? .min : .max) : sum)
    }

    public static func - (later: Instant, earlier: Instant) -> Duration {
        .nanoseconds(later.nanoseconds.subtractingReportingOverflow(earlier.nanoseconds).0)
    }
}

extension Duration {
    /// Saturates at 292 years.
    public var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, tooLong) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, overflowed) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
        return tooLong || overflowed ? (seconds < 0 ? .min : .max) : sum
    }
}
