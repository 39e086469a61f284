// The life of one kept connection: connect, greet, open; break, wait, connect again, for ever.
//
// Pure: each event is a function that says what to do next, and `Link` does it. Time is a duration
// and chance a number that comes in.
//
// Invariant: between `connect` and the `streamClosed` that answers it there is exactly one stream.

import Bytes
import Loop

struct LinkMachine {
    enum Phase {
        case stopped
        case connecting
        case greeting(Greeting)
        case open
        /// Closed by us; `streamClosed` is still to come. No fault: we were stopped.
        case closing(RedisFault?)
        case waiting
    }

    enum Step: Equatable {
        case nothing
        case connect
        case greet
        case opened(RedisIdentity)
        case close
        case lost(RedisFault, retryAfter: Duration)
        case ended(startsAgain: Bool)
    }

    private(set) var phase = Phase.stopped
    private let address: RedisAddress
    private let options: RedisOptions
    private var backoff: Backoff
    /// Started again while the old stream was still closing.
    private var startsAgain = false

    init(address: RedisAddress, options: RedisOptions) {
        (self.address, self.options) = (address, options)
        backoff = Backoff(base: options.backoffBase)
    }

    mutating func start() -> Step {
        switch phase {
        case .stopped:
            phase = .connecting
            return .connect
        case .closing(nil):
            startsAgain = true
            return .nothing
        case .connecting, .greeting, .open, .closing, .waiting: return .nothing
        }
    }

    mutating func stop() -> Step {
        startsAgain = false
        switch phase {
        case .stopped, .closing(nil): return .nothing
        case .waiting:
            phase = .stopped
            return .ended(startsAgain: false)
        case .connecting, .greeting, .open:
            phase = .closing(nil)
            return .close
        case .closing:
            phase = .closing(nil)
            return .nothing
        }
    }

    mutating func streamOpened() -> Step {
        guard case .connecting = phase else { return .nothing }
        phase = .greeting(Greeting(address: address))
        return .greet
    }

    mutating func answered(_ reply: RedisReply) -> Step {
        switch phase {
        case .greeting(var greeting):
            switch greeting.answer(reply) {
            case .more: phase = .greeting(greeting)
            case .welcome(let server):
                phase = .open
                return .opened(server)
            case .refused(let fault): return fail(fault)
            }
            return .nothing
        case .open: return fail(.protocolBroken("an answer to no question"))
        case .stopped, .connecting, .closing, .waiting: return .nothing
        }
    }

    /// Something is wrong with this connection: close it, then try again.
    mutating func fail(_ fault: RedisFault) -> Step {
        switch phase {
        case .connecting, .open: phase = .closing(fault)
        case .greeting: phase = .closing(fault.duringGreeting)
        case .stopped, .closing, .waiting: return .nothing
        }
        return .close
    }

    mutating func streamClosed(_ end: StreamEnd, jitter: Double) -> Step {
        let fault: RedisFault
        switch phase {
        case .stopped, .waiting: return .nothing
        case .closing(nil):
            phase = .stopped
            defer { startsAgain = false }
            return .ended(startsAgain: startsAgain)
        case .closing(let known?): fault = known
        case .connecting, .open: fault = RedisFault(end)
        case .greeting: fault = RedisFault(end).duringGreeting
        }
        phase = .waiting
        let cap = fault.passes ? options.backoffCap : options.refusedBackoffCap
        return .lost(fault, retryAfter: backoff.next(upTo: cap, jitter: jitter))
    }

    mutating func waitEnded() -> Step {
        guard case .waiting = phase else { return .nothing }
        phase = .connecting
        return .connect
    }

    /// The connection was open and of use: the next break starts with a short wait again.
    mutating func proved() { backoff.reset() }
}

extension RedisFault {
    init(_ end: StreamEnd) {
        self =
            switch end {
            case .closedByUs: .stopped
            case .closedByPeer: .connectionLost("closed by the other side")
            case .connectFailed(let why): .connectFailed(why)
            case .timedOut: .timedOut(.connect)
            case .reset(let error): .connectionLost("\(error)")
            case .tls(let why): .tlsFailed(why)
            case .inputTooLong: .protocolBroken("more than was read")
            // Only who accepts is introduced to.
            case .badIntroduction(let fault): .protocolBroken(fault.rawValue)
            }
    }

    /// Before the first answer, nonsense means that we are at the wrong door.
    var duringGreeting: RedisFault {
        switch self {
        // The first byte of a TLS alert, where a type byte should be.
        case .protocolBroken(let what) where what.contains("\\x15"): .tlsExpected
        case .protocolBroken(let what): .notRedis(what)
        case .connectionLost(let why):
            .connectionLost("\(why), before it answered; is it a TLS port?")
        default: self
        }
    }
}
