// Commands over one kept connection, pipelined: sent at once, answered in order.
//
// Invariant: each `reply` is called exactly once, never from inside `send`. A command sent while
// there is no connection fails; nothing is kept for later, and nothing is sent twice, because only
// the caller knows whether that would do harm.

import Bytes
import Loop

public protocol RedisCommandsOwner: AnyObject {
    func commandsReady(_ commands: RedisCommands)
    /// Lost, or not reached at all: told after each try, when all in flight has been answered.
    func commandsLost(_ commands: RedisCommands, _ fault: RedisFault)
    func commandsRetrying(after delay: Duration)
}

public final class RedisCommands {
    public typealias Answer = Result<RedisReply, RedisFault>

    private struct Waiting {
        let bytes: Int
        /// Nil once it was called: what a caller's closure holds may be large.
        var reply: ((Answer) -> Void)?
    }

    private let options: RedisOptions
    private weak var owner: (any RedisCommandsOwner)?
    private let link: Link
    private var reader: ReplyReader?
    /// What is in flight, oldest first, from `answered` on.
    private var inFlight: [Waiting] = []
    private var answered = 0
    private var bytesInFlight = 0
    private let refusals: Refusals
    /// Who answers, since it was last greeted; nil while not connected.
    public private(set) var server: RedisIdentity?

    public static let readBudgetBytes = 256 << 10

    public init(
        loop: Loop, address: RedisAddress, options: RedisOptions, owner: any RedisCommandsOwner
    ) {
        self.options = options
        self.owner = owner
        link = Link(
            loop: loop, address: address, options: options, readBudgetBytes: Self.readBudgetBytes)
        refusals = Refusals(loop: loop)
    }

    public func start() { link.start(owner: self) }

    /// Closes and stays closed; what is in flight fails with `stopped`.
    public func stop() { link.stop() }

    /// Somebody else reached Redis: whoever waits before the next try need not.
    public func retryNow() { link.retryNow() }

    public var state: RedisState { link.state == .open ? .ready : link.state }
    public var commandsInFlight: Int { inFlight.count - answered }

    public func send(_ arguments: [[UInt8]], _ reply: @escaping (Answer) -> Void) {
        guard case .open = link.phase else { return refusals.add(.notConnected, to: reply) }
        admit(RedisCommand.encoded(arguments), reply)
    }

    private func admit(_ command: SharedBytes, _ reply: @escaping (Answer) -> Void) {
        guard commandsInFlight < options.commandsMax,
            bytesInFlight + command.count <= options.commandBytesMax
        else { return refusals.add(.overflow, to: reply) }
        send(command, reply)
    }

    /// EVALSHA, and EVAL where Redis does not know the script yet. Scripts sent meanwhile may then
    /// run earlier than this one.
    public func evaluate(
        _ script: RedisScript, keys: [[UInt8]], arguments: [[UInt8]],
        _ reply: @escaping (Answer) -> Void
    ) {
        evaluate(script, keys: keys, arguments: CommandWords(arguments), reply)
    }

    public func evaluate(
        _ script: RedisScript, keys: [[UInt8]], arguments: CommandWords,
        _ reply: @escaping (Answer) -> Void
    ) {
        let keys = [Array(String(keys.count).utf8)] + keys
        send([Array("EVALSHA".utf8), script.sha1] + keys, arguments) { [weak self] answer in
            guard let self, case .success(.error(let text)) = answer, text.hasPrefix("NOSCRIPT")
            else { return reply(answer) }
            send([Array("EVAL".utf8), script.source] + keys, arguments, reply)
        }
    }

    private func send(
        _ head: [[UInt8]], _ rest: CommandWords, _ reply: @escaping (Answer) -> Void
    ) {
        guard case .open = link.phase else { return refusals.add(.notConnected, to: reply) }
        admit(RedisCommand.encoded(head, rest), reply)
    }

    private func send(_ command: SharedBytes, _ reply: @escaping (Answer) -> Void) {
        bytesInFlight += command.count
        inFlight.append(Waiting(bytes: command.count, reply: reply))
        link.send(command)
    }

    private func receive(_ answer: RedisReply) {
        guard commandsInFlight > 0 else {
            return link.fail(.protocolBroken("an answer to no question"))
        }
        let reply = inFlight[answered].reply.take()
        bytesInFlight -= inFlight[answered].bytes
        answered += 1
        if answered == inFlight.count || answered > Self.answeredKept {
            inFlight.removeFirst(answered)
            answered = 0
        }
        link.answered()
        reply?(.success(answer))
    }

    private func failAll(_ fault: RedisFault) {
        let failed = inFlight.dropFirst(answered)
        (inFlight, answered, bytesInFlight) = ([], 0, 0)
        (server, reader) = (nil, nil)
        for waiting in failed { waiting.reply?(.failure(fault)) }
    }

    /// Taking answered ones out one by one would move all the others each time.
    private static let answeredKept = 4_096
}

extension RedisCommands: LinkOwner {
    func linkOpened(_ server: RedisIdentity) {
        self.server = server
        reader = ReplyReader(options: options) { [unowned self] in receive($0) }
        owner?.commandsReady(self)
    }

    func linkReceived(_ bytes: Span<UInt8>) throws(RedisFault) { try reader?.feed(bytes) }

    func linkFellQuiet() { send(RedisCommand.encoded("PING")) { _ in } }

    func linkFellSilent(since heardAt: Instant) { link.fail(.timedOut(.reply)) }

    func linkLost(_ fault: RedisFault, retryAfter delay: Duration) {
        failAll(fault)
        owner?.commandsLost(self, fault)
        owner?.commandsRetrying(after: delay)
    }

    func linkEnded() { failAll(.stopped) }
}

/// Answers what was refused at the door at the loop's next turn, so that a caller who tries again
/// from its reply does not call itself without end.
private final class Refusals: TimerTarget {
    private let loop: Loop
    private var refused: [(RedisFault, (RedisCommands.Answer) -> Void)] = []

    init(loop: Loop) { self.loop = loop }

    func add(_ fault: RedisFault, to reply: @escaping (RedisCommands.Answer) -> Void) {
        if refused.isEmpty { _ = loop.arm(self, after: .zero) }
        refused.append((fault, reply))
    }

    func timerFired(_ id: TimerID) {
        let now = refused
        refused = []
        for (fault, reply) in now { reply(.failure(fault)) }
    }
}
