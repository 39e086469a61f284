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
    case peeked(String?)
    case news(String)

    var uid: Int? { if case .event(let uid, _) = self { uid } else { nil } }
}

final class LiveBridge: Sendable {
    private let noted = Mutex<[String: [Line]]>([:])
    private let added = DispatchSemaphore(value: 0)
    private let calls: Mailbox<@Sendable (World) -> Void>
    private let thread: LoopThread

    /// What lives on the thread.
    final class World {
        let loop: Loop
        var feed: RecordedFeed?
        let hub = Hub(
            limits: HubLimits(
                ring: RingLimits(eventsMax: 100_000, bytesMax: 1 << 30),
                replay: RingLimits(eventsMax: 100_000, bytesMax: 1 << 30)))
        var followers: Int32 = 0
        var jobs: [FollowerID: JobID] = [:]
        init(_ loop: Loop) { self.loop = loop }
    }

    init(
        _ redis: RedisServer,
        _ change: @escaping @Sendable (inout RecordedFeedOptions) -> Void = { _ in }
    )
        throws
    {
        let calls = try Mailbox<@Sendable (World) -> Void>()
        self.calls = calls
        let address = try RedisAddress(parsing: redis.url)
        thread = try LoopThread.start(name: "bridge") {
            do {
                let world = World(try Loop())
                try world.loop.attach(calls) { $0(world) }
                world.loop.run()
            } catch { fatalError("no loop: \(error)") }
        }
        calls.post { [unowned self] world in
            var options = RedisOptions()
            options.backoffBase = .milliseconds(10)
            options.backoffCap = .milliseconds(50)
            guard let pattern = ChannelPattern("job:*:updates") else { fatalError() }
            var recorded = RecordedFeedOptions()
            change(&recorded)
            let feed = RecordedFeed(
                loop: world.loop, address: address, options: options, patterns: [pattern],
                limits: FeedLimits(), recorded: recorded
            ) { [unowned self, unowned world] news in hear(news, world) }
            world.feed = feed
            feed.start()
        }
    }

    /// Ends at once, as a killed process would: nothing more is sent or said.
    func kill() {
        calls.post { $0.loop.stop() }
        thread.join()
    }

    func lines(of job: String = "1") -> [Line] { noted.withLock { $0[job] ?? [] } }
    func uids(of job: String = "1") -> [Int] { lines(of: job).compactMap(\.uid) }

    func wait(_ what: String, until isOver: () -> Bool) throws {
        let deadline = DispatchTime.now() + .seconds(20)
        while !isOver() {
            try #require(
                added.wait(timeout: deadline) == .success,
                "waited in vain until \(what): \(lines().suffix(5)) \(lines(of: "").suffix(8))")
        }
    }

    func waitUntilAligned() throws {
        try wait("recording") {
            lines(of: "").last { $0 == .news("aligned") || $0 == .news("lost") } == .news("aligned")
        }
    }

    func follow(_ name: String = "1", _ wish: Wish = Wish()) {
        calls.post { [unowned self] world in
            guard let job = try? JobID(checking: name) else { return }
            world.followers += 1
            let follower = FollowerID(index: world.followers)
            world.jobs[follower] = job
            let (welcome, request) = world.hub.follow(job, by: follower, wish: wish)
            if let welcome { read(welcome.follower, world) }
            if request == .askFeed { world.feed?.follow(job, from: 0) }
        }
    }

    func peek(_ name: String = "1") {
        calls.post { [unowned self] world in
            guard let job = try? JobID(checking: name) else { return }
            world.feed?.peek(job) { [unowned self] opening in
                note(.peeked(opening?.snapshot.status), name)
            }
        }
    }

    func reconnectSubscription() { calls.post { $0.feed?.reconnectSubscription() } }

    private func note(_ line: Line, _ job: String) {
        noted.withLock { $0[job, default: []].append(line) }
        added.signal()
    }

    private func hear(_ news: FeedNews, _ world: World) {
        switch news {
        case .update(let update, let change, _):
            if world.hub.hear(update, change) == .askFeed {
                world.feed?.follow(update.job, from: 0)
            }
            drain(world)
        case .opened(let opening, _):
            drain(world)
            let (welcomes, resumed, request) = world.hub.open(opening)
            for welcome in welcomes { read(welcome.follower, world) }
            for follower in resumed { read(follower, world) }
            if request == .askFeed { world.feed?.follow(opening.job, from: 0) }
            drain(world)
        case .recording(.aligned(let isAligned)): note(.news(isAligned ? "aligned" : "lost"), "")
        case .recording(let news): note(.news("\(news)"), "")
        case .redisLost(let fault): note(.news("redis lost: \(fault.name)"), "")
        case .redisReady: note(.news("redis ready"), "")
        default: break
        }
    }

    private func drain(_ world: World) {
        world.hub.drain { delivery in
            for _ in delivery.live { for entry in delivery.entries { note(entry.update) } }
        } welcome: { welcome in
            read(welcome.follower, world)
        }
    }

    private func read(_ follower: FollowerID, _ world: World) {
        guard let job = world.jobs[follower] else { return }
        var hasCaughtUp = false
        while !hasCaughtUp {
            let (items, isDone) = world.hub.read(job, for: follower, bytes: 1 << 20)
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
