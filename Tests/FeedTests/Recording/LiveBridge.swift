// A bridge on a real Redis: a recorded feed and a hub on a loop's thread of their own, and followers that
// note what they are sent. A test waits until what it expects has been noted; nothing sleeps.

import Dispatch
import Hub
import Jobs
import Loop
import Redis
import Support
import Synchronization
import Testing

@testable import Feed

/// What a follower is sent, in words: `event 17`, `gap`, `reset`.
enum Line: Hashable, Sendable {
    case event(Int, Cursor)
    case gap
    case reset
    case news(String)

    var uid: Int? { if case .event(let uid, _) = self { uid } else { nil } }
}

private final class Noted: Sendable {
    let lines = Mutex<[String: [Line]]>([:])
    let added = DispatchSemaphore(value: 0)

    func add(_ line: Line, _ job: String) {
        lines.withLock { $0[job, default: []].append(line) }
        added.signal()
    }
}

final class LiveBridge: Sendable {
    private let noted = Noted()
    private let calls: Mailbox<@Sendable (LiveWorld) -> Void>
    private let thread: LoopThread
    private let hasEnded = Mutex(false)

    init(_ redis: RedisServer, keeping kept: RingLimits = RingLimits()) throws {
        let calls = try Mailbox<@Sendable (LiveWorld) -> Void>()
        self.calls = calls
        let address = try RedisAddress(parsing: redis.url)
        let noted = noted
        thread = try LoopThread.start(name: "bridge") {
            do {
                let world = LiveWorld(try Loop(), noted)
                try world.loop.attach(calls) { $0(world) }
                world.start(address, kept)
                world.loop.run()
            } catch { fatalError("no loop: \(error)") }
        }
    }

    deinit { kill() }

    /// Ends at once, as a killed process would: nothing more is sent or said.
    func kill() {
        let isFirst = hasEnded.withLock { ended in
            defer { ended = true }
            return !ended
        }
        guard isFirst else { return }
        calls.post { $0.loop.stop() }
        thread.join()
    }

    func lines(of job: String = "1") -> [Line] { noted.lines.withLock { $0[job] ?? [] } }
    func uids(of job: String = "1") -> [Int] { lines(of: job).compactMap(\.uid) }
    var news: [Line] { lines(of: "") }

    func wait(_ what: String, until isOver: () -> Bool) throws {
        let deadline = DispatchTime.now() + .seconds(20)
        while !isOver() {
            // What only Redis shows is looked at again now and then.
            _ = noted.added.wait(timeout: .now() + .milliseconds(20))
            try #require(
                DispatchTime.now() < deadline,
                "waited in vain until \(what): \(lines().suffix(5)) \(news.suffix(8))")
        }
    }

    func waitUntilAligned() throws {
        let (yes, no) = (Line.news("aligned"), Line.news("lost"))
        try wait("recording") { news.last { $0 == yes || $0 == no } == yes }
    }

    func follow(_ name: String = "1") { calls.post { $0.follow(name) } }

    func list(_ request: JobListRequest) -> Result<JobListPage, JobListFault> {
        ask { $0.list(request, $1) }
    }

    func post(
        _ payloads: [[UInt8]], to job: String = "1", key: String? = nil
    ) -> PublishResult {
        ask { feed, answer in
            guard let job = try? JobID(checking: job) else { return }
            feed.publish(payloads, to: job, key: key, answer)
        }
    }

    /// Posts at once and so often, while something happens; answers with all answers.
    func postAll(
        _ payloads: [[UInt8]], asManyAs count: Int, while happen: () throws -> Void
    ) throws -> [PublishResult] {
        let answers = (0..<count).map { _ in Answer<PublishResult>() }
        calls.post { world in
            guard let job = try? JobID(checking: "1") else { return }
            for answer in answers {
                world.feed?.publish(payloads, to: job, key: nil) { answer.give($0) }
            }
        }
        // A turn of the loop later they have been sent.
        for _ in 0..<2 { _ = ask { (_, answer: @escaping (Bool) -> Void) in answer(true) } }
        try happen()
        return try answers.map { try #require($0.take()) }
    }

    func peek(_ job: String, _ part: HistoryPart) -> Opening? {
        ask { feed, answer in
            guard let job = try? JobID(checking: job) else { return }
            feed.peek(job, part, answer)
        }
    }

    /// How often what was posted has been sent again.
    var resends: Int { ask { $1($0.posts.resends) } }

    /// Asks on the bridge's thread and waits for the answer.
    private func ask<Value: Sendable>(
        _ question: @escaping @Sendable (RecordedFeed, @escaping (Value) -> Void) -> Void
    ) -> Value {
        let answer = Answer<Value>()
        calls.post { world in
            guard let feed = world.feed else { return }
            question(feed) { answer.give($0) }
        }
        guard let value = answer.take() else { fatalError("no answer") }
        return value
    }
}

/// What lives on the bridge's thread.
private final class LiveWorld {
    let loop: Loop
    private let noted: Noted
    fileprivate var feed: RecordedFeed?
    private let hub: Hub
    private var followers: Int32 = 0
    private var jobs: [FollowerID: JobID] = [:]

    init(_ loop: Loop, _ noted: Noted) {
        self.loop = loop
        self.noted = noted
        let all = RingLimits(eventsMax: 100_000, bytesMax: 1 << 30)
        hub = Hub(limits: HubLimits(ring: all, replay: all))
    }

    func start(_ address: RedisAddress, _ kept: RingLimits) {
        var options = RedisOptions()
        options.backoffBase = .milliseconds(10)
        options.backoffCap = .milliseconds(50)
        guard let source = try? Source(job: "job:*:updates") else { fatalError("no source") }
        var recorded = RecordedFeedOptions()
        recorded.recording.perJob = kept
        recorded.recording.endedLife = .seconds(3_600)
        let feed = RecordedFeed(
            loop: loop, address: address, options: options, sources: [source],
            limits: FeedLimits(), recorded: recorded
        ) { [unowned self] in hear($0) }
        self.feed = feed
        feed.start()
    }

    func follow(_ name: String) {
        guard let job = try? JobID(checking: name) else { return }
        followers += 1
        let follower = FollowerID(index: followers)
        jobs[follower] = job
        let (welcome, request) = hub.follow(job, by: follower, wish: Wish())
        if let welcome { read(welcome.follower) }
        if request == .askFeed { feed?.follow(job, from: 0) }
    }

    private func hear(_ news: FeedNews) {
        switch news {
        case .update(let update, let change, _):
            if hub.hear(update, change) == .askFeed { feed?.follow(update.job, from: 0) }
            drain()
        case .opened(let opening, _):
            drain()
            let (welcomes, resumed, request) = hub.open(opening, afterAsks: hub.asks)
            for welcome in welcomes { read(welcome.follower) }
            for follower in resumed { read(follower) }
            if request == .askFeed { feed?.follow(opening.job, from: 0) }
            drain()
        case .recording(.aligned(let isAligned)): note(.news(isAligned ? "aligned" : "lost"), "")
        case .recording(let news): note(.news("\(news)"), "")
        case .redisLost(let fault): note(.news("redis lost: \(fault)"), "")
        case .redisReady: note(.news("redis ready"), "")
        default: break
        }
    }

    private func drain() {
        hub.drain(at: 0) { delivery in
            for _ in delivery.live { for entry in delivery.entries { note(entry.update) } }
            return []
        } welcome: { welcome in
            read(welcome.follower)
        }
    }

    private func read(_ follower: FollowerID) {
        guard let job = jobs[follower] else { return }
        var hasCaughtUp = false
        while !hasCaughtUp {
            let (items, isDone) = hub.read(job, for: follower, bytes: 1 << 20, at: 0)
            for item in items {
                switch item {
                case .entry(let entry): note(entry.update)
                case .gap(let gap): note(gap.reason == .epochChanged ? .reset : .gap, job.text)
                case .live: break
                }
            }
            hasCaughtUp = isDone
        }
    }

    private func note(_ update: Update) {
        let cursor = Cursor(epoch: update.epoch, seq: update.seq)
        let isEvent = update.kind == .event
        note(isEvent ? .event(Int(update.type.name) ?? -1, cursor) : .gap, update.job.text)
    }

    private func note(_ line: Line, _ job: String) { noted.add(line, job) }
}

extension RedisServer {
    /// Publishes events of the types `range`, in one burst.
    func publish(_ range: ClosedRange<Int>, to job: String = "1") throws {
        let script = """
            for i = ARGV[1], ARGV[2] do
            redis.call('PUBLISH', 'job:' .. ARGV[3] .. ':updates', '{"type":"' .. i .. '"}') end
            """
        try ask("EVAL", script, "0", "\(range.lowerBound)", "\(range.upperBound)", job)
    }
}
