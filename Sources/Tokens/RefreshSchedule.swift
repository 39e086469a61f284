// When the keys of one source are read next. Times are milliseconds and come in as values.
//
// At every interval, which the source may stretch or shorten tenfold; sooner when a token names a key that
// is not here, at most once a minute; after a failure again in a second, and then less and less often.
// Invariant: while a read is underway none begins.

struct RefreshSchedule {
    static let askIntervalMin: Int64 = 60_000
    static let retryMin: Int64 = 1_000
    static let retryMax: Int64 = 60_000
    static let stretch: Int64 = 10

    private let interval: Int64
    private var dueAt: Int64
    private var askedAt: Int64?
    private var isUnderway = false
    private var mustReadAgain = false
    private var failures = 0

    /// `isRead`: it was read just now, before the schedule began.
    init(interval: Int64, now: Int64, isRead: Bool) {
        self.interval = interval
        dueAt = isRead ? now + interval : now
    }

    /// Milliseconds until there is something to do; nil while a read is underway.
    func wait(now: Int64) -> Int64? { isUnderway ? nil : max(0, dueAt - now) }

    /// True when a read is to begin now.
    mutating func begin(now: Int64) -> Bool {
        guard !isUnderway, now >= dueAt else { return false }
        isUnderway = true
        return true
    }

    /// A token names a key that is not here.
    mutating func ask(now: Int64) {
        if let askedAt, now - askedAt < Self.askIntervalMin { return }
        askedAt = now
        readAtOnce(now: now)
    }

    /// An operator wants it so.
    mutating func readAtOnce(now: Int64) {
        // What is being read may be older than the wish.
        if isUnderway { mustReadAgain = true } else { dueAt = min(dueAt, now) }
    }

    mutating func succeeded(now: Int64, maxAge seconds: Int64?) {
        failures = 0
        let wished = seconds.map { $0 > interval ? interval * Self.stretch : $0 * 1_000 }
        end(
            now,
            after: min(max(wished ?? interval, interval / Self.stretch), interval * Self.stretch))
    }

    mutating func failed(now: Int64) {
        let wait = Self.retryMin << min(failures, 10)
        failures += 1
        end(now, after: min(wait, Self.retryMax, max(interval, Self.retryMin)))
    }

    private mutating func end(_ now: Int64, after wait: Int64) {
        dueAt = mustReadAgain ? now : now + wait
        (isUnderway, mustReadAgain) = (false, false)
    }
}
