// Pulses are numbers that this bridge has Redis publish to it, one after the other. One that is answered on
// the command connection and heard on the subscription proves that commands are run and messages arrive.

import Loop

struct Pulses {
    private var last: Int64 = 0
    private var sentAt = Instant(nanoseconds: .min)
    private var isInFlight = false
    private var isAnswered = false
    private var isHeard = false
    /// When the latest that came back was sent.
    private(set) var provedAt: Instant?
    /// When it was heard: what lay before it has been heard too.
    private(set) var heardAt: Instant?

    mutating func next(at now: Instant, pause: Duration) -> Int64? {
        guard !isInFlight, last == 0 || now - sentAt >= pause else { return nil }
        last += 1
        (sentAt, isInFlight, isAnswered, isHeard) = (now, true, false, false)
        return last
    }

    /// False for an answer that is not a good one: then the next is sent after the pause.
    mutating func answered(_ number: Int64, isGood: Bool) {
        guard number == last else { return }
        (isInFlight, isAnswered) = (false, isGood)
        proveIfBack()
    }

    mutating func heard(_ number: Int64, at now: Instant) {
        guard number == last else { return }
        (isHeard, heardAt) = (true, now)
        proveIfBack()
    }

    /// Something else has proved it.
    mutating func prove(at now: Instant) { provedAt = now }

    /// The command connection is gone, and the answer with it.
    mutating func lost() { isInFlight = false }

    private mutating func proveIfBack() {
        if isAnswered, isHeard { provedAt = max(provedAt ?? sentAt, sentAt) }
    }
}
