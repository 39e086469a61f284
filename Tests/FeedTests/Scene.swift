// A feed with a real Redis, on a loop that has a thread of its own; all that it tells is written down,
// and the test waits until what it expects stands there. Nothing sleeps.

import Dispatch
import Feed
import Jobs
import Loop
import Redis
import Support
import Synchronization
import Testing

enum Note: Equatable, Sendable {
    case event(String, UInt64, loops: [Int]), gap(String, UInt64, loops: [Int])
    case opened(String, UInt64, loop: Int)
    case odd(String), refusedChannel(JobIDFault), nameless(NamelessFault)
    case ready, lost, commandsReady, commandsLost, flow(Flow), mayNotProbe
}

final class Scene {
    let redis: RedisServer
    private let book = Book()
    private let calls: Mailbox<@Sendable (Loop, Feed) -> Void>
    private let thread: LoopThread

    init(
        redis: RedisServer? = nil, login: String = "", patterns: [String] = ["job:*:updates"],
        feeds: [String] = [],
        eventBytesMax: Int = 1_048_576,
        _ change: @escaping @Sendable (inout RedisOptions) -> Void = { _ in }
    ) throws {
        let redis = try redis ?? RedisServer()
        let address = try RedisAddress(parsing: "redis://\(login)127.0.0.1:\(redis.port)")
        let (calls, book) = (try Mailbox<@Sendable (Loop, Feed) -> Void>(), book)
        (self.redis, self.calls) = (redis, calls)
        let sources =
            try patterns.map { try Source(job: $0) } + feeds.map { try Source(feed: $0) }
        thread = try LoopThread.start(name: "scene") {
            do {
                let loop = try Loop()
                var options = RedisOptions()
                (options.backoffBase, options.backoffCap) = (.milliseconds(5), .milliseconds(20))
                change(&options)
                let feed = Feed(
                    loop: loop, address: address, options: options,
                    sources: sources,
                    limits: FeedLimits(
                        eventBytesMax: eventBytesMax, probeInterval: .milliseconds(20))
                ) { book.add($0) }
                try loop.attach(calls) { $0(loop, feed) }
                feed.start()
                loop.run()
            } catch { fatalError("no loop: \(error)") }
        }
    }

    deinit {
        calls.post { loop, feed in
            feed.stop()
            loop.stop()
        }
        thread.join()
    }

    var notes: [Note] { book.notes.withLock { $0 } }
    var openings: [Opening] { book.openings.withLock { $0 } }

    /// What was told of events, gaps and openings; the rest comes when the network brings it.
    var told: [Note] {
        notes.filter { note in
            switch note {
            case .event, .gap, .opened: true
            default: false
            }
        }
    }

    func wait(_ what: String, until isThere: () -> Bool) throws {
        let deadline = Patience.end
        while !isThere() {
            try #require(
                book.added.wait(timeout: deadline) == .success,
                "waited in vain until \(what); told: \(notes.suffix(5))")
        }
    }

    func wait(for note: Note, count: Int = 1) throws {
        try wait("\(note)") { notes.count { $0 == note } >= count }
    }

    func publish(_ payloads: String..., to channel: String = "job:a:updates") throws {
        for payload in payloads { try redis.ask("publish", channel, payload) }
    }

    func follow(_ name: String, from loop: Int) throws {
        let id = try job(name)
        let count = openings.count
        calls.post { $1.follow(id, from: loop) }
        try wait("the opening") { openings.count > count }
    }

    func unfollow(_ name: String, from loop: Int) throws {
        let id = try job(name)
        calls.post { $1.unfollow(id, from: loop) }
    }

    func ask<Value: Sendable>(_ question: @escaping @Sendable (Feed) -> Value) throws -> Value {
        let answer = Answer<Value>()
        calls.post { answer.give(question($1)) }
        return try #require(answer.take())
    }
}

private final class Book: Sendable {
    let notes = Mutex<[Note]>([])
    let openings = Mutex<[Opening]>([])
    let added = DispatchSemaphore(value: 0)

    func add(_ news: FeedNews) {
        if case .opened(let opening, _) = news { openings.withLock { $0.append(opening) } }
        guard let note = Note(news) else { return }
        notes.withLock { $0.append(note) }
        added.signal()
    }
}

extension Note {
    fileprivate init?(_ news: FeedNews) {
        switch news {
        case .update(let update, _, let loops):
            let loops = (0..<LoopSet.loopsMax).filter(loops.contains)
            let isGap = update.kind == .gap(.unrecorded)
            self =
                isGap
                ? .gap(update.job.text, update.seq, loops: loops)
                : .event(update.job.text, update.seq, loops: loops)
        case .opened(let opening, let loop):
            self = .opened(opening.job.text, opening.seq, loop: loop)
        case .odd(_, let job): self = .odd(job.text)
        case .refusedChannel(let fault): self = .refusedChannel(fault)
        case .nameless(let fault): self = .nameless(fault)
        case .redisReady: self = .ready
        case .redisLost: self = .lost
        case .commandsReady: self = .commandsReady
        case .commandsLost: self = .commandsLost
        case .flow(let flow): self = .flow(flow)
        case .mayNotProbe: self = .mayNotProbe
        case .caughtUp, .active, .redisRetrying, .recording, .stalled: return nil
        }
    }
}
