// Recorder is a bridge's part of recording plain PUBLISH (docs/decisions/020 and the design's recording.md).
//
// It counts the worker messages of one unbroken subscription and learns which ordinal of which era its
// count is; then the n-th message has the same name for every bridge, and the record script takes
// each name once. It knows no socket and no clock: what is heard and answered comes in by functions,
// what is to be done is asked for with `next` (Recorder+Asking.swift, Recorder+Sending.swift).
//
// Invariants: while it is aligned, the message counted n is ordinal n + offset of the era, for everybody.
// `queue` holds what this subscription brought and what is not known to be recorded: by name where we have
// names; without them, all since the last time that somebody recorded anything.

import Loop

struct Recorder {
    /// What our counts mean: name = count + offset.
    struct Naming: Equatable {
        let era: Name
        let offset: Int64
    }

    enum Standing: Equatable {
        case aligned(Naming)
        /// We know our names, and are not counted yet among those that are there: till then others may open
        /// an era over us.
        case arriving(Naming, last: Int64, isSender: Bool)
        /// `kept`: our era died, and what is heard is kept for the next, under its old names.
        case lost(kept: Naming?)
    }

    /// Somebody's token, and our count when it was heard: we answer where that was.
    struct Mark {
        let asker: Name
        let token: Name
        let count: Int64
        let heardAt: Instant
        var sent: Instant?
        /// Whether it was known to be recorded up to there when we answered.
        var wasReached = false
    }

    /// What had names when the subscription broke. It goes out first, under them.
    struct Tail {
        let naming: Naming
        var queue: RecorderQueue
        var isSent = false
    }

    struct Link: Equatable {
        /// Which primary it is at, and in which reign of it.
        let reign: String
        let number: Int
    }

    let me: Name
    let patterns: Name
    let limits: RecorderLimits

    var standing = Standing.lost(kept: nil)
    var count: Int64 = 0
    var queue = RecorderQueue()
    /// Since when nothing was missed that is neither recorded nor in the queue.
    var heardSince = Instant(nanoseconds: .min)
    var asking: Asking?
    /// The era that we have had opened last, and since when it says that all was heard.
    var opened: (token: Name, heardSince: Instant)?
    /// Eras that may be open for all that we know: the answers were lost. We claim them until it is known.
    var doubted: [Name] = []
    var askNotBefore = Instant(nanoseconds: .min)
    var marks: [Mark] = []
    var tail: Tail?
    /// We stamped last: then we record at once, and the others wait to see it.
    var isSender = false
    /// The last ordinal known to be recorded.
    var recorded: Int64 = 0
    /// Bridges that count other messages were there when we asked last.
    var isAmongOthers = false

    var subscription: Link?
    var commands: Link?
    var links = 0
    var isReconnecting = false
    var presence = Presence()
    var pulses = Pulses()
    var sentUpTo: Int64 = 0
    var callsInFlight = 0
    var resending = 0
    var sendNotBefore = Instant(nanoseconds: .min)
    var patience: Duration

    init(me: Name, patterns: Name, limits: RecorderLimits) {
        self.me = me
        self.patterns = patterns
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

    /// The era whose names our counts carry.
    var named: Naming? {
        switch standing {
        case .aligned(let naming), .arriving(let naming, _, _): naming
        case .lost(let kept): kept
        }
    }

    /// The next to be recorded is ours to send; a bridge that came later may have let it go to the others.
    func holdsNext(_ naming: Naming) -> Bool {
        (queue.isEmpty ? count + 1 : queue.first) + naming.offset <= recorded + 1
    }

    /// Both connections stand and are at the same server.
    var isWhole: Bool { subscription != nil && subscription?.reign == commands?.reign }

    // MARK: what is heard on the subscription, in its order

    /// False where there was no room for it: then all that waited was let go, and a gap will tell.
    mutating func hear(_ event: QueuedEvent) -> Bool {
        guard subscription != nil else { return true }
        count += 1
        guard queue.bytes + event.bytes <= limits.queueBytesMax else {
            lose(keepingNames: false)
            letGo(at: Instant(nanoseconds: event.heardAt))
            return false
        }
        queue.append(event, count: count)
        return true
    }

    /// False where it can't be: Redis brings us a message before anybody can have recorded it.
    mutating func hear(_ stamped: StampedMessage, at now: Instant) -> Bool {
        guard let era = stamped.era else { return true }
        if let named {
            guard named.era == era else { return true }
            guard stamped.last <= count + named.offset else { return false }
            drop(through: stamped.last, named)
            isSender = isAligned && stamped.by == me
        } else if stamped.by != me {
            // Which of ours these are is not known. What we recorded ourselves was our tail, of old.
            letGo(at: now)
        }
        return true
    }

    mutating func hear(_ message: ControlMessage, at now: Instant) {
        switch message.word {
        case .where(let token, let by, let expected): hearWhere(token, by, expected, now)
        case .at(let token, let era, let ordinal, let last):
            marks.removeAll { $0.token == token }
            guard asking?.token == token, let count = asking?.heard?.count else { return }
            guard message.patterns == patterns else { return meetOthers(at: now) }
            arrive(Naming(era: era, offset: ordinal - count), last: last, isSender: false, at: now)
        case .wait(let token): if asking?.token == token { asking?.waitAnew() }
        case .mark(let token, let by):
            hearMark(token, by, isOurs: message.patterns == patterns, now)
        case .pulse(let by, let number): if by == me { pulses.heard(number, at: now) }
        }
    }

    private mutating func hearWhere(
        _ token: Name, _ by: Name, _ expected: Expected, _ now: Instant
    ) {
        if let named, !isKeeping {
            if named.era == expected.era {
                note(Mark(asker: by, token: token, count: count, heardAt: now))
            } else {
                lose(keepingNames: true)  // our era is dead
            }
        }
        if asking?.token == token { asking?.hear(expected, count: count, at: now) }
    }

    private mutating func hearMark(_ token: Name, _ by: Name, isOurs: Bool, _ now: Instant) {
        doubted = []
        if by == me, let opened, opened.token == token, opened.heardSince == heardSince {
            // Our own era: what we hold begins it, also where the command connection broke meanwhile or
            // we have asked anew: nothing of it is recorded, or the era would not have been opened.
            let head = queue.isEmpty ? count + 1 : queue.first
            arrive(Naming(era: token, offset: 1 - head), last: 0, isSender: true, at: now)
            let after = token.afterMark
            note(Mark(asker: after, token: after, count: count, heardAt: now))
            return
        }
        lose(keepingNames: false)
        // An era that says more than we still hold begins with a hole: another one is opened in its place.
        guard by != me else { return }
        guard isOurs else { return meetOthers(at: now) }
        asking = Asking(token: token.afterMark, since: now, isOurs: false)
        asking?.hear(nil, count: count, at: now)
    }

    /// Where others count other messages we record nothing, until none of them is there.
    private mutating func meetOthers(at now: Instant) {
        isAmongOthers = true
        asking = nil
        askNotBefore = now + limits.foreignPause
    }

    /// Of each asker the latest token, and of all of them the latest few.
    private mutating func note(_ mark: Mark) {
        marks.removeAll { $0.asker == mark.asker }
        if marks.count == limits.marksMax { marks.removeFirst() }
        marks.append(mark)
    }

    // MARK: the connections

    /// Patterns and channels are all confirmed.
    mutating func subscriptionReady(reign: String, at now: Instant) {
        links += 1
        subscription = Link(reign: reign, number: links)
        isReconnecting = false
        heardSince = now
    }

    mutating func subscriptionLost() {
        isReconnecting = false
        guard subscription != nil else { return }
        subscription = nil
        if let named, !isKeeping, !queue.isEmpty { tail = Tail(naming: named, queue: queue) }
        lose(keepingNames: false)
        queue.removeAll()
        (presence, doubted) = (Presence(), [])
    }

    mutating func commandsReady(reign: String) {
        links += 1
        commands = Link(reign: reign, number: links)
        isReconnecting = false
    }

    mutating func commandsLost() {
        isReconnecting = false
        commands = nil
        callsInFlight = 0
        pulses.lost()
        resend()
        // A question that nobody heard may be gone. Whether the era was opened will be heard; opened once more, where
        // Redis lost it meanwhile, its name would mean two.
        if let asking, asking.openSent != nil {
            doubted = doubted.suffix(limits.doubtedMax - 1) + [asking.token]
        }
        if asking?.heard == nil || asking?.openSent != nil { asking = nil }
    }

    // MARK: aligned and lost

    /// We know our names. Once Redis counts us among those that are there, nobody opens an era over us.
    private mutating func arrive(_ naming: Naming, last: Int64, isSender: Bool, at now: Instant) {
        (asking, marks, isAmongOthers, recorded) = (nil, [], false, 0)
        standing = .arriving(naming, last: last, isSender: isSender)
        drop(through: max(last, 0), naming)
        pulses.prove(at: now)
        if presence.has(.there) { align() }
    }

    mutating func align() {
        guard case .arriving(let naming, let last, let isSender) = standing else { return }
        standing = .aligned(naming)
        self.isSender = isSender
        recorded = max(recorded, last)
        resend()
    }

    mutating func lose(keepingNames isKeeping: Bool) {
        // Names that never counted are none to keep.
        let kept: Naming? = if case .arriving = standing { nil } else { named }
        standing = .lost(kept: isKeeping ? kept : nil)
        isSender = false
        recorded = 0
        (asking, marks) = (nil, [])
        resend()
    }

    private mutating func letGo(at now: Instant) {
        queue.removeAll()
        heardSince = now
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
