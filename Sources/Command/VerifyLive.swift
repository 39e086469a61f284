// Looks on while jobs run: hears their workers on Redis, follows the same jobs on the bridge's WebSocket, and
// when the time is over reads their histories and compares the three.
//
// What always holds: the follower stands before the first message is heard, so that all that is heard can
// be delivered; nothing is heard after the time, so that all that was heard can be waited for.

import CLinux
import Feed
import Jobs
import Loop
import Redis
import Settings

final class VerifyLive {
    /// Events kept to be compared, heard and delivered together; then the time ends early.
    static let eventsMax = 2_000_000
    /// For the bridge to answer, and at the end for what was heard to come.
    static let patience = Duration.seconds(5)
    private static let beat = Duration.milliseconds(50)
    private static let jobsOfOneMessage = 100
    private static let pageEntries = 64

    private enum Phase {
        case following(left: Int, until: Instant)
        case subscribing
        case hearing(until: Instant)
        /// What was heard is to be recorded and delivered.
        case settling(until: Instant)
        case reading
        /// What is recorded is to be delivered.
        case awaiting(until: Instant)
        case done
    }

    let named: Set<String>
    private let settings: Settings
    private let time: Duration
    private let sources: [Source]
    private let target: TailTarget
    private let tls: TLSClient?
    let address: RedisAddress
    private let errand: RedisErrand
    private var phase = Phase.subscribing
    private var socket: TailSocket?
    private var subscriber: RedisSubscriber?
    private var commands: RedisCommands?
    private var messages = VerifyMessageReader()
    private var reader: EventReader
    private var finder = EventFinder()
    private var epochs: [String: String] = [:]
    private(set) var books: [String: VerifyBook] = [:]
    private(set) var histories: [String: (from: UInt64, entries: [VerifyBook.Entry])] = [:]
    private var unread: [String] = []
    private var events = 0
    /// What went wrong on the way, each thing once.
    private(set) var remarks: [Finding] = []

    init(
        _ settings: Settings, url: String, caFile: String?, jobs: [String], time: Duration
    ) throws(Failure) {
        (self.settings, self.time, named) = (settings, time, Set(jobs))
        sources = try settings.checkedSources()
        target = try TailTarget(url, job: nil)
        reader = EventReader(eventBytesMax: settings.eventBytesMax)
        errand = try RedisErrand(settings)
        do throws(RedisURLFault) {
            address = try RedisAddress(parsing: settings.redisURL.text)
        } catch { throw Failure(.usage, "redis-url: \(error)") }
        do throws(TLSFault) { tls = try target.client(caFile: caFile) } catch {
            throw Failure(.usage, "--ca: \(error)")
        }
    }

    func run() throws(Failure) {
        try errand.endsOnSignals()
        let seconds = time.components.seconds + 120
        let token = try Minted.token(settings, seconds: seconds) { $0.scope = .jobsRead }
        var generator = SystemRandomNumberGenerator()
        let key = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let handshake = Handshake(target, query: [], token: token, key: key)
        try errand.run { [self] commands in
            self.commands = commands
            phase = .following(left: max(named.count, 1), until: .now() + Self.patience)
            socket = TailSocket(errand.loop, target, tls, handshake, owner: self)
            _ = errand.loop.arm(self, after: Self.beat)
        }
        subscriber?.stop()
    }

    private func remark(
        _ name: String, _ found: String, _ means: String, level: Finding.Level = .error
    ) {
        guard !remarks.contains(where: { $0.name == name && $0.found == found }) else { return }
        remarks.append(Finding(name, level, found, means))
    }

    // MARK: - Delivered

    private func subscribe(_ socket: TailSocket) {
        guard !named.isEmpty else {
            return socket.send(.text(#"{"type":"subscribe","data":{"queue":"*"}}"#))
        }
        let ids = named.sorted()
        for from in stride(from: 0, to: ids.count, by: Self.jobsOfOneMessage) {
            // An id has no character that JSON would want escaped.
            let jobs = ids[from..<min(from + Self.jobsOfOneMessage, ids.count)]
                .map { "\"\($0)\"" }.joined(separator: ",")
            socket.send(
                .text(#"{"type":"subscribe","data":{"jobs":[\#(jobs)],"history":"none"}}"#))
        }
    }

    private func read(_ bytes: [UInt8]) {
        switch messages.read(bytes) {
        case .event(let job, let seq, let rest):
            events += 1
            books[job, default: VerifyBook()].deliver(seq, VerifyBook.entry(bytes[rest...]))
        case .subscribed(let job, let next):
            if let job { books[job, default: VerifyBook()].begin(at: next) }
            if case .following(let left, let until) = phase {
                phase = .following(left: left - 1, until: until)
                if left == 1 { hearWorkers() }
            }
        case .live(let job, let epoch):
            // The first is the one that the job has; another one is a numbering begun anew.
            guard let epoch else { return }
            if let known = epochs[job], known != epoch { books[job]?.startOver() }
            epochs[job] = epoch
        case .gap(let job, let from, let to, let isNewEpoch):
            guard !isNewEpoch else { return books[job, default: VerifyBook()].startOver() }
            books[job, default: VerifyBook()].skip(from: from, to: to)
        case .rejected(let words): errand.finish(Failure(.refused, "the bridge rejects: \(words)"))
        case .notice(let words):
            remark("bridge", words, "The bridge said so meanwhile; what it missed is missing here.")
        case .other: break
        }
    }

    // MARK: - Heard

    private func hearWorkers() {
        phase = .subscribing
        subscriber = RedisSubscriber(
            loop: errand.loop, address: address, options: RedisOptions(settings),
            patterns: sources.map(\.pattern.text), owner: self)
        subscriber?.start()
    }

    private func hear(_ payload: Span<UInt8>, of job: JobID) {
        guard job.kind == .job, named.isEmpty || named.contains(job.text) else { return }
        events += 1
        let event = reader.read(payload, heardAt: WallTime(milliseconds: 0), of: job.kind)
        books[job.text, default: VerifyBook()].hear(VerifyBook.hash(heard: event.rest))
    }

    // MARK: - Recorded

    var keepsHistory: Bool { settings.history == .redis }

    private func readHistories() {
        phase = .reading
        guard keepsHistory else { return awaitDelivery() }
        unread = books.keys.sorted(by: >)
        readNext()
    }

    private func readNext() {
        guard let job = unread.popLast() else { return awaitDelivery() }
        let first = books[job]?.first ?? 1
        histories[job] = (first, [])
        page(of: job, from: first)
    }

    private func page(of job: String, from: UInt64) {
        let names = RecordedNames(prefix: settings.keyPrefix, database: address.database)
        let words = [
            "XRANGE", names.events("job:\(job)"), "\(from)", "+", "COUNT", "\(Self.pageEntries)",
        ]
        commands?.send(words.map { Array($0.utf8) }) { [self] answer in
            switch answer {
            case .success(.array(let rows)):
                var next = from
                for row in rows {
                    guard let (seq, entry) = Self.entry(row) else { continue }
                    // What a page found trimmed meanwhile is trimmed from the page before, too.
                    if next == from, seq > from { histories[job] = (seq, []) }
                    histories[job]?.entries.append(entry)
                    next = seq + 1
                }
                if rows.count < Self.pageEntries || next == from {
                    readNext()
                } else {
                    page(of: job, from: next)
                }
            case .success(let reply):
                remark(job, "its history can't be read: \(reply)", "See jobwire verify \(job).")
                readNext()
            case .failure(let fault): errand.finish(errand.failure(fault))
            }
        }
    }

    private static func entry(_ row: RedisReply) -> (UInt64, VerifyBook.Entry)? {
        guard case .array(let parts) = row, parts.count == 2, let id = parts[0].text,
            let seq = UInt64(id.prefix { $0 != "-" }), case .array(let fields) = parts[1],
            fields.count == 2, case .bytes(let body) = fields[1]
        else { return nil }
        return (seq, fields[0].text == "event" ? VerifyBook.entry(body[...]) : .gap)
    }

    private func awaitDelivery() { phase = .awaiting(until: .now() + Self.patience) }

    private var isDelivered: Bool {
        histories.allSatisfy { job, history in
            history.entries.isEmpty
                || books[job].map { $0.last + 1 >= history.from + UInt64(history.entries.count) }
                    ?? true
        }
    }
}

extension VerifyLive: TimerTarget {
    func timerFired(_ id: TimerID) {
        _ = errand.loop.arm(self, after: Self.beat)
        let now = Instant.now()
        switch phase {
        case .following(_, let until) where now >= until:
            let place = "\(target.host):\(target.port)"
            errand.finish(
                Failure(.unreachable, "\(place): the bridge did not begin to deliver in time"))
        case .hearing(let until) where now >= until || events >= Self.eventsMax:
            if now < until {
                remark("time", "\(events) events", "Too many: it was cut short.", level: .warning)
            }
            subscriber?.stop()
            phase = .settling(until: now + Self.patience)
        case .settling(let until) where now >= until || books.values.allSatisfy(\.isSettled):
            readHistories()
        case .awaiting(let until) where now >= until || isDelivered:
            phase = .done
            errand.finish()
        default: break
        }
    }
}

extension VerifyLive: TailSocketOwner {
    func hear() {}
    func socketOpened(_ socket: TailSocket) { subscribe(socket) }
    func socket(_ socket: TailSocket, heard bytes: [UInt8]) { read(bytes) }

    func socket(_ ended: TailSocket, _ reason: TailSocket.End) {
        switch phase {
        case .following:
            let place = "\(target.host):\(target.port)"
            errand.finish(Failure(.unreachable, "\(place): \(reason.words)"))
        case .done: break
        default:
            remark("bridge", "its WebSocket ended: \(reason.words)", "From there on nothing came.")
        }
    }
}

extension VerifyLive: RedisSubscriberOwner {
    func subscriberReady(_ subscriber: RedisSubscriber) {
        if case .subscribing = phase { phase = .hearing(until: .now() + time) }
    }

    func subscriber(
        _ subscriber: RedisSubscriber, heard channel: Span<UInt8>, pattern: Int?,
        payload: Span<UInt8>
    ) {
        guard let pattern else { return }
        // A channel that two patterns match is heard twice and counts once.
        guard !sources[..<pattern].contains(where: { $0.pattern.matches(channel) }) else { return }
        guard !sources[pattern].namesInMessage else {
            return finder.read(payload, of: sources[pattern]) { job, event in
                if case .success(let job) = job { hear(event, of: job) }
            }
        }
        if let job = try? sources[pattern].job(in: channel) { hear(payload, of: job) }
    }

    func subscriberReadDone(_ subscriber: RedisSubscriber) {}

    func subscriberLost(_ subscriber: RedisSubscriber, _ fault: RedisFault) {
        errand.finish(errand.failure(fault))
    }

    func subscriberRetrying(after delay: Duration) {}
}
