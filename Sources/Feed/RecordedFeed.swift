// RecordedFeed has Redis number and keep what workers publish, together with other bridges.
//
// It is the thin shell around `Recorder`, which says what is to be recorded, and `FollowedJobs`, which
// says what must be read: it carries their steps out on two connections. What followers are told comes
// from the stamped channel and from `touch`, never from the answer to `record`: one connection, one
// order. It lives on loop 0; its news keep the order that `FeedNews` promises.

import Bytes
import Jobs
import Loop
import Redis
import Wire

public struct RecordedFeedOptions: Sendable {
    public var keyPrefix = "jobwire"
    public var recording = RecordingLimits()
    /// What may wait for Redis to record it.
    public var queueBytesMax = 64 << 20
    /// What may wait of one followed job while its history is read.
    public var earlyBytesMax = 4 << 20

    public init() {}
}

public final class RecordedFeed {
    let loop: Loop
    let tell: (FeedNews) -> Void
    private let limits: FeedLimits
    private let sources: [Source]
    let calls: ScriptCalls
    var reader: EventReader
    private var finder = EventFinder()
    /// What was recorded is read again, whatever its size.
    var recordedReader = EventReader(eventBytesMax: .max)
    /// Used again for each of them.
    var recordedText: [UInt8] = []
    var recorder: Recorder
    var followed: FollowedJobs
    var random = SystemRandomNumberGenerator()
    var eventsHeard = 0
    var bytesHeard = 0
    /// The last event sent to be recorded, and the last of its era that was announced.
    private var sent: (era: Name, last: Int64)?
    private var stampedLast: Int64 = 0
    public var isAwaitingEvents: Bool { sent.map { $0.last > stampedLast } ?? false }
    /// Loops that are told of every job that comes alive.
    var watching = LoopSet()
    var posts = Posts()
    private var wasAligned = false
    private var wasAmongOthers = false
    var readsInFlight = 0
    let silence: Silence
    var watch = SilenceWatch(silentMax: 0)
    /// Where the list of jobs is to be read on for those that were never heard; nil when it was read.
    var listedFrom: String? = "-inf"
    var readNotBefore = Instant(nanoseconds: .min)

    var subscriber: RedisSubscriber?
    var commands: RedisCommands?
    var subscribeAgainAt: Instant?
    var connectAgainAt: Instant?
    /// Of the primary that we listen to.
    var channels = (stamped: "", control: "")
    private var flow = Flow.beginning
    var beginsUntil: Instant
    var publishTimeout: Duration { limits.publishTimeout }

    public init(
        loop: Loop, address: RedisAddress, options: RedisOptions, sources: [Source],
        limits: FeedLimits, recorded: RecordedFeedOptions, tell: @escaping (FeedNews) -> Void
    ) {
        self.loop = loop
        self.limits = limits
        self.sources = sources
        self.tell = tell
        reader = EventReader(eventBytesMax: limits.eventBytesMax)
        silence = Silence(loop: loop, silentMax: limits.stalledAfter)
        let me = Name.random(using: &random)
        calls = ScriptCalls(
            me: me, patterns: .ofSources(sources), prefix: recorded.keyPrefix,
            database: address.database, limits: recorded.recording)
        var recorderLimits = RecorderLimits()
        recorderLimits.queueBytesMax = recorded.queueBytesMax
        recorderLimits.openPause = options.replyTimeout + Self.reconnectMax
        recorder = Recorder(me: me, patterns: calls.patterns, limits: recorderLimits)
        followed = FollowedJobs(earlyBytesMax: recorded.earlyBytesMax)
        beginsUntil = loop.now + recorderLimits.standstillMax
        let names = calls.names
        subscriber = RedisSubscriber(
            loop: loop, address: address, options: options, patterns: sources.map(\.pattern.text),
            channels: { server in
                server.reign.map { [names.stamped(in: $0), names.control(in: $0)] } ?? []
            }, owner: self)
        commands = RedisCommands(loop: loop, address: address, options: options, owner: self)
    }

    public func start() {
        subscriber?.start()
        commands?.start()
        _ = loop.arm(self, after: Self.beat)
        silence.start { [unowned self] in tellSilent() }
    }

    /// What is stepped by time alone is looked at so often.
    static let beat: Duration = .milliseconds(50)
    /// Jobs checked by one call, and calls that read at the same time.
    static let checksMax = 64
    static let readsMax = 4
    static let readPause: Duration = .milliseconds(200)
    /// A bridge that found its command connection dead has a new one within it.
    private static let reconnectMax: Duration = .seconds(3)

    // MARK: what is heard

    /// A worker's message. Each bridge counts it, whatever it can make of it.
    func hear(_ payload: Span<UInt8>, on channel: Span<UInt8>, pattern: Int) {
        // A channel that two patterns match is heard twice and counts once.
        guard !sources[..<pattern].contains(where: { $0.pattern.matches(channel) }) else { return }
        guard !sources[pattern].namesInMessage else {
            return finder.read(payload, of: sources[pattern]) { job, event in
                switch job {
                case .success(let job): hear(event, of: job)
                case .failure(let fault): hearOfNobody(.nameless(fault))
                }
            }
        }
        let job: JobID
        do throws(JobIDFault) {
            job = try sources[pattern].job(in: channel)
        } catch { return hearOfNobody(.refusedChannel(error)) }
        hear(payload, of: job)
    }

    private func hearOfNobody(_ why: FeedNews) {
        tell(why)
        eventsHeard += 1
        queue(QueuedEvent(job: nil, event: nil, heardAt: loop.now.nanoseconds))
    }

    private func queue(_ event: QueuedEvent) {
        if !recorder.hear(event) { tell(.recording(.overflowed)) }
    }

    private func hear(_ payload: Span<UInt8>, of job: JobID) {
        eventsHeard += 1
        bytesHeard += payload.count
        let event = reader.read(
            payload, heardAt: WallTime(milliseconds: WallClock.milliseconds()), of: job.kind)
        if !event.oddities.isEmpty { tell(.odd(event.oddities, job)) }
        queue(QueuedEvent(job: job, event: event, heardAt: loop.now.nanoseconds))
    }

    func hearStamped(_ payload: Span<UInt8>) {
        guard let stamped = StampedMessage(payload), recorder.hear(stamped, at: loop.now) else {
            return tell(.recording(.strange))
        }
        if stamped.era == sent?.era { stampedLast = stamped.last }
        for entry in stamped.entries {
            guard let job = entry.job else { continue }
            heardOfAnyJob(job, seq: entry.seq)
            if followed.isFollowed(job) {
                let (update, change) = update(
                    job, epoch: entry.epoch, seq: entry.seq, entry.kind,
                    payload.extracting(entry.body))
                if let loops = followed.hear(update, change) {
                    tell(.update(update, change, loops))
                }
            }
            if !watching.isEmpty { announce(entry, of: job, payload) }
        }
    }

    private func announce(
        _ entry: StampedMessage.Entry, of job: JobID, _ payload: Span<UInt8>
    ) {
        let others = watching.subtracting(followed.loops(of: job))
        guard !others.isEmpty, job.kind == .job else { return }
        func copy(_ place: Range<Int>) -> [UInt8] {
            [UInt8](capacity: place.count) { $0.append(copying: payload.extracting(place)) }
        }
        let announcement = Announcement(
            job: job, belonging: Belonging(queue: copy(entry.queue), owner: copy(entry.owner)),
            after: Cursor(epoch: entry.epoch, seq: entry.seq - 1))
        tell(.active(announcement, others))
    }

    func hearControl(_ payload: Span<UInt8>) {
        guard let message = ControlMessage(payload) else { return tell(.recording(.strange)) }
        recorder.hear(message, at: loop.now)
        if case .mark = message.word { followed.touchAll() }
    }

    // MARK: what is to be done

    /// Carries out what the recorder and the followed jobs want, after whatever has happened.
    func advance() {
        while let step = recorder.next(at: loop.now, using: &random) { carryOut(step) }
        if recorder.isAligned != wasAligned {
            wasAligned = recorder.isAligned
            silence.hears(wasAligned)
            if wasAligned { watchAnew() }
            tell(.recording(.aligned(wasAligned)))
        }
        if recorder.isAmongOthers != wasAmongOthers {
            wasAmongOthers = recorder.isAmongOthers
            if wasAmongOthers { tell(.recording(.otherPatterns)) }
        }
        tellFlow()
        askForJobs()
    }

    /// While it only begins, and nothing has gone wrong, there is nothing to tell.
    private func tellFlow() {
        let now = recorder.flow(after: flow, at: loop.now)
        guard now != flow else { return }
        if flow == .beginning, now != .flows, now != .otherPatterns, loop.now < beginsUntil {
            return
        }
        flow = now
        tell(.flow(now))
    }

    private func carryOut(_ step: RecorderStep) {
        let (random, now) = (Name.random(using: &random), WallClock.milliseconds())
        switch step {
        case .record(let call): send(call, random, now)
        case .answer(let call):
            evaluate(calls.answer(call, random: random, now: now)) { [weak self] answer in
                self?.recorder.answered(call, ScriptCalls.recordAnswer(answer))
            }
        case .ask(let token):
            evaluate(calls.ask(token, random: random, now: now)) { [weak self] answer in
                guard let self else { return }
                var present: Int?
                if case .success(.integer(let count)) = answer { present = Int(clamping: count) }
                recorder.answered(ask: token, present: present, at: loop.now)
            }
        case .open(let call):
            if call.isOverSilence { tell(.recording(.openedOverSilence)) }
            evaluate(calls.open(call, random: random, now: now)) { [weak self] answer in
                guard let self else { return }
                var isOpen: Bool?
                if case .success(let reply) = answer, let text = reply.text {
                    isOpen = text == "YES" ? true : text == "NO" ? false : nil
                }
                recorder.answered(
                    open: call.token, isOpen: isOpen, at: loop.now, using: &self.random)
            }
        case .pulse(let call):
            evaluate(calls.pulse(call, random: random, now: now)) { [weak self] answer in
                guard let self else { return }
                let told = ScriptCalls.pulseAnswer(answer)
                recorder.answered(call, told, at: loop.now)
                if told?.isPrimary == false { leaveReplica() }
            }
        case .present(let change):
            guard let channel = channel(of: change.place) else { return }
            change.isCounted
                ? subscriber?.subscribe(to: channel) : subscriber?.unsubscribe(from: channel)
        case .reconnectSubscription: reconnectSubscription()
        case .reconnectCommands: reconnectCommands()
        }
    }

    private func send(_ call: RecordCall, _ random: Name, _ now: Int64) {
        let arguments = calls.record(call, token: random, now: now)
        // While an answer is waited for the queue grows: whoever held its events made it copy itself.
        var sent = call
        sent.events = []
        if self.sent?.era != call.era { stampedLast = call.first - 1 }
        self.sent = (call.era, call.first + Int64(call.events.count) - 1)
        evaluate(arguments) { [weak self, sent] answer in
            guard let self else { return }
            recorder.answered(sent, ScriptCalls.recordAnswer(answer), at: loop.now)
        }
    }

    /// The answer is heard, and what then is to be done is done.
    func evaluate(_ arguments: [[UInt8]], _ reply: @escaping (RedisCommands.Answer) -> Void) {
        evaluate(CommandWords(arguments), reply)
    }

    func evaluate(
        _ arguments: CommandWords, _ reply: @escaping (RedisCommands.Answer) -> Void
    ) {
        commands?.evaluate(ScriptCalls.script, keys: calls.keys, arguments: arguments) {
            [weak self] answer in
            self?.note(answer)
            reply(answer)
            self?.advance()
        }
    }

    /// An error of Redis is said to whoever runs it.
    private func note(_ answer: RedisCommands.Answer) {
        guard case .success(.error(let text)) = answer else { return }
        tell(.recording(.refused(text)))
        if text.contains("READONLY ") { leaveReplica() }
    }
}
