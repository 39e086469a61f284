// Recorder is a bridge's part of recording plain PUBLISH (the design's recording.md, line by line).
//
// It counts the worker messages of one unbroken subscription and learns which ordinal of which era its
// count is; then the n-th message has the same name for every bridge, and the record script takes
// each name once. It knows no socket and no clock: what is heard and answered comes in by functions,
// what is to be done is asked for with `next` (Recorder+Sending.swift).
//
// Invariant: while it is aligned, the message counted n is ordinal n + offset of the era, for
// everybody, and `queue` holds all of those that are not known to be recorded.

import Loop

struct Recorder {
    /// What our counts mean: name = count + offset.
    struct Naming: Equatable {
        let era: Name
        let offset: Int64
    }

    enum Standing: Equatable {
        case aligned(Naming)
        /// `kept`: our era died, and what is heard is kept for the next, under its old names.
        case lost(kept: Naming?)
    }

    /// How we find out where we are: a token that lies among the messages.
    struct Asking {
        let token: Name
        let since: Instant
        /// The own token came back: from here on messages are counted and kept.
        var heard: (at: Instant, count: Int64, expected: Expected?)?
        var isAnswered = false
        /// `where` told that nobody else listens.
        var isAlone = false
        var openSent: Instant?
    }

    /// Somebody's token, and our count when it was heard: we answer with AT.
    struct Mark {
        let asker: Name
        let token: Name
        let count: Int64
        let heard: Instant
        var sent: Instant?
    }

    /// What was aligned when the subscription broke. It goes out first, under its old names.
    struct Tail {
        let naming: Naming
        var queue: RecorderQueue
        var isSent = false
    }

    struct Link: Equatable {
        let runID: String
        let number: Int
    }

    let me: Name
    let limits: RecorderLimits

    var standing = Standing.lost(kept: nil)
    var count: Int64 = 0
    var queue = RecorderQueue()
    var asking: Asking?
    var askNotBefore = Instant(nanoseconds: .min)
    var marks: [Mark] = []
    var tail: Tail?
    /// We stamped last: then we record at once, and the others wait to see it.
    var isSender = false
    /// The last ordinal known to be recorded.
    var recorded: Int64 = 0

    var subscription: Link?
    var commands: Link?
    var links = 0
    var isReconnecting = false
    var sentUpTo: Int64 = 0
    var callsInFlight = 0
    var resending = 0
    var sendNotBefore = Instant(nanoseconds: .min)
    var patience: Duration

    init(me: Name, limits: RecorderLimits) {
        self.me = me
        self.limits = limits
        patience = limits.sendPause
    }

    var isAligned: Bool { naming != nil }

    var naming: Naming? {
        if case .aligned(let naming) = standing { naming } else { nil }
    }

    var isKeeping: Bool {
        if case .lost(.some) = standing { true } else { false }
    }

    /// The era whose names our counts carry, aligned or kept.
    var named: Naming? {
        switch standing {
        case .aligned(let naming): naming
        case .lost(let kept): kept
        }
    }

    /// Both connections stand and are at the same server.
    var isWhole: Bool { subscription != nil && subscription?.runID == commands?.runID }

    // MARK: what is heard on the subscription, in its order

    mutating func hear(_ event: QueuedEvent) {
        guard isAligned || asking?.heard != nil || isKeeping else { return }
        guard queue.bytes + event.bytes <= limits.queueBytesMax else { return lose(keep: false) }
        count += 1
        queue.append(event, count: count)
    }

    /// `by` and `era` are nil where a script of another kind published.
    mutating func hearStamped(by: Name?, era: Name?, last: Int64) {
        guard let named, named.era == era else { return }
        drop(through: last, named)
        isSender = isAligned && by == me
    }

    mutating func hear(_ message: ControlMessage, at now: Instant) {
        switch message {
        case .where(let token, let by, let expected): hearWhere(token, by, expected, now)
        case .at(let token, let era, let ordinal, let last): hearAt(token, era, ordinal, last)
        case .mark(let token, let by): hearMark(token, by, now)
        }
    }

    private mutating func hearWhere(
        _ token: Name, _ by: Name, _ expected: Expected, _ now: Instant
    ) {
        if let naming {
            if naming.era == expected.era {
                note(Mark(asker: by, token: token, count: count, heard: now))
            } else {
                lose(keep: true)  // our era is dead
            }
        }
        guard asking?.token == token else { return }
        if !isKeeping { queue.removeAll() }
        asking?.heard = (now, count, expected)
    }

    private mutating func hearAt(_ token: Name, _ era: Name, _ ordinal: Int64, _ last: Int64) {
        marks.removeAll { $0.token == token }
        guard let asking, asking.token == token, let heard = asking.heard else { return }
        align(Naming(era: era, offset: ordinal - heard.count), recorded: last, isSender: false)
    }

    private mutating func hearMark(_ token: Name, _ by: Name, _ now: Instant) {
        if by == me {
            // Our own era: what we hold begins it, also where the command connection broke meanwhile or
            // we have asked anew: nothing of it is recorded, or the era would not have been opened.
            let head = queue.isEmpty ? count + 1 : queue.first
            align(Naming(era: token, offset: 1 - head), recorded: 0, isSender: true)
            note(Mark(asker: token.afterMark, token: token.afterMark, count: count, heard: now))
        } else {
            lose(keep: false)
            asking = Asking(token: token.afterMark, since: now)
            asking?.heard = (now, count, nil)
        }
    }

    /// Of each asker the latest token, and of all of them the latest few.
    private mutating func note(_ mark: Mark) {
        marks.removeAll { $0.asker == mark.asker }
        if marks.count == limits.marksMax { marks.removeFirst() }
        marks.append(mark)
    }

    // MARK: the connections

    /// Patterns and channels are all confirmed.
    mutating func subscriptionReady(runID: String) {
        links += 1
        subscription = Link(runID: runID, number: links)
        isReconnecting = false
    }

    mutating func subscriptionLost() {
        isReconnecting = false
        guard subscription != nil else { return }
        subscription = nil
        if let naming, !queue.isEmpty { tail = Tail(naming: naming, queue: queue) }
        lose(keep: false)
    }

    mutating func commandsReady(runID: String) {
        links += 1
        commands = Link(runID: runID, number: links)
        isReconnecting = false
    }

    mutating func commandsLost() {
        isReconnecting = false
        commands = nil
        callsInFlight = 0
        resend()
        // What everybody asks after a mark is answered without us; our own question may be gone.
        if let asking, asking.heard?.expected != nil || asking.heard == nil { stopAsking() }
    }

    // MARK: aligned and lost

    mutating func align(_ naming: Naming, recorded: Int64, isSender: Bool) {
        standing = .aligned(naming)
        self.isSender = isSender
        self.recorded = recorded
        (asking, marks) = (nil, [])
        resend()
        drop(through: max(recorded, 0), naming)
    }

    mutating func lose(keep: Bool) {
        standing = .lost(kept: keep ? naming : nil)
        isSender = false
        (asking, marks) = (nil, [])
        resend()
        if !keep { queue.removeAll() }
    }

    mutating func stopAsking() {
        asking = nil
        if !isKeeping { queue.removeAll() }
    }

    /// From the queue's head again.
    mutating func resend() {
        sentUpTo = 0
        resending += 1
        tail?.isSent = false
        for place in marks.indices { marks[place].sent = nil }
    }

    mutating func drop(through ordinal: Int64, _ naming: Naming) {
        queue.drop(through: ordinal - naming.offset)
        recorded = max(recorded, ordinal)
    }
}
