// SSEStream is a client that hears one job, or a queue's jobs, as `text/event-stream`, until it goes, its
// token ends or it takes nothing any more. It begins with `connected` and hears what a socket of that
// job or queue hears; it can say nothing. Only one job's events have ids: a queue has no cursor.
//
// Nothing here buffers, as with a session: a replay, and what is live once much is owed, is read from
// the hub only as fast as it is taken.
//
// Invariant: once it is closing the hub knows nothing of it, and nothing more is sent.

import Bytes
import Hub
import Jobs
import Loop
import Telemetry
import Tokens
import Wire

final class SSEStream: HTTPFollower {
    let id: FollowerID
    let stream: Stream
    let subject: Subject
    let grant: Grant
    private let right: Right
    unowned let worker: Worker
    let caller: Caller
    private(set) var isGreeted = false
    private var expiring: ExpiringNotice
    /// Jobs whose history this client is still being read.
    private(set) var reading: Set<JobID> = []
    private(set) var isClosing = false
    private var nextHeartbeat: Instant
    private var timer: TimerID?

    init(
        id: FollowerID, stream: Stream, subject: Subject, grant: Grant, right: Right,
        worker: Worker,
        caller: Caller
    ) {
        self.id = id
        self.stream = stream
        self.subject = subject
        self.grant = grant
        self.right = right
        self.worker = worker
        self.caller = caller
        expiring = ExpiringNotice(left: worker.timeLeft(of: grant))
        nextHeartbeat = worker.loop.now + worker.settings.pingInterval
    }

    var hasCursor: Bool { if case .job = subject { true } else { false } }

    func start(_ wish: Wish) {
        switch subject {
        case .job(let job):
            if right == .belonging { worker.rights.hold(job, by: id) }
            worker.follow(job, by: self, wish)
        case .queue(let queue): view(queue, wish)
        }
        // Not without a word, if it has to wait for its greeting.
        if worker.condition == .lost { notify(RedisCondition.lost.notice) }
        beat()
    }

    private func view(_ queue: String, _ wish: Wish) {
        worker.metrics.subscriptions.add(1)
        let view = View(wish, covers: grant.covers(queue))
        worker.setViews([queue: view], of: id, isHeld: true)
        worker.list(queue, grant) { [weak self] jobs in
            guard let self, !isClosing else { return }
            greet(.queue(jobs))
            worker.hub.letIn(id)
        }
    }

    private func greet(_ subject: SubscribedSubject) {
        isGreeted = true
        send(worker.connected(grant, subject))
        beat()
    }

    func welcome(_ welcome: Welcome) {
        guard !isClosing else { return }
        let subscribed = Subscribed(welcome, watchers: worker.watchers(of: welcome.job))
        if isGreeted {
            send(ServerMessage.subscribed(subscribed, id: nil))
        } else {
            greet(.job(subscribed))
        }
        if welcome.replay.count > 0 { worker.metrics.replays.add(1) }
        resume(welcome.job)
    }

    func resume(_ job: JobID) {
        guard isGreeted else { return }
        reading.insert(job)
        readOn()
    }

    func readOn() {
        let room = min(Session.replayBytesMax, worker.settings.outboxBytesMax / 2)
        while let job = reading.first, !isClosing, stream.owedBytes < room {
            let (items, hasCaughtUp) = worker.hub.read(
                job, for: id, bytes: room - stream.owedBytes, at: worker.loop.now.nanoseconds)
            for item in items { send(item, of: job) }
            if hasCaughtUp { reading.remove(job) }
        }
        if !reading.isEmpty, !isClosing { worker.readLater(id) }
    }

    func left(_ departure: Departure) {
        reading.remove(departure.job)
        send(
            ServerMessage.unsubscribed(.job(departure.job), reason: departure.reason.rawValue))
    }

    func review(_ job: JobID, _ belonging: Belonging) {
        guard !isClosing, !grant.covers(belonging) else { return }
        send(ServerMessage.unsubscribed(.job(job), reason: "right_lost"))
        close("right_lost")
    }

    private func send(_ item: Item, of job: JobID) {
        switch item {
        case .entry(let entry):
            worker.metrics.replayedEvents.add(1)
            worker.metrics.messagesOut.add(1)
            put(EventStreamText.entry(entry, hasCursor: hasCursor))
        case .gap(let gap): send(worker.frame(of: gap, in: job))
        case .live(let epoch, let seq):
            send(ServerMessage.live(.job(job), epoch: epoch, seq: seq))
        }
    }

    /// A control message, as a WebSocket would get it.
    private func send(_ frame: SharedBytes) {
        worker.metrics.messagesOut.add(1)
        put(EventStreamText.control(frame))
    }

    private func put(_ text: SharedBytes) {
        guard !isClosing else { return }
        worker.metrics.bytesOut.add(text.count)
        stream.send(text)
    }

    /// What this tick itself brought is not the client's fault: only older debts count.
    var hasRoom: Bool {
        stream.owedSince == nil || stream.owedBytes <= worker.settings.outboxBytesMax / 2
    }

    func fallBehind(on job: JobID) {
        reading.insert(job)
        worker.readLater(id)
    }

    func deliver(_ blocks: [SharedBytes], count: Int) {
        for block in blocks { put(block) }
    }

    func notify(_ notice: SharedBytes) { send(notice) }

    // MARK: the end

    func drain() { close("draining") }

    func disconnect() { close("disconnected") }

    private func closeSlow() {
        worker.metrics.drops.add(.slowConsumer)
        // Whole pieces are dropped; the client has the cursor of the last whole event.
        _ = stream.dropQueued()
        close("too_slow")
    }

    func revoke() { end(.tokenRefused(.revoked)) }

    private func end(_ reason: Close) {
        guard !isClosing else { return }
        if let refusal = reason.authRefusal { worker.metrics.authRefusals.add(refusal) }
        let code: NoticeCode = reason == .tokenExpired ? .tokenExpired : .tokenRevoked
        send(ServerMessage.notice(.warning, code: code, message: reason.reason))
        close(reason.name)
    }

    private func tellExpiring() {
        guard isGreeted, let end = worker.end(of: grant) else { return }
        expiring.told()
        send(ServerMessage.tokenExpiring(expiresAt: end))
    }

    private func close(_ why: String) {
        guard !isClosing else { return }
        worker.log.debug(
            "event_stream_closed",
            ["connection": .word(id), "peer": .word(caller.address), "why": .text(why)])
        leave()
        stream.finish()
    }

    private func leave() {
        guard !isClosing else { return }
        isClosing = true
        if let timer { worker.loop.disarm(timer) }
        timer = nil
        switch subject {
        case .job(let job):
            worker.rights.letGo(job, by: id)
            worker.unfollow(job, by: id)
        case .queue:
            worker.metrics.subscriptions.add(-1)
            worker.setViews([:], of: id)
        }
    }
}

extension SSEStream: TimerTarget {
    func timerFired(_ id: TimerID) {
        timer = nil
        beat()
    }

    /// Looks whether the token and the socket still live, and when to look again.
    private func beat() {
        guard !isClosing else { return }
        let now = worker.loop.now
        let settings = worker.settings
        let lifeLeft = worker.lifeLeft(of: grant)
        if let lifeLeft, lifeLeft <= .zero { return end(.tokenExpired) }
        let untilExpiring = expiring.wait(left: worker.timeLeft(of: grant))
        if let untilExpiring, untilExpiring <= .zero { tellExpiring() }
        if let owedSince = stream.owedSince, now - owedSince > settings.writeTimeout {
            return closeSlow()
        }
        if now >= nextHeartbeat {
            put(EventStreamText.heartbeat)
            nextHeartbeat = now + settings.pingInterval
        }
        var next = min(settings.pingInterval, settings.writeTimeout)
        for deadline in [lifeLeft, untilExpiring] {
            if let deadline, deadline > .zero { next = min(next, deadline) }
        }
        if let timer { worker.loop.disarm(timer) }
        timer = worker.loop.arm(self, after: next)
    }
}

extension SSEStream: StreamOwner {
    func streamOpened(_ stream: Stream) {}
    /// There is nothing to say here.
    func stream(_ stream: Stream, received bytes: Span<UInt8>) -> Int {
        worker.metrics.bytesIn.add(bytes.count)
        return bytes.count
    }
    func streamDrained(_ stream: Stream) { if !reading.isEmpty { readOn() } }

    func streamClosed(_ stream: Stream, _ end: StreamEnd) {
        leave()
        worker.forget(self)
        worker.release(caller)
    }
}
