// Fleet is what a bridge tells the other bridges of its Redis, and hears of them: things for one use, messages
// and questions, who is there, and what is revoked.
//
// It has two connections of its own, so that nothing of it waits behind events and no event waits behind it,
// and lives on loop 0. Where Redis does not let it, the bridge works on alone.
//
// Whoever may publish in Redis may forge any message. So a message never changes what is kept: that a token
// is revoked is believed only when Redis' own list says so.
// Invariant: each `reply` is called exactly once; nothing is kept for a connection that is not there.

import Loop
import Redis

public final class Fleet {
    public typealias Reply<Value> = (Result<Value, FleetFault>) -> Void

    public let node: NodeName
    let loop: Loop
    let limits: FleetLimits
    let keys: FleetKeys
    let tell: (FleetNews) -> Void
    /// What this bridge says of itself, as JSON: asked every few seconds.
    public var state: () -> [UInt8] = { Array("{}".utf8) }

    private(set) var commands: RedisCommands?
    private var subscriber: RedisSubscriber?
    var questions = Questions()
    var list: RevocationList
    private var presenceToldAt = Instant(nanoseconds: .min)
    /// Why we hear nobody, as it was told last.
    private var deafness: RedisFault?
    private var timer: TimerID?

    public init(
        loop: Loop, address: RedisAddress, options: RedisOptions, keyPrefix: String,
        node: NodeName, limits: FleetLimits = FleetLimits(), tell: @escaping (FleetNews) -> Void
    ) {
        (self.loop, self.node, self.limits, self.tell) = (loop, node, limits, tell)
        keys = FleetKeys(prefix: keyPrefix, database: address.database)
        list = RevocationList(max: limits.revocationsMax, now: WallClock.seconds())
        commands = RedisCommands(loop: loop, address: address, options: options, owner: self)
        subscriber = RedisSubscriber(
            loop: loop, address: address, options: options, patterns: [],
            channels: [keys.channel], owner: self)
    }

    public func start() {
        commands?.start()
        subscriber?.start()
        beat()
    }

    /// What waits for an answer gets `redisUnavailable`.
    public func stop() {
        commands?.stop()
        subscriber?.stop()
        failQuestions()
        if let timer { loop.disarm(timer) }
        timer = nil
    }

    // MARK: things for one use

    /// Keeps a value under a name, until it is taken or its time is over.
    public func put(
        _ name: [UInt8], _ value: [UInt8], for life: Duration, _ reply: @escaping Reply<Void>
    ) {
        guard value.count <= limits.valueBytesMax else { return reply(.failure(.tooLarge)) }
        let life = Array(String(max(life.milliseconds, 1)).utf8)
        send([word("SET"), keys.once(name), value, word("PX"), life]) { reply($0.map { _ in }) }
    }

    /// Reads it and forgets it in one step: of several who take, on whichever bridge, one gets it. The
    /// others find the mark, where one is left, until its time is over.
    public func take(
        _ name: [UInt8], leaving mark: [UInt8] = [], _ reply: @escaping Reply<[UInt8]?>
    ) {
        evaluate(FleetKeys.take, keys.once(name), [mark]) { answer in
            reply(answer.map { if case .bytes(let value) = $0 { value } else { nil } })
        }
    }

    // MARK: Redis

    var hearsOthers: Bool { subscriber?.state == .ready }

    func send(_ words: [[UInt8]], _ reply: @escaping Reply<RedisReply>) {
        guard let commands else { return reply(.failure(.redisUnavailable)) }
        commands.send(words) { reply(Self.outcome($0)) }
    }

    func evaluate(
        _ script: RedisScript, _ key: [UInt8], _ arguments: [[UInt8]],
        _ reply: @escaping Reply<RedisReply>
    ) {
        guard let commands else { return reply(.failure(.redisUnavailable)) }
        commands.evaluate(script, keys: [key], arguments: arguments) { reply(Self.outcome($0)) }
    }

    private static func outcome(_ answer: RedisCommands.Answer) -> Result<RedisReply, FleetFault> {
        switch answer {
        case .success(.error(let text)): .failure(FleetFault(answer: text))
        case .success(let reply): .success(reply)
        case .failure: .failure(.redisUnavailable)
        }
    }

    func word(_ text: String) -> [UInt8] { Array(text.utf8) }
}

extension Fleet: TimerTarget {
    public func timerFired(_ id: TimerID) { beat() }

    private func beat() {
        timer = loop.arm(self, after: limits.checkInterval)
        endLateQuestions()
        checkList()
        if loop.now >= presenceToldAt + limits.presenceInterval { tellPresence() }
    }

    private func tellPresence() {
        guard commands?.state == .ready else { return }
        presenceToldAt = loop.now
        sayWeAreHere()
    }
}

extension Fleet: RedisCommandsOwner {
    public func commandsReady(_ commands: RedisCommands) {
        tell(.status(.ready))
        subscriber?.retryNow()
        readList()
        tellPresence()
    }

    public func commandsLost(_ commands: RedisCommands, _ fault: RedisFault) {
        list.disconnected()
        tell(.status(.lost(fault)))
    }

    public func commandsRetrying(after delay: Duration) {}
}

extension Fleet: RedisSubscriberOwner {
    /// What was announced before is read.
    public func subscriberReady(_ subscriber: RedisSubscriber) {
        deafness = nil
        tell(.status(.hearing))
        commands?.retryNow()
        readList()
    }

    public func subscriber(
        _ subscriber: RedisSubscriber, heard channel: Span<UInt8>, pattern: Int?,
        payload: Span<UInt8>
    ) { hear(payload) }

    public func subscriberReadDone(_ subscriber: RedisSubscriber) {}

    public func subscriberLost(_ subscriber: RedisSubscriber, _ fault: RedisFault) {
        guard fault != deafness else { return }
        deafness = fault
        tell(.status(.deaf(fault)))
    }

    public func subscriberRetrying(after delay: Duration) {}
}

extension Duration {
    var milliseconds: Int64 { nanoseconds / 1_000_000 }
}

extension WallClock {
    static func seconds() -> Int64 { milliseconds() / 1_000 }
}
