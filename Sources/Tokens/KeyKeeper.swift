// KeyKeeper reads key sets again and again while the server runs, on a thread of its own, and tells what
// it found. It knows no loops: whoever made it carries the news to them.
//
// Invariant: a set that can't be read or used takes the place of none. All but `ask`, `readAll` and `stop`
// happens on the thread that called `run`.

import Synchronization

public struct KeyNews: Sendable {
    public enum Outcome: Sendable {
        case keys([TokenKey], refused: [(index: Int, fault: KeyFault)])
        /// The source answered with the set that it gave before.
        case unchanged
        case failed(String)
    }

    /// Its place among the rules' issuers.
    public let issuer: Int
    public let outcome: Outcome
}

public struct KeyKeeperOptions: Sendable {
    /// Milliseconds between two reads, and for one.
    public var interval: Int64 = 900_000
    public var timeout: Int64 = 10_000
    public var authorities: String?
    public var allowsHTTP = false

    public init() {}

    var fetch: FetchOptions {
        var options = FetchOptions()
        (options.timeout, options.authorities) = (timeout, authorities)
        options.allowsHTTP = allowsHTTP
        return options
    }
}

public final class KeyKeeper: Sendable {
    private let sources: [(issuer: Int, place: KeyPlace, isRead: Bool)]
    private let asks: [Ask]
    private let interval: Int64
    private let fetcher: Fetcher
    private let tell: @Sendable (KeyNews) -> Void
    private let isStopping = Atomic<Bool>(false)

    private final class Ask: Sendable {
        let isForKey = Atomic<Bool>(false)
        let isForAll = Atomic<Bool>(false)
    }

    /// Nil where all keys are here for good.
    public init?(
        _ issuers: [TokenIssuer], _ options: KeyKeeperOptions,
        tell: @escaping @Sendable (KeyNews) -> Void
    ) throws(TokenSetupFault) {
        sources = issuers.enumerated().compactMap { index, issuer in
            issuer.source.map { (index, $0, issuer.fetched != nil) }
        }
        guard !sources.isEmpty else { return nil }
        guard let fetcher = Fetcher(options.fetch) else { throw .cryptoUnavailable }
        (self.fetcher, self.tell, interval) = (fetcher, tell, options.interval)
        asks = sources.map { _ in Ask() }
    }

    /// A token of this issuer names a key that is not here.
    public func ask(_ issuer: Int) {
        guard let index = sources.firstIndex(where: { $0.issuer == issuer }) else { return }
        asks[index].isForKey.store(true, ordering: .releasing)
        fetcher.wake()
    }

    public func readAll() {
        for ask in asks { ask.isForAll.store(true, ordering: .releasing) }
        fetcher.wake()
    }

    public func stop() {
        isStopping.store(true, ordering: .releasing)
        fetcher.wake()
    }

    /// Until `stop`.
    public func run() {
        let began = Fetcher.now
        var readings = sources.map {
            Reading(schedule: RefreshSchedule(interval: interval, now: began, isRead: $0.isRead))
        }
        while !isStopping.load(ordering: .acquiring) {
            let now = Fetcher.now
            for index in sources.indices {
                hearAsks(index, &readings[index].schedule, now)
                guard readings[index].schedule.begin(now: now) else { continue }
                if let result = begin(index) { end(index, result, &readings[index]) }
            }
            let wait = readings.compactMap { $0.schedule.wait(now: Fetcher.now) }.min()
            for (index, result) in fetcher.turn(waiting: wait ?? Int64(Int32.max)) {
                end(index, result, &readings[index])
            }
        }
        fetcher.abandon()
    }

    private struct Reading {
        var schedule: RefreshSchedule
        var last: [UInt8]?
    }

    private func hearAsks(_ index: Int, _ schedule: inout RefreshSchedule, _ now: Int64) {
        if asks[index].isForKey.exchange(false, ordering: .acquiring) { schedule.ask(now: now) }
        if asks[index].isForAll.exchange(false, ordering: .acquiring) {
            schedule.readAtOnce(now: now)
        }
    }

    /// A file is read at once; the answer of an address comes in a later turn.
    private func begin(_ index: Int) -> Result<Fetched, FetchFault>? {
        do throws(FetchFault) {
            switch sources[index].place {
            case .url(let url):
                try fetcher.begin(url, tag: index)
                return nil
            case .file(let path):
                guard let body = KeyFile.read(path) else {
                    throw FetchFault(reason: "the file can't be read")
                }
                return .success(Fetched(body: body, maxAge: nil))
            }
        } catch { return .failure(error) }
    }

    private func end(_ index: Int, _ result: Result<Fetched, FetchFault>, _ reading: inout Reading)
    {
        let now = Fetcher.now
        let outcome: KeyNews.Outcome
        do {
            let fetched = try result.get()
            outcome = try self.outcome(fetched.body, of: index, last: reading.last)
            reading.last = fetched.body
            reading.schedule.succeeded(now: now, maxAge: fetched.maxAge)
        } catch {
            let reason = (error as? FetchFault)?.reason ?? (error as? KeySet.Fault)?.message
            outcome = .failed(reason ?? "\(error)")
            reading.schedule.failed(now: now)
        }
        tell(KeyNews(issuer: sources[index].issuer, outcome: outcome))
    }

    private func outcome(
        _ body: [UInt8], of index: Int, last: [UInt8]?
    ) throws(KeySet.Fault) -> KeyNews.Outcome {
        if body == last { return .unchanged }
        let set = try KeySet(body.span, allowsSecrets: sources[index].place.allowsSecrets)
        return .keys(set.keys, refused: set.refused)
    }
}
