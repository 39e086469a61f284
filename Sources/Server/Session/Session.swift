// Session is one WebSocket client: what it may see, what it follows, and when its time is up.
//
// Frames come in as messages and are answered (Session+Messages.swift); events come from the hub and
// go straight to the stream. Nothing here buffers: what the client has not taken lies in the stream's
// outbox. A replay, and what is live once the outbox is half full, is read from the hub only as fast as
// it is taken.
//
// Invariant: after `leave` the hub knows nothing of this session, and only a close is still sent.

import Bytes
import Hub
import Jobs
import Loop
import Telemetry
import Tokens
import Wire

final class Session {
    /// What the path of the socket asked for.
    enum Purpose {
        case job(JobID, Wish)
        case queue(String, Wish)
        case many

        var subject: Subject? {
            switch self {
            case .job(let job, _): .job(job)
            case .queue(let queue, _): .queue(queue)
            case .many: nil
            }
        }
    }

    enum Phase {
        /// Apart, since it is large and over soon, and every session has the room of the largest case.
        indirect case authenticating(Purpose)
        case open(Grant)
        case closing
    }

    /// So much of a replay is put into the outbox at a time.
    static let replayBytesMax = 262_144

    // A server has as many of these as clients: what most do not have is a reference that is nil, and what
    // is small lies where an alignment leaves room. Its bytes are counted in MemoryTests.
    let stream: Stream
    unowned let worker: Worker
    let caller: Caller
    private(set) var phase: Phase
    private(set) var followed: Set<JobID> = []
    /// Beside those by claims; nil for most.
    var rights: SessionRights?
    /// Of queues; nil for most.
    var views: SessionViews?
    /// Jobs that this client is read from the hub, the next one first; nil when it has caught up.
    var reading: ReadingList?
    /// The `id` of a subscribe that the feed has yet to answer.
    private var requests: [JobID: RequestID] = [:]
    private var trail = Trail()
    var reader: MessageReader
    let form: FrameForm
    /// What the path asks of a token, besides the right to what it follows.
    private let needs: Grant.Scope
    let id: FollowerID
    /// The job of a one-job socket. It is not in `followed`, so that an idle client has no set.
    private(set) var own: JobID?
    /// `connected` was sent. Before that a client is not listened to, unless to a first token.
    private(set) var isGreeted = false
    var timer: TimerID?
    var expiring = ExpiringNotice(left: nil)
    var allowance: Allowance
    var lastHeard: Instant
    var nextPing: Instant

    init(
        id: FollowerID, stream: Stream, worker: Worker, purpose: Purpose,
        needs: Grant.Scope, form: FrameForm, caller: Caller
    ) {
        self.id = id
        self.stream = stream
        self.worker = worker
        phase = .authenticating(purpose)
        self.needs = needs
        self.form = form
        self.caller = caller
        let settings = worker.settings
        let now = worker.loop.now
        reader = MessageReader(
            limits: MessageLimits(messageBytesMax: settings.messageBytesMax),
            deflate: form.isDeflated)
        allowance = Allowance(at: now)
        lastHeard = now
        nextPing = now + settings.pingInterval
    }

    var isClosing: Bool {
        if case .closing = phase { true } else { false }
    }

    /// Begins with the rights that the handshake brought, or waits for a first message that does.
    func start(_ grant: Grant?) {
        if let grant { return open(grant) }
        timer = worker.loop.arm(self, after: worker.settings.authTimeout)
    }

    func open(_ grant: Grant) {
        guard case .authenticating(let purpose) = phase else { return }
        guard grant.has(needs) else { return close(.notThisPath) }
        do throws(Close) { try worker.count(caller, grant) } catch { return close(error) }
        phase = .open(grant)
        expiring = ExpiringNotice(left: worker.timeLeft(of: grant))
        do throws(Close) {
            if try mayNow(purpose.subject, grant, .begin(purpose)) { begin(purpose, grant) }
        } catch { return close(error) }
        // With Redis away a one-job socket may have to wait for its greeting: not without a word.
        if !isClosing, worker.condition == .lost { notify(RedisCondition.lost.notice) }
        if !isClosing { beat() }
    }

    /// Follows what the path asked for.
    func begin(_ purpose: Purpose, _ grant: Grant) {
        switch purpose {
        case .many: greet(grant, nil)
        case .job(let job, let wish):
            own = job
            worker.follow(job, by: id, wish)
        case .queue(let queue, let wish): view(queue, wish, grant, request: nil)
        }
        if !isGreeted, !isClosing { stream.pauseReading() }
    }

    private func greet(_ grant: Grant, _ welcome: Welcome?) {
        greet(
            grant,
            about: welcome.map {
                .job(Subscribed($0, watchers: worker.watchers(of: $0.job)))
            })
    }

    func greet(_ grant: Grant, about subject: SubscribedSubject?) {
        isGreeted = true
        lastHeard = worker.loop.now
        send(worker.connected(grant, subject))
        stream.resumeReading()
        // What was said while it waited for a right lies with the stream.
        stream.setOwner(self)
        beat()
    }

    /// A fresh token of the same subject. Rights that are gone end their subscriptions.
    func refresh(_ grant: Grant) {
        // Its own token again has been told of.
        if case .open(let earlier) = phase, earlier.expiresAt != grant.expiresAt {
            expiring = ExpiringNotice(left: worker.timeLeft(of: grant))
        }
        phase = .open(grant)
        guard grant.has(needs) else { return close(.notThisPath) }
        renewRights(grant)
        if !isClosing { beat() }
    }
}

// MARK: - Following

extension Session {
    func isFollowing(_ job: JobID) -> Bool { job == own || followed.contains(job) }
    func isOwn(_ job: JobID) -> Bool { job == own }
    var followedJobs: [JobID] { (own.map { [$0] } ?? []) + followed }
    var followedCount: Int {
        followed.count + (own == nil ? 0 : 1) + (views?.byQueue.count ?? 0)
            + (rights?.awaitedCount ?? 0)
    }

    func follow(_ job: JobID, _ wish: Wish, request: RequestID?) {
        let isOwn = job == own
        if isFollowing(job) { unfollow(job) }
        if isOwn { own = job } else { followed.insert(job) }
        requests[job] = request
        worker.follow(job, by: id, wish)
    }

    @discardableResult
    func unfollow(_ job: JobID) -> Bool {
        guard isFollowing(job) else { return false }
        if job == own { own = nil } else { followed.remove(job) }
        reading?.remove(job)
        requests[job] = nil
        giveUpHold(on: .job(job))
        worker.unfollow(job, by: id)
        return true
    }

    func welcome(_ welcome: Welcome) {
        let request = requests.removeValue(forKey: welcome.job)
        if !isGreeted, case .open(let grant) = phase {
            greet(grant, welcome)
        } else {
            send(
                ServerMessage.subscribed(
                    Subscribed(welcome, watchers: worker.watchers(of: welcome.job)), id: request))
        }
        if welcome.replay.count > 0 { worker.metrics.replays.add(1) }
        resume(welcome.job)
    }

}

// MARK: - Sending and ending

extension Session {
    /// A control message, in JSON: each client hears it in its own language.
    func send(_ frame: SharedBytes) {
        guard !isClosing else { return }
        worker.metrics.messagesOut.add(1)
        put(form.isMessagePack ? MessagePack.frame(frame) : frame)
    }

    private func put(_ frame: SharedBytes) {
        worker.metrics.bytesOut.add(frame.count)
        trail.sent(frame.count)
        stream.send(frame)
    }

    /// Frames of one job that end with `last`.
    func deliver(_ frames: SharedBytes, upTo last: Entry) {
        guard !isClosing else { return }
        if stream.owedBytes == 0 { trail.forget() }
        put(frames)
        if last.update.job == own { trail.mark(last.update, owed: stream.owedBytes) }
    }

    func closeSlow() {
        worker.metrics.drops.add(.slowConsumer)
        // Whole frames are dropped; the one that the kernel has begun on must be ended.
        let owed = stream.owedBytes
        let kept = stream.dropQueued()
        close(.tooSlow(resumeFrom: trail.cursor(owed: owed, kept: kept)))
    }

    /// For everybody whose token is known.
    func notify(_ notice: SharedBytes) {
        if case .open = phase { send(notice) }
    }

    func close(_ reason: Close) {
        guard !isClosing else { return }
        worker.metrics.closes.add(CloseCode(Int(reason.code)))
        if let refusal = reason.authRefusal { worker.metrics.authRefusals.add(refusal) }
        worker.log.debug(
            "closed",
            [
                "connection": .word(id), "peer": .word(caller.address),
                "code": .integer(Int(reason.code)), "why": .text(reason.name),
            ])
        send(Frames.close(reason.code, reason: reason.reason))
        leave()
        stream.finish()
    }

    /// The client has said good-bye: it is answered with its own code.
    func closed(by code: UInt16?) {
        worker.metrics.closes.add(CloseCode(Int(code ?? 1005)))
        send(Frames.close(code))
        leave()
        stream.finish()
    }

    /// The connection is no more, however it ended.
    func gone(_ end: StreamEnd) {
        if !isClosing {
            worker.metrics.closes.add(CloseCode(1006))
            worker.log.debug(
                "lost", ["connection": .word(id), "why": .text("\(end)")])
            leave()
        }
        worker.forget(self)
        worker.release(caller)
    }

    private func leave() {
        phase = .closing
        leaveRights()
        leaveViews()
        if let own { worker.unfollow(own, by: id) }
        for job in followed { worker.unfollow(job, by: id) }
        (followed, reading, requests) = ([], nil, [:])
        if let timer { worker.loop.disarm(timer) }
        timer = nil
    }
}
