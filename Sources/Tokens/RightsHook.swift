// RightsHook asks the application whether a token may see something, by HTTP, on a thread of its own.
//
// Asked for by any loop, answered to it later: what is remembered, what is under way and what waits is in
// one HookBook, so that all loops share it. An application that hangs holds up this thread only, and none
// of its transfers for longer than the timeout.
//
// Invariant: only a 2xx that was read to its end is a yes; whatever else goes wrong is none.

import Synchronization

public struct HookQuestion: Sendable {
    let token: HeldToken
    /// JSON: what it is about, and who asks.
    let body: [UInt8]
    /// Who wants to know.
    let loop: Int
    let ticket: UInt64

    public init(token: HeldToken, body: [UInt8], loop: Int, ticket: UInt64) {
        (self.token, self.body, self.loop, self.ticket) = (token, body, loop, ticket)
    }
}

public struct HookAnswer: Sendable {
    public enum Outcome: Sendable, Equatable {
        case allowed, refused
        /// Why there is no answer.
        case failed(String)
        /// Too many wait.
        case overloaded
    }

    public enum Source: Sendable, Equatable {
        case asked(nanoseconds: Int64)
        case cached
        /// Somebody else had asked the same.
        case shared
        case notAsked
    }

    public let loop: Int
    public let ticket: UInt64
    public let outcome: Outcome
    public let source: Source
}

public struct RightsHookOptions: Sendable {
    public var url = ""
    /// Milliseconds.
    public var timeout: Int64 = 2_000
    /// Milliseconds that an answer holds where it says nothing of it; 0: none is kept.
    public var cache: Int64 = 30_000
    public var cacheMax = 10_000
    public var atOnceMax = 64
    public var authorities: String?
    public var allowsHTTP = false

    public init() {}

    /// Of the answer's body, which nobody reads.
    static let answerBytesMax = 65_536

    var fetch: FetchOptions {
        var options = FetchOptions()
        (options.bytesMax, options.timeout) = (Self.answerBytesMax, timeout)
        (options.authorities, options.allowsHTTP) = (authorities, allowsHTTP)
        (options.httpSetting, options.connectionsMax) = ("rights-hook-http", atOnceMax)
        return options
    }
}

public final class RightsHook: Sendable {
    /// Questions that loops have posted and this thread has not read yet.
    static let inboxMax = 10_000

    private let options: RightsHookOptions
    private let fetcher: Fetcher
    private let tell: @Sendable (HookAnswer) -> Void
    private let inbox = Mutex<[HookQuestion]>([])
    private let isStopping = Atomic<Bool>(false)

    /// Nil where no address is set.
    public init?(
        _ options: RightsHookOptions, tell: @escaping @Sendable (HookAnswer) -> Void
    ) throws(TokenSetupFault) {
        guard !options.url.isEmpty else { return nil }
        guard options.fetch.allows(options.url) else { throw .hookNotAllowed }
        guard let fetcher = Fetcher(options.fetch) else { throw .cryptoUnavailable }
        (self.options, self.fetcher, self.tell) = (options, fetcher, tell)
    }

    /// From any thread. The answer is told on the hook's, or on this one where it can't take more.
    public func ask(_ question: HookQuestion) {
        let isTaken = inbox.withLock { inbox in
            guard inbox.count < Self.inboxMax else { return false }
            inbox.append(question)
            return true
        }
        guard isTaken else { return answer(question, .overloaded, .notAsked) }
        fetcher.wake()
    }

    public func stop() {
        isStopping.store(true, ordering: .releasing)
        fetcher.wake()
    }

    /// Until `stop`. What is under way then is not answered.
    public func run() {
        var book = HookBook(options)
        let digest = try? Digest(.sha256)
        var begun: [Int: Int64] = [:]
        while !isStopping.load(ordering: .acquiring) {
            for question in takeInbox() { take(question, digest, &book) }
            while let (tag, question) = book.next() {
                begun[tag] = Fetcher.nanoseconds
                do throws(FetchFault) {
                    try fetcher.begin(options.url, tag: tag, posting: Self.post(question))
                } catch {
                    end(tag, .failure(error), begun.removeValue(forKey: tag), &book)
                }
            }
            for (tag, result) in fetcher.turn(waiting: Int64(Int32.max)) {
                end(tag, result, begun.removeValue(forKey: tag), &book)
            }
        }
        fetcher.abandon()
    }

    private func takeInbox() -> [HookQuestion] {
        inbox.withLock { inbox in
            defer { inbox = [] }
            return inbox
        }
    }

    private func take(_ question: HookQuestion, _ digest: Digest?, _ book: inout HookBook) {
        let text = Array(question.token.text.utf8) + [0] + question.body
        guard let digest, digest.digest(text.span) else {
            return answer(question, .failed("no digest"), .notAsked)
        }
        let name = VerifiedTokens.Name(digest.bytes)
        switch book.take(question, name, now: Fetcher.now) {
        case .known(let isAllowed): answer(question, isAllowed ? .allowed : .refused, .cached)
        case .kept: break
        case .overfull: answer(question, .overloaded, .notAsked)
        }
    }

    private func end(
        _ tag: Int, _ result: Result<Fetched, FetchFault>, _ begun: Int64?, _ book: inout HookBook
    ) {
        let outcome = Self.outcome(result)
        let maxAge = try? result.get().maxAge
        let questions = book.end(tag, outcome, maxAge: maxAge ?? nil, now: Fetcher.now)
        let took = Fetcher.nanoseconds - (begun ?? Fetcher.nanoseconds)
        for (index, question) in questions.enumerated() {
            answer(question, outcome, index == 0 ? .asked(nanoseconds: took) : .shared)
        }
    }

    static func outcome(_ result: Result<Fetched, FetchFault>) -> HookAnswer.Outcome {
        switch result {
        case .failure(let fault): .failed(fault.reason)
        case .success(let answer):
            switch answer.status {
            case 200...299: .allowed
            case 401, 403, 404: .refused
            default: .failed("the answer was \(answer.status)")
            }
        }
    }

    private static func post(_ question: HookQuestion) -> FetchPost {
        FetchPost(
            body: question.body,
            headers: [
                "Content-Type: application/json", "Accept: application/json", "Expect:",
                "Authorization: Bearer \(question.token.text)",
            ])
    }

    private func answer(
        _ question: HookQuestion, _ outcome: HookAnswer.Outcome, _ source: HookAnswer.Source
    ) {
        tell(
            HookAnswer(
                loop: question.loop, ticket: question.ticket, outcome: outcome, source: source))
    }
}
