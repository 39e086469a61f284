// What is published by HTTP goes to the script itself: one call stores the events and tells all bridges,
// and its answer has their numbers (docs/decisions/008). No bridge need be aligned for it.
//
// An answer that is lost with its connection is asked for again on the next one: under the same name the
// script stores nothing twice.
//
// Invariant: every `reply` is called once: with the numbers, with why not, or when the time is up.

import Jobs
import Loop
import Redis

/// What was published and not answered yet, by when it came.
struct Posts {
    struct Post {
        let job: JobID
        let events: [PreparedEvent]
        /// The name it is stored under, once.
        let key: String
        let deadline: Instant
        let reply: PublishReply
        /// It was sent, and its answer was lost.
        var isLost = false
    }

    static let unansweredMax = 1_024
    /// Redis remembers more names of a job than are sent again; beyond that nobody could tell.
    static let resentMax = 32

    var unanswered: [UInt64: Post] = [:]
    private(set) var resends = 0
    private var last: UInt64 = 0

    mutating func add(_ post: Post) -> UInt64 {
        last += 1
        unanswered[last] = post
        return last
    }

    /// Those whose answers were lost, in the order they came.
    mutating func takeLost() -> [UInt64] {
        let lost = unanswered.keys.filter { unanswered[$0]?.isLost == true }.sorted()
        resends += lost.count
        return lost
    }
}

extension RecordedFeed {
    public func publish(
        _ payloads: [[UInt8]], to job: JobID, key: String?, _ reply: @escaping PublishReply
    ) {
        let isElsewhere = recorder.subscription != nil && !recorder.isWhole
        guard commands?.state == .ready, !isElsewhere else {
            return reply(.failure(.redisUnavailable))
        }
        guard posts.unanswered.count < Posts.unansweredMax else {
            return reply(.failure(.overflow))
        }
        let now = WallTime(milliseconds: WallClock.milliseconds())
        let events = payloads.map { payload in
            let event = reader.read(payload.span, heardAt: now)
            if !event.oddities.isEmpty { tell(.odd(event.oddities, job)) }
            return event
        }
        let name = key.map { "k-\($0)" } ?? Name.random(using: &random).text
        send(
            posts.add(
                Posts.Post(
                    job: job, events: events, key: name, deadline: loop.now + publishTimeout,
                    reply: reply)))
    }

    private func send(_ number: UInt64) {
        guard let post = posts.unanswered[number] else { return }
        posts.unanswered[number]?.isLost = false
        let arguments = calls.durable(
            post.events, of: post.job, producer: post.key, number: 1,
            token: .random(using: &random), now: WallClock.milliseconds())
        evaluate(arguments) { [weak self] in self?.answered(number, $0, wasLost: post.isLost) }
    }

    private func answered(_ number: UInt64, _ answer: RedisCommands.Answer, wasLost: Bool) {
        switch answer {
        case .success(let reply):
            guard let published = ScriptCalls.durableAnswer(reply) else {
                return end(number, .failure(.redisRefused))
            }
            let isSame = posts.unanswered[number]?.events.count == published.seqs.count
            end(number, isSame ? .success(published) : .failure(.keyReused))
        case .failure(.notConnected) where !wasLost, .failure(.overflow) where !wasLost:
            end(number, .failure(.redisUnavailable))
        case .failure: posts.unanswered[number]?.isLost = true
        }
    }

    /// There is a new connection.
    func resendPosts() {
        let lost = posts.takeLost()
        for number in lost {
            if lost.count <= Posts.resentMax {
                send(number)
            } else {
                end(number, .failure(.unconfirmed))
            }
        }
    }

    func endLatePosts() {
        for (number, post) in posts.unanswered where loop.now >= post.deadline {
            end(number, .failure(.unconfirmed))
        }
    }

    private func end(_ number: UInt64, _ result: Result<Published, PublishFault>) {
        posts.unanswered.removeValue(forKey: number)?.reply(result)
    }
}
