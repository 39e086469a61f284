// Petition is one question about a right that a token's claims do not answer: whose it is, what it is
// about, and until when who asks has time. It is answered once, or withdrawn.

import Hub
import Jobs
import Loop
import Tokens
import Wire

/// What a petition is answered.
enum Ruling {
    case granted(Right)
    case refused
    /// It can't be known now; later perhaps.
    case unavailable
    /// Not about the subject: the server leaves, or the token counts no more.
    case ended(Close)
}

final class Petition {
    let subject: Subject
    let grant: Grant
    /// Until when it waits for the job to become his; nil: it does not.
    let waitsUntil: Instant?
    /// When a job that is waited for is looked at next.
    var looksAt: Instant
    /// It waits, and has its place.
    var hasRested = false
    /// How often what Redis said of the job was not what this loop has heard of it.
    var doubts = 0
    private var tell: ((Ruling) -> Void)?

    init(
        _ subject: Subject, _ grant: Grant, waitsUntil: Instant?, at now: Instant,
        _ tell: @escaping (Ruling) -> Void
    ) {
        (self.subject, self.grant, self.waitsUntil, self.tell) = (subject, grant, waitsUntil, tell)
        looksAt = now
    }

    var isOver: Bool { tell == nil }

    /// Who asked does not want to know any more.
    func withdraw() { tell = nil }

    func answer(_ ruling: Ruling) {
        guard let tell else { return }
        self.tell = nil
        tell(ruling)
    }
}
