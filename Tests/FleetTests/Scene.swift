// Bridges' fleets on one real Redis, each on a loop that has a thread of its own. All that a fleet tells is
// written down, and the test waits until what it expects stands there. Nothing sleeps.

import Dispatch
import Loop
import Redis
import Support
import Synchronization
import Testing

@testable import Fleet

final class Bridge {
    private let redis: RedisServer
    let node = NodeName.random()
    private let book = Book()
    private let calls: Mailbox<@Sendable (Loop, Fleet) -> Void>
    private let thread: LoopThread

    init(
        _ redis: RedisServer, login: String = "", prefix: String = "jobwire",
        _ change: (inout FleetLimits) -> Void = { _ in }
    ) throws {
        self.redis = redis
        let address = try RedisAddress(parsing: "redis://\(login)127.0.0.1:\(redis.port)")
        var limits = FleetLimits()
        limits.checkInterval = .milliseconds(20)
        limits.presenceInterval = .milliseconds(50)
        limits.answerTimeout = .milliseconds(300)
        change(&limits)
        let (calls, book) = (try Mailbox<@Sendable (Loop, Fleet) -> Void>(), book)
        let (node, chosen) = (node, limits)
        self.calls = calls
        thread = try LoopThread.start(name: "bridge") {
            do {
                let loop = try Loop()
                var options = RedisOptions()
                (options.backoffBase, options.backoffCap) = (.milliseconds(5), .milliseconds(20))
                let fleet = Fleet(
                    loop: loop, address: address, options: options, keyPrefix: prefix,
                    node: node, limits: chosen
                ) { book.add($0) }
                fleet.state = { Array(#"{"of":"\#(node)"}"#.utf8) }
                try loop.attach(calls) { $0(loop, fleet) }
                fleet.start()
                loop.run()
            } catch { fatalError("no loop: \(error)") }
        }
    }

    deinit {
        calls.post { loop, fleet in
            fleet.stop()
            loop.stop()
        }
        thread.join()
    }

    var news: [FleetNews] { book.news.withLock { $0 } }

    func count(_ news: FleetNews) -> Int { self.news.count { $0 == news } }

    func wait(_ what: String, until isThere: () -> Bool) throws {
        let deadline = Patience.end
        while !isThere() {
            try #require(
                book.added.wait(timeout: deadline) == .success,
                "waited in vain until \(what); told: \(news.suffix(5))")
        }
    }

    func wait(for news: FleetNews, count: Int = 1) throws {
        try wait("\(news)") { self.count(news) >= count }
    }

    /// Connected, listening, and the list has been read.
    func waitUntilThere() throws {
        try wait(for: .status(.hearing))
        try wait(for: .status(.ready))
        try wait(for: .revocationsKnown)
    }

    func on(_ body: @escaping @Sendable (Fleet) -> Void) { calls.post { body($1) } }

    /// What the fleet replies.
    func ask<Value: Sendable>(
        _ question: @escaping @Sendable (Fleet, @escaping Fleet.Reply<Value>) -> Void
    ) throws -> Result<Value, FleetFault> {
        let answer = Answer<Result<Value, FleetFault>>()
        calls.post { question($1) { answer.give($0) } }
        return try #require(answer.take())
    }

    func look<Value: Sendable>(_ question: @escaping @Sendable (Fleet) -> Value) throws -> Value {
        let answer = Answer<Value>()
        calls.post { answer.give(question($1)) }
        return try #require(answer.take())
    }

    func revoke(_ revocation: Revocation) throws -> FleetFault? {
        switch try ask({ $0.revoke(revocation, $1) }) {
        case .success: nil
        case .failure(let fault): fault
        }
    }

    /// Asked again and again until it is so.
    func waitUntilKnown(_ expected: [Revocation]) throws {
        func texts(_ all: [Revocation]) -> [String] {
            all.map { String(decoding: $0.member, as: UTF8.self) + " \($0.until)" }.sorted()
        }
        var found: [String] = []
        try eventually("\(texts(expected)) are known, and not \(found)") {
            found = texts(try look { $0.revocations.all })
            return found == texts(expected)
        }
    }
}

private final class Book: Sendable {
    let news = Mutex<[FleetNews]>([])
    let added = DispatchSemaphore(value: 0)

    func add(_ news: FleetNews) {
        self.news.withLock { $0.append(news) }
        added.signal()
    }
}

func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// In a century.
let late: Int64 = 4_900_000_000

func token(_ id: String, of issuer: String? = nil, until: Int64 = late) -> Revocation {
    Revocation(.token(.init(id, of: issuer)), until: until)
}

func subject(
    _ name: String, of issuer: String? = nil, issuedUntil: Int64, until: Int64 = late
) -> Revocation {
    Revocation(.subject(.init(name, of: issuer), issuedUntil: issuedUntil), until: until)
}
