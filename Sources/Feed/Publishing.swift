// Publishing is for workers that come by HTTP: an event is published on its job's Redis channel like any
// other, so that every subscriber of it has it, and who published waits until the feed has heard and
// numbered it (docs/decisions/007).
//
// Nothing is put into the event to know it again: equal bytes on the same channel are equal events,
// whoever sent them, and either's number is a true answer.
//
// Invariant: every `reply` is called once: with the numbers, with why not, or when the time is up.

import Jobs
import Loop
import Redis

public struct Published: Equatable, Sendable {
    public let epoch: Epoch
    public let seqs: [UInt64]
}

public enum PublishFault: String, Error, Sendable {
    /// Nothing was published.
    case redisUnavailable = "redis_unavailable"
    case redisRefused = "redis_refused"
    /// It may have been published: it was sent, and not heard in time.
    case unconfirmed = "publish_unconfirmed"
    /// Another number of events was published under this key.
    case keyReused = "idempotency_key_reused"
    /// No source has a channel of this job's or feed's own.
    case noChannel = "no_channel"
    /// Too many wait for Redis already: nothing was published.
    case overflow = "publish_overflow"

    public var message: String {
        switch self {
        case .redisUnavailable: "Redis is not connected; nothing was published"
        case .redisRefused: "Redis refused to publish; nothing was published"
        case .keyReused: "something else was published under this key; nothing was published now"
        case .noChannel: "no pattern here has a channel for it; nothing was published"
        case .overflow: "too many events wait for Redis; nothing was published"
        case .unconfirmed: "it was sent and not heard in time; it may have been published"
        }
    }
}

public typealias PublishResult = Result<Published, PublishFault>
public typealias PublishReply = (PublishResult) -> Void

/// What was published and not heard yet, in order. Pure.
struct AwaitedEvents {
    private struct Publish {
        let ticket: UInt64
        let payloads: [[UInt8]]
        var seqs: [UInt64] = []
    }

    private var byJob: [JobID: [Publish]] = [:]

    var isEmpty: Bool { byJob.isEmpty }

    mutating func expect(_ payloads: [[UInt8]], of job: JobID, ticket: UInt64) {
        byJob[job, default: []].append(Publish(ticket: ticket, payloads: payloads))
    }

    /// The event got its number. Answers with whose last one it was, if it was anybody's.
    mutating func heard(
        _ payload: Span<UInt8>, of job: JobID, seq: UInt64
    ) -> (ticket: UInt64, seqs: [UInt64])? {
        guard var waiting = byJob[job],
            let index = waiting.firstIndex(where: { $0.payloads[$0.seqs.count].equals(payload) })
        else { return nil }
        waiting[index].seqs.append(seq)
        let publish = waiting[index]
        guard publish.seqs.count == publish.payloads.count else {
            byJob[job] = waiting
            return nil
        }
        waiting.remove(at: index)
        byJob[job] = waiting.isEmpty ? nil : waiting
        return (publish.ticket, publish.seqs)
    }

    mutating func giveUp(_ ticket: UInt64, of job: JobID) {
        byJob[job]?.removeAll { $0.ticket == ticket }
        if byJob[job]?.isEmpty == true { byJob[job] = nil }
    }
}

final class Publishing {
    private struct Waiting {
        let job: JobID
        let timer: TimerID
        let reply: PublishReply
    }

    private let loop: Loop
    private let timeout: Duration
    private var awaited = AwaitedEvents()
    private var waiting: [UInt64: Waiting] = [:]
    private var tickets: [TimerID: UInt64] = [:]
    private var nextTicket: UInt64 = 0

    init(loop: Loop, timeout: Duration) {
        self.loop = loop
        self.timeout = timeout
    }

    func publish(
        _ payloads: [[UInt8]], to job: JobID, channel: String, over commands: RedisCommands,
        _ reply: @escaping PublishReply
    ) {
        nextTicket += 1
        let ticket = nextTicket
        let timer = loop.arm(self, after: timeout)
        tickets[timer] = ticket
        waiting[ticket] = Waiting(job: job, timer: timer, reply: reply)
        awaited.expect(payloads, of: job, ticket: ticket)
        let answer: (RedisCommands.Answer) -> Void = { [weak self] answer in
            switch answer {
            case .success(.error): self?.end(ticket, .failure(.redisRefused))
            case .failure(.notConnected), .failure(.overflow):
                self?.end(ticket, .failure(.redisUnavailable))
            // It was sent, and may still be heard.
            case .success, .failure: break
            }
        }
        // One command, so that all are published or none.
        if payloads.count == 1 {
            commands.send([Array("PUBLISH".utf8), Array(channel.utf8), payloads[0]], answer)
        } else {
            commands.evaluate(
                Self.script, keys: [], arguments: [Array(channel.utf8)] + payloads, answer)
        }
    }

    func heard(_ payload: Span<UInt8>, as update: Update) {
        guard !awaited.isEmpty,
            let (ticket, seqs) = awaited.heard(payload, of: update.job, seq: update.seq)
        else { return }
        end(ticket, .success(Published(epoch: update.epoch, seqs: seqs)))
    }

    private func end(_ ticket: UInt64, _ result: Result<Published, PublishFault>) {
        guard let ended = waiting.removeValue(forKey: ticket) else { return }
        awaited.giveUp(ticket, of: ended.job)
        tickets[ended.timer] = nil
        loop.disarm(ended.timer)
        ended.reply(result)
    }

    private static let script = RedisScript(
        "for i = 2, #ARGV do redis.call('PUBLISH', ARGV[1], ARGV[i]) end return #ARGV - 1")
}

extension Publishing: TimerTarget {
    func timerFired(_ id: TimerID) {
        if let ticket = tickets[id] { end(ticket, .failure(.unconfirmed)) }
    }
}

extension Feed {
    /// Publishes events of one job, all or none, and answers with their numbers.
    public func publish(
        _ payloads: [[UInt8]], to job: JobID, key: String?, _ reply: @escaping PublishReply
    ) {
        guard let channel = sources.channel(of: job) else { return reply(.failure(.noChannel)) }
        guard let commands, subscriber?.state == .ready, commands.state == .ready else {
            return reply(.failure(.redisUnavailable))
        }
        publishing.publish(payloads, to: job, channel: channel, over: commands, reply)
    }

    /// One page of the jobs there are. `reply` may come later, where the list is not kept here.
    public func list(_ request: JobListRequest, _ reply: @escaping JobListReply) {
        do throws(JobListFault) {
            reply(.success(try history.list(request)))
        } catch {
            reply(.failure(error))
        }
    }
}

extension [UInt8] {
    fileprivate func equals(_ other: Span<UInt8>) -> Bool {
        count == other.count && indices.allSatisfy { self[$0] == other[$0] }
    }
}
