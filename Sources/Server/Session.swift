// Session is one WebSocket client: what it may see, what it follows, and when its time is up.
//
// Frames come in as messages and go to `answer` (Session+Messages.swift); events come from the hub
// and go straight to the stream. Nothing here buffers: what the client has not taken lies in the
// stream's outbox, within a limit, and a replay is read from the hub only as fast as it is taken.
//
// Invariant: after `leave` the hub knows nothing of this session, and nothing more is sent but a close.

import Bytes
import Hub
import Jobs
import Loop
import Tokens
import Wire

final class Session {
    /// What the path of the socket asked for.
    enum Purpose {
        case job(JobID, Wish)
        case many
    }

    enum Phase {
        case authenticating
        case open(Grant)
        case closing
    }

    /// So much of a replay is put into the outbox at a time.
    static let replayBytesMax = 262_144

    let id: FollowerID
    let stream: Stream
    unowned let worker: Worker
    let purpose: Purpose
    let deflates: Bool
    let admission: Admission.Verdict
    private(set) var phase = Phase.authenticating
    private(set) var followed: [JobID] = []
    /// Jobs whose history this client is still being read.
    private var reading: [JobID] = []
    /// The `id` of a subscribe that the feed has yet to answer.
    private var requests: [JobID: [UInt8]] = [:]
    private var isGreeted = false
    private var reader: MessageReader
    private var allowance: Allowance
    private var lastHeard: Instant
    private var nextPing: Instant
    private var timer: TimerID?

    init(
        id: FollowerID, stream: Stream, worker: Worker, purpose: Purpose, deflates: Bool,
        admission: Admission.Verdict
    ) {
        self.id = id
        self.stream = stream
        self.worker = worker
        self.purpose = purpose
        self.deflates = deflates
        self.admission = admission
        let settings = worker.settings
        let now = worker.loop.now
        reader = MessageReader(
            limits: MessageLimits(messageBytesMax: settings.messageBytesMax), deflate: deflates)
        allowance = Allowance(burst: settings.messagesBurstMax, at: now)
        lastHeard = now
        nextPing = now + settings.pingInterval
    }

    /// Begins, with the rights that the handshake brought, or waiting for a first message that does.
    func start(_ grant: Grant?) {
        guard let grant else {
            timer = worker.loop.arm(self, after: worker.settings.authTimeout)
            return
        }
        open(grant)
    }

    func open(_ grant: Grant) {
        phase = .open(grant)
        switch purpose {
        case .many: send(ServerMessage.connected(worker.greeting(of: grant), nil))
        case .job(let job, let wish):
            guard grant.mayFollow(job: job.text) else {
                return close(.notThisJob)
            }
            follow(job, wish, request: nil)
        }
        beat()
    }

    /// The right to what is followed was changed by a fresh token of the same subject.
    func refresh(_ grant: Grant) {
        phase = .open(grant)
        for job in followed where !grant.mayFollow(job: job.text) {
            if case .job = purpose { return close(.notThisJob) }
            unfollow(job)
            send(ServerMessage.unsubscribed(job, reason: "right_lost", request: nil))
        }
    }

    // MARK: following

    func follow(_ job: JobID, _ wish: Wish, request: [UInt8]?) {
        if followed.contains(job) { unfollow(job) }
        followed.append(job)
        if let request { requests[job] = request }
        worker.follow(job, by: self, wish)
    }

    @discardableResult
    func unfollow(_ job: JobID) -> Bool {
        guard let index = followed.firstIndex(of: job) else { return false }
        followed.remove(at: index)
        reading.removeAll { $0 == job }
        requests[job] = nil
        worker.unfollow(job, by: self)
        return true
    }

    func welcome(_ welcome: Welcome) {
        let request = requests.removeValue(forKey: welcome.job)
        if case .job = purpose, !isGreeted, case .open(let grant) = phase {
            isGreeted = true
            send(ServerMessage.connected(worker.greeting(of: grant), welcome))
        } else {
            send(ServerMessage.subscribed(welcome, request: request))
        }
        resume(welcome.job)
    }

    /// From here on the job is read from the hub's ring until it has been caught up with.
    func resume(_ job: JobID) {
        if !reading.contains(job) { reading.append(job) }
        readOn()
    }

    /// Reads on what the client is still owed of histories, as far as its outbox has room.
    func readOn() {
        while let job = reading.first, stream.owedBytes < Self.replayBytesMax {
            let (items, hasCaughtUp) = worker.hub.read(
                job, for: id, bytes: Self.replayBytesMax - stream.owedBytes)
            for item in items { send(item, of: job) }
            if hasCaughtUp { reading.removeFirst() }
        }
        if !reading.isEmpty { worker.readLater(self) }
    }

    private func send(_ item: Item, of job: JobID) {
        switch item {
        case .entry(let entry):
            worker.countDelivered(1)
            send(deflates ? worker.compressed(entry) : entry.update.frame)
        case .gap(let gap): send(ServerMessage.gap(job, gap))
        case .live(let epoch, let seq): send(ServerMessage.live(job, epoch, seq))
        }
    }

    // MARK: sending

    func send(_ frame: SharedBytes) {
        guard !isClosing else { return }
        stream.send(frame)
    }

    /// Events of one job. A client that owes too much is closed, with the cursor to resume from.
    func deliver(_ frames: SharedBytes) {
        guard !isClosing else { return }
        if stream.owedSince != nil {
            // What this tick itself brought is not the client's fault: only old debts count.
            guard stream.owedBytes <= worker.settings.outboxBytesMax else { return closeSlow() }
        }
        stream.send(frames)
    }

    var isClosing: Bool {
        if case .closing = phase { true } else { false }
    }
}
