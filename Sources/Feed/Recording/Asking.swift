// Asking is how a bridge finds out where it is: a token that lies among the messages, and how long those that
// are there have been silent about it.
//
// Time counts as waiting only as Redis answers: while it runs nothing, nobody can tell us where we are.

import Loop

struct Asking {
    /// What was heard with the own token, or with the MARK of another bridge.
    struct Heard {
        let count: Int64
        /// nil: somebody has opened an era, and will tell where we are in it.
        let expected: Expected?
    }

    let token: Name
    let since: Instant
    /// Of the two; only under a name of our own we may open an era.
    let isOurs: Bool
    private(set) var heard: Heard?
    var isAnswered = false
    /// How many others hold names or have just opened the era; nil while that is not known.
    private(set) var others: Int?
    /// When the last of those that were there when we asked was gone.
    private var goneAt: Instant?
    var openSent: Instant?
    private(set) var waited = Duration.zero
    private var lastAnswer: Instant?

    init(token: Name, since: Instant, isOurs: Bool) {
        self.token = token
        self.since = since
        self.isOurs = isOurs
    }

    mutating func hear(_ expected: Expected?, count: Int64, at now: Instant) {
        heard = Heard(count: count, expected: expected)
        lastAnswer = now
    }

    mutating func count(others: Int, at now: Instant) {
        if others == 0, let before = self.others, before > 0 { goneAt = now }
        self.others = others
    }

    /// One that has just gone may have lost its subscription only, and still have to record what it held.
    func isNobodyThere(at now: Instant, gonePause: Duration) -> Bool {
        others == 0 && goneAt.map { now - $0 >= gonePause } ?? true
    }

    /// Somebody lives who knows where we are.
    mutating func waitAnew() { waited = .zero }

    /// Redis has answered: since the last time it did, or was heard, so much was waited.
    mutating func redisAnswered(at now: Instant, countsMax: Duration) {
        guard let lastAnswer else { return }
        waited += min(now - lastAnswer, countsMax)
        self.lastAnswer = now
    }
}
