// Knows whether the other side still lives: it must not be silent while it owes an answer, and when
// it owes none and is silent, it is asked.
//
// Invariant: bytes of any kind prove life, so a long message on a slow line is no silence; nor is it one
// when this process stood still, for between two looks what lay unread is read.

import Loop

struct Heartbeat {
    enum Verdict: Equatable { case ping, silent, wait(Duration) }

    let pingInterval: Duration
    let replyTimeout: Duration
    private(set) var owed = 0
    private(set) var heardAt: Instant
    private var askedAt: Instant
    private var isSuspected = false

    init(options: RedisOptions, now: Instant) {
        pingInterval = options.pingInterval
        replyTimeout = options.replyTimeout
        (heardAt, askedAt) = (now, now)
    }

    mutating func asked(at now: Instant) {
        if owed == 0 { askedAt = now }
        owed += 1
    }

    mutating func answered() { owed -= 1 }
    mutating func heard(at now: Instant) { (heardAt, isSuspected) = (now, false) }

    /// The longest wait: what is asked or answered meanwhile is still judged in time.
    var tick: Duration { min(pingInterval, replyTimeout) }

    mutating func verdict(at now: Instant) -> Verdict {
        guard owed > 0 else {
            let quiet = now - heardAt
            return quiet >= pingInterval ? .ping : .wait(min(pingInterval - quiet, tick))
        }
        let quiet = now - max(heardAt, askedAt)
        guard quiet >= replyTimeout else { return .wait(min(replyTimeout - quiet, tick)) }
        defer { isSuspected = true }
        return isSuspected ? .silent : .wait(.zero)
    }
}
