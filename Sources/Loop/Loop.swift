// Loop is one thread's world: its descriptors, timers, mailboxes and streams.
//
// Not Sendable: it is made and run on its own thread, and only mailboxes lead into it.
//
// A tick: wait · let whoever is ready read, accept, receive · fire timers · `beforeFlush` · write
// each dirty stream once · `streamDrained`, `streamClosed` · `afterFlush`.
//
// What has come is read before a timer may find that it has not: when we stood still, or a tick took long,
// nobody is taken for silent whose bytes lie in the kernel.
//
// Invariant: a callback never runs inside another of the same stream, because `send`, `close` and
// their like only note what the end of the tick carries out.

public struct LoopLimits: Sendable {
    public var acceptsPerTickMax = 64
    /// How long a listener rests when descriptors have run out.
    public var acceptRest: Duration = .milliseconds(100)
    public var readBudgetBytes = 65_536
    public var inputBytesMax = 1_048_576
    /// Steps of TLS handshakes with those that come. One costs a millisecond where the certificate has an RSA key.
    public var handshakeStepsPerTickMax = 8
    /// A finished stream's time to send what it owes, and then the peer's to close.
    public var finishMax: Duration = .seconds(10)
    public var lingerMax: Duration = .seconds(1)
    /// Names looked up at the same time, each on a thread.
    public var lookupsMax = 16

    public init() {}
}

public final class Loop {
    public let limits: LoopLimits
    /// Read once, when a tick begins.
    public private(set) var now: Instant
    /// How long the last tick took, waiting not counted. An event may have waited that long.
    public private(set) var tickLag: Duration = .zero
    /// At the end of a tick, before the dirty streams are written.
    public var beforeFlush: (() -> Void)?
    /// After they were written.
    public var afterFlush: (() -> Void)?

    var poller: Poller
    let scratch = Scratch(capacity: 65_536)
    let record = Scratch(capacity: 16_384)
    let gatherList = GatherList()
    let resolver: Resolver
    var dirty: [Stream] = []
    private var flushing: [Stream] = []
    var toVisit: [Stream] = []
    var drained: [Stream] = []
    var handshakesLeft = 0
    var ended: [(Stream, StreamEnd)] = []
    private var wheel: TimerWheel
    private var spare = Descriptor.none
    private var isRunning = true

    public init(limits: LoopLimits = .init()) throws(SystemError) {
        Kernel.ignoreBrokenPipes()
        self.limits = limits
        now = .now()
        wheel = TimerWheel(now: now)
        poller = try Poller()
        spare = try .spare()
        let answers = try Mailbox<(Int, Resolver.Answer)>()
        resolver = Resolver(mailbox: answers, lookupsMax: limits.lookupsMax)
        try attach(answers) { [resolver] in resolver.receive($0, $1) }
    }

    // MARK: - What a loop offers

    /// Messages posted to `mailbox` are received on this loop. A mailbox has one loop.
    public func attach<Message: Sendable>(
        _ mailbox: Mailbox<Message>, _ receive: @escaping (Message) -> Void
    ) throws(SystemError) {
        let port = MailboxPort(mailbox, receive)
        _ = try poller.add(mailbox.descriptor, .readable, for: port)
    }

    /// Fires once, not early and up to 10 ms late. The target is kept until then.
    public func arm(_ target: any TimerTarget, after delay: Duration) -> TimerID {
        wheel.arm(target, at: .now() + delay)
    }

    /// Also of a timer that has fired: then nothing happens.
    public func disarm(_ id: TimerID) { wheel.disarm(id) }

    public func listen(
        on address: ListenAddress, tls: TLSServer? = nil, owner: any ListenerOwner
    ) throws(SystemError) -> Listener {
        try Listener(on: address, tls: tls, owner: owner, loop: self)
    }

    /// The owner hears `streamOpened` or `streamClosed`, never from within this call. `timeout` is for all
    /// of it, `dialTimeout` for each try of TCP alone.
    public func connect(
        to endpoint: Endpoint, tls: TLSClient? = nil, timeout: Duration,
        dialTimeout: Duration? = nil, owner: any StreamOwner
    ) -> Stream {
        let stream = Stream.connecting(on: self, owner: owner)
        stream.connect(
            with: Connector(
                stream, to: endpoint, tls: tls, timeout: timeout,
                dialTimeout: dialTimeout ?? timeout))
        return stream
    }

    /// Blocks the signals in this thread; see `Signals.block` for the others.
    public func onSignals(
        _ signals: [Int32], _ receive: @escaping (Int32, Signals.Sender) -> Void
    ) throws(SystemError) {
        let port = try SignalPort(signals, receive)
        _ = try poller.add(port.descriptor, .readable, for: port)
    }

    // MARK: - The tick

    /// Until `stop`; then every stream is closed, and its owner told.
    public func run() {
        while isRunning { tick() }
        closeEverything()
    }

    /// The tick that runs is the last. From other threads: post to a mailbox whose receiver stops.
    public func stop() { isRunning = false }

    private func tick() {
        let found = poller.wait(milliseconds: waitMilliseconds)
        now = .now()
        handshakesLeft = limits.handshakeStepsPerTickMax
        for index in 0..<found {
            let (token, readiness) = poller.event(index)
            poller.target(of: token)?.ready(readiness)
        }
        visitStreams()
        wheel.advance(to: now)
        while let (target, id) = wheel.nextDue() { target.timerFired(id) }
        beforeFlush?()
        flushDirty()
        tellOwners()
        afterFlush?()
        tickLag = .now() - now
    }

    /// Work that was left for the next tick does not wait.
    private var waitMilliseconds: Int32 {
        guard dirty.isEmpty, toVisit.isEmpty, ended.isEmpty else { return 0 }
        let present = Instant.now()
        guard let wait = wheel.wait(from: present) else { return -1 }
        return Int32(clamping: (max(wait.nanoseconds, 0) + 999_999) / 1_000_000)
    }

    private func visitStreams() {
        guard !toVisit.isEmpty else { return }
        var streams: [Stream] = []
        swap(&streams, &toVisit)
        for stream in streams { stream.visit() }
    }

    /// What turns dirty meanwhile is for the next tick.
    private func flushDirty() {
        swap(&dirty, &flushing)
        for stream in flushing { stream.flush() }
        flushing.removeAll(keepingCapacity: true)
    }

    private func tellOwners() {
        if !drained.isEmpty {
            var streams: [Stream] = []
            swap(&streams, &drained)
            for stream in streams where stream.phase == .open {
                stream.owner?.streamDrained(stream)
            }
        }
        if !ended.isEmpty {
            var streams: [(Stream, StreamEnd)] = []
            swap(&streams, &ended)
            for (stream, end) in streams { stream.tellOwner(end) }
        }
    }

    private func closeEverything() {
        for target in poller.targets {
            if let stream = target as? Stream { stream.close() }
            if let listener = target as? Listener { listener.close() }
        }
        resolver.abandon()
        while !ended.isEmpty { tellOwners() }
        wheel.disarmAll()
        (dirty, toVisit, drained) = ([], [], [])
        beforeFlush = nil
        afterFlush = nil
        poller.releaseAll()
    }

    // MARK: - The spare descriptor

    func dropSpare() -> Bool {
        defer { spare = .none }
        return spare.isOpen
    }

    func takeSpare() {
        guard !spare.isOpen else { return }
        if let taken = try? Descriptor.spare() { spare = taken }
    }
}
