// Keeps one connection to Redis: carries out what `LinkMachine` and `Heartbeat` decide, on a stream
// and a timer of the loop. What is said once it is open is its owner's business: `Ear`
// or `RedisCommands`.
//
// Invariant: `timer` is armed exactly while greeting or open (for the heartbeat) or waiting.

import Bytes
import Loop

protocol LinkOwner: AnyObject {
    /// Greeted; from here on all that comes is the owner's to read.
    func linkOpened(_ server: RedisIdentity)
    func linkReceived(_ bytes: Span<UInt8>) throws(RedisFault)
    /// Nothing was heard for a while and nothing is owed: ask something.
    func linkFellQuiet()
    /// Open, and nothing has come for too long although an answer is owed: fail it, or wait. Told again
    /// and again until something comes.
    func linkFellSilent(since heardAt: Instant)
    func linkLost(_ fault: RedisFault, retryAfter: Duration)
    func linkEnded()
}

final class Link {
    private let loop: Loop
    private let address: RedisAddress
    private let options: RedisOptions
    private weak var owner: (any LinkOwner)?
    private var machine: LinkMachine
    private var heartbeat: Heartbeat
    private var stream: Stream?
    private var timer: TimerID?
    private var greetingReader: ReplyReader?
    /// Replies to the greeting, from the reader to `received`.
    private var answers: [RedisReply] = []
    private let readBudgetBytes: Int

    init(
        loop: Loop, address: RedisAddress, options: RedisOptions, readBudgetBytes: Int
    ) {
        self.loop = loop
        self.address = address
        self.options = options
        self.readBudgetBytes = readBudgetBytes
        machine = LinkMachine(address: address, options: options)
        heartbeat = Heartbeat(options: options, now: loop.now)
    }

    var phase: LinkMachine.Phase { machine.phase }

    func start(owner: any LinkOwner) {
        self.owner = owner
        carryOut(machine.start())
    }

    func stop() { carryOut(machine.stop()) }

    func fail(_ fault: RedisFault) { carryOut(machine.fail(fault)) }

    /// The wait before the next try is over.
    func retryNow() {
        guard case .waiting = machine.phase else { return }
        disarm()
        carryOut(machine.waitEnded())
    }

    /// Sends a command; the owner says `answered()` when its reply came.
    func send(_ command: SharedBytes) {
        heartbeat.asked(at: loop.now)
        stream?.send(command)
    }

    func answered() { heartbeat.answered() }

    private func carryOut(_ step: LinkMachine.Step) {
        switch step {
        case .nothing: break
        case .connect: connect()
        case .greet: greet()
        case .opened(let server):
            greetingReader = nil
            owner?.linkOpened(server)
        case .close:
            disarm()
            stream?.close()
        case .lost(let fault, let delay):
            arm(after: delay)
            owner?.linkLost(fault, retryAfter: delay)
        case .ended(let startsAgain):
            disarm()
            owner?.linkEnded()
            if startsAgain { carryOut(machine.start()) }
        }
    }

    private func connect() {
        do throws(TLSFault) {
            let (files, usesTLS) = (options.tls, address.usesTLS)
            let tls =
                try usesTLS
                ? TLSClient(
                    caFile: files.caFile, serverName: files.serverName,
                    certificateFile: files.certificateFile, keyFile: files.keyFile) : nil
            stream = loop.connect(
                to: address.endpoint, tls: tls, timeout: options.connectTimeout,
                dialTimeout: options.dialTimeout, owner: self)
            stream?.readBudgetBytes = readBudgetBytes
        } catch {
            // The files may be in the middle of their renewal: the next try reads them again.
            streamEnded(.tls("\(error)"))
        }
    }

    private func greet() {
        guard case .greeting(let greeting) = machine.phase else { return }
        heartbeat = Heartbeat(options: options, now: loop.now)
        greetingReader = ReplyReader(options: options) { [unowned self] in answers.append($0) }
        for command in greeting.commands { send(command) }
        arm(after: heartbeat.tick)
    }

    private func received(_ bytes: Span<UInt8>) throws(RedisFault) {
        guard let greetingReader else {
            if case .open = machine.phase { try owner?.linkReceived(bytes) }
            return
        }
        try greetingReader.feed(bytes)
        for reply in answers {
            heartbeat.answered()
            carryOut(machine.answered(reply))
        }
        answers = []
    }

    private func streamEnded(_ end: StreamEnd) {
        disarm()
        stream = nil
        greetingReader = nil
        answers = []
        carryOut(machine.streamClosed(end, jitter: .random(in: 0...1)))
    }

    private func arm(after delay: Duration) {
        disarm()
        timer = loop.arm(self, after: delay)
    }

    private func disarm() {
        if let timer { loop.disarm(timer) }
        timer = nil
    }
}

extension Link: StreamOwner {
    func streamOpened(_ stream: Stream) { carryOut(machine.streamOpened()) }

    func stream(_ stream: Stream, received bytes: Span<UInt8>) -> Int {
        heartbeat.heard(at: loop.now)
        do { try received(bytes) } catch { fail(error) }
        return bytes.count
    }

    func streamDrained(_ stream: Stream) {}

    func streamClosed(_ stream: Stream, _ end: StreamEnd) { streamEnded(end) }
}

extension Link: TimerTarget {
    func timerFired(_ id: TimerID) {
        timer = nil
        guard owner != nil else { return stop() }
        if case .waiting = machine.phase { return carryOut(machine.waitEnded()) }
        switch heartbeat.verdict(at: loop.now) {
        case .silent:
            guard case .open = machine.phase else { return fail(.timedOut(.reply)) }
            arm(after: heartbeat.tick)
            owner?.linkFellSilent(since: heartbeat.heardAt)
            return
        case .wait(let delay): arm(after: delay)
        case .ping:
            arm(after: heartbeat.tick)
            owner?.linkFellQuiet()
        }
        // Having lived through a heartbeat while open, it was of use.
        if case .open = machine.phase { machine.proved() }
    }
}
