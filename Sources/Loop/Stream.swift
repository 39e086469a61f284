// Stream is a byte stream: TCP or Unix, plain or TLS, accepted or connected.
//
// Bytes in: read into the loop's scratch, lent to the owner, and only what the owner leaves is
// kept. Bytes out: queued, and written once at the end of the tick, all pieces together.
//
// Invariants: the owner hears `streamClosed` once, at the end of a tick, and nothing after the
// stream was closed. No buffer is held while nothing is pending. A stream is in `loop.dirty`
// exactly while `isDirty`. The stream keeps its owner until `streamClosed`.

import Bytes
import CLinux

public final class Stream: EventTarget {
    enum Phase: UInt8 {
        case connecting, handshaking, open
        /// The peer sends no more; what is owed is tried once more, in this tick.
        case ending
        /// We send no more: first what is owed goes out, then the peer has a while to close.
        case finishing, lingering
        case closed
    }

    public internal(set) var peer: PeerAddress
    // Here and below, where an alignment leaves room: a server has as many streams as clients.
    var phase: Phase
    var isDirty = false
    /// The kernel took not all; there is no point in trying before it says so.
    var isBlocked = false
    var owesSinceEarlierTick = false
    var isPaused = false
    /// Read at most so much in a tick, so that others have their turn.
    public var readBudgetBytes: Int
    /// Unconsumed bytes kept; more ends the stream.
    public var inputBytesMax: Int

    let loop: Loop
    var owner: (any StreamOwner)?
    var outbox = Outbox()
    /// What the owner left; empty most of the time.
    var unread: [UInt8] = []
    var tls: TLSSession?
    var connector: Connector?
    /// For connecting, shaking hands and finishing, which all end in time.
    var timer: TimerID?
    var inputEnded = false
    var ownerChanged = false
    /// See StreamIntroduction.swift.
    var isAwaitingIntroduction = false
    private var isAwaitingVisit = false
    private var mayShakeHands = false
    private var isSilenced = false
    var stalledSince: Instant?
    var token: PollToken?
    var descriptor = Descriptor.none
    private var interest: Readiness = []

    private init(_ loop: Loop, _ phase: Phase, from peer: PeerAddress) {
        (self.loop, self.phase, self.peer) = (loop, phase, peer)
        readBudgetBytes = loop.limits.readBudgetBytes
        inputBytesMax = loop.limits.inputBytesMax
    }

    // MARK: - For the owner

    /// Queues; the loop writes at the end of the tick. Before the stream is open it only queues.
    public func send(_ bytes: SharedBytes) {
        guard phase.rawValue <= Phase.ending.rawValue, bytes.count > 0 else { return }
        outbox.append(bytes)
        markDirty()
    }

    /// Queued and not yet taken by the kernel.
    public var owedBytes: Int { outbox.owedBytes }

    /// Since when the kernel took nothing of what is owed; nil while all is well.
    public var owedSince: Instant? { stalledSince }

    /// Sends what is owed, then no more, and closes when the peer has closed or after a while.
    /// Until `streamClosed` the owner hears nothing.
    public func finish() {
        switch phase {
        case .connecting, .handshaking: close()
        case .open:
            phase = .finishing
            unread = []
            isPaused = false
            arm(after: loop.limits.finishMax)
            markDirty()
        case .ending, .finishing, .lingering, .closed: break
        }
    }

    /// Closes now; what is owed is dropped.
    public func close() { end(.closedByUs) }

    public func pauseReading() {
        guard phase.rawValue <= Phase.open.rawValue else { return }
        isPaused = true
        updateInterest()
    }

    public func resumeReading() {
        guard isPaused else { return }
        isPaused = false
        updateInterest()
        awaitVisit()
    }

    /// What the old owner left unread goes to the new one, soon and not from within this call.
    public func setOwner(_ owner: any StreamOwner) {
        guard phase != .closed else { return }
        self.owner = owner
        ownerChanged = true
        if !unread.isEmpty { awaitVisit() }
    }

    // MARK: - Opening

    /// A descriptor that was just accepted. It says nothing before `opens`.
    static func accepted(
        _ raw: Int32, from peer: PeerAddress, on loop: Loop, tls server: TLSServer?
    ) throws(SystemError) -> Stream {
        let stream = Stream(loop, .handshaking, from: peer)
        stream.descriptor = Descriptor(owning: raw)
        stream.tls = server?.session(on: stream.descriptor)
        try stream.register(.readable)
        return stream
    }

    /// Nothing is tried before `connector` begins.
    static func connecting(on loop: Loop, owner: any StreamOwner) -> Stream {
        let stream = Stream(loop, .connecting, from: .unix)
        stream.owner = owner
        return stream
    }

    func connect(
        with connector: Connector, begin: (Connector) -> Void = { $0.begin() }
    ) {
        self.connector = connector
        begin(connector)
    }

    /// Begins one attempt. An earlier attempt's socket is closed.
    func attempt(_ address: SocketAddress) throws(SystemError) {
        abandonAttempt()
        descriptor = try .socket(for: address)
        if address.isTCP { try descriptor.set(TCP_NODELAY, 1, level: Int32(IPPROTO_TCP)) }
        try descriptor.connect(to: address)
        try register(.writable)
        peer = address.peer
    }

    func abandonAttempt() {
        if let token { loop.poller.release(token) }
        token = nil
        descriptor = .none
    }

    /// An accepted stream opens after its owner had time to take it, plain or after a handshake.
    func opens() {
        guard phase == .handshaking else { return }
        if isAwaitingIntroduction { return readIntroduction() }
        if tls == nil { becomeOpen() } else { awaitHands() }
    }

    /// The kernel tells in each tick of what has come, so those that are not served now have their turn later.
    private func awaitHands() {
        if connector == nil {
            guard loop.handshakesLeft > 0 else { return }
            loop.handshakesLeft -= 1
            mayShakeHands = mayShakeHands || owner?.streamMayShakeHands(self) == true
            guard mayShakeHands else { return close() }
        }
        shakeHands()
    }

    private func connected() {
        phase = .handshaking
        if let client = connector?.tls {
            switch client.session(on: descriptor, to: connector?.host) {
            case .success(let session): tls = session
            case .failure(let fault): return end(.tls(fault.description))
            }
        }
        connector?.connected()
        opens()
    }

    private func shakeHands() {
        switch tls?.handshake() {
        case nil, .moved: becomeOpen()
        case .wantsRead: isBlocked = false
        case .wantsWrite: isBlocked = true
        case .ended: return end(.tls("the peer closed during the handshake"))
        case .failed(let reason): return end(.tls(reason))
        }
        updateInterest()
    }

    private func becomeOpen() {
        phase = .open
        isBlocked = false
        connector = nil
        disarm()
        updateInterest()
        if !outbox.isEmpty { markDirty() }
        owner?.streamOpened(self)
        // A record may have come with the end of the handshake; the kernel won't tell of it again.
        if tls != nil { awaitVisit() }
    }

    // MARK: - Events

    func ready(_ readiness: Readiness) {
        switch phase {
        case .connecting:
            if let error = descriptor.pendingError(of: .connect) {
                connector?.attemptFailed(error)
            } else {
                connected()
            }
        case .handshaking: opens()
        case .open, .ending, .finishing, .lingering:
            let isOver = !readiness.isDisjoint(with: [.failed, .hungUp])
            // Over TLS a write may have waited for something to read.
            if isOver || readiness.contains(.writable) || tls != nil {
                isBlocked = false
                if !outbox.isEmpty { markDirty() }
            }
            if isReading {
                if isOver || readiness.contains(.readable) { receive() }
            } else if readiness.contains(.failed) {
                end(.reset(descriptor.pendingError(of: .receive) ?? .connectionReset))
            } else if isOver {
                // Told in every tick whether we want it or not, so it must be silenced.
                silence()
            }
        case .closed: break
        }
    }

    /// What lies here and not in the kernel, which therefore will not remind us of it.
    func visit() {
        isAwaitingVisit = false
        guard phase == .open, !isPaused else { return }
        if !unread.isEmpty { deliver(0) }
        if phase == .open, !isPaused, tls?.hasPending == true { receive() }
    }

    func awaitVisit() {
        guard !isAwaitingVisit else { return }
        isAwaitingVisit = true
        loop.toVisit.append(self)
    }

    func markDirty() {
        guard !isDirty else { return }
        isDirty = true
        loop.dirty.append(self)
    }

    /// What epoll should tell, as things stand.
    func updateInterest() {
        var wanted: Readiness = []
        if isReading { wanted.insert(.readable) }
        if isBlocked || phase == .connecting { wanted.insert(.writable) }
        guard let token, wanted != interest else { return }
        interest = wanted
        if isSilenced {
            isSilenced = false
            loop.poller.unsilence(descriptor, wanted, token)
        } else {
            loop.poller.change(descriptor, wanted, token)
        }
    }

    /// A handshake reads, also for an owner that does not want to.
    var isReading: Bool { phase == .handshaking || !isPaused && !inputEnded }

    private func register(_ interest: Readiness) throws(SystemError) {
        self.interest = interest
        token = try loop.poller.add(descriptor, interest, for: self)
    }

    /// Leaves epoll until something else is wanted.
    private func silence() {
        guard let token, !isSilenced else { return }
        isSilenced = true
        interest = []
        loop.poller.silence(descriptor, token)
    }
}
