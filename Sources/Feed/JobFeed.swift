// What the service asks of a feed, whoever keeps the history: this process or Redis.

import Jobs

/// How much of a job is wanted by somebody who does not stay. A feed may give more.
public enum HistoryPart: Equatable, Sendable {
    /// Where it stands.
    case standing
    /// That, and the snapshot.
    case state
    /// That, and all events that are kept.
    case all
    /// Of the events so many at most, the oldest from this number on, or the latest before it.
    case from(UInt64, before: UInt64?, count: Int)
    case before(UInt64, count: Int)
}

public protocol JobFeed: AnyObject {
    func start()
    func stop()
    /// Since somebody last looked.
    func takeHeard() -> (events: Int, bytes: Int)
    var jobCount: Int { get }
    var historyBytes: Int { get }
    /// More is surely about to be told: it has been heard, and is on its way through Redis.
    var isAwaitingEvents: Bool { get }

    /// From the opening that is told for it, the loop hears every update of the job. A brief opening
    /// has only the latest of what is kept.
    func follow(_ job: JobID, from loop: Int, isBrief: Bool)
    func unfollow(_ job: JobID, from loop: Int)
    /// From here on the loop is told of every job that it does not follow and that has an event.
    func followAll(from loop: Int)
    func unfollowAll(from loop: Int)
    /// The job as it stands, for somebody who does not stay. nil where Redis can't be asked.
    func peek(_ job: JobID, _ part: HistoryPart, _ answer: @escaping (Opening?) -> Void)
    /// Whose these jobs are, in their order; of one without events nothing. nil where Redis can't be asked.
    func whose(_ jobs: [JobID], _ answer: @escaping ([Belonging]?) -> Void)
    /// One page of the jobs there are.
    func list(_ request: JobListRequest, _ reply: @escaping JobListReply)
    /// Publishes events of one job, all or none, and answers with their numbers. What was published
    /// under a key is not published again under it, as long as Redis keeps the history.
    func publish(
        _ payloads: [[UInt8]], to job: JobID, key: String?, _ reply: @escaping PublishReply)
}

extension Feed: JobFeed {
    public func peek(
        _ job: JobID, _ part: HistoryPart, _ answer: @escaping (Opening?) -> Void
    ) { answer(peek(job)) }

    public func whose(_ jobs: [JobID], _ answer: @escaping ([Belonging]?) -> Void) {
        answer(jobs.map { history.belonging(of: $0) })
    }
}
