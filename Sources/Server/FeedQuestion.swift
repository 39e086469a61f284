// What a loop asks the feed for somebody who does not follow: the feed answers at once or later, on its
// own loop, and the answer comes back to the loop that asked.

import Feed
import Jobs

enum FeedQuestion: Sendable {
    case job(JobID, HistoryPart)
    case jobs(JobListRequest)
    /// Whose they are, for who asks for a right.
    case whose([JobID])
    case publish([[UInt8]], JobID, key: String?)
}

enum FeedAnswer: Sendable {
    /// nil where Redis keeps the history and can't be asked.
    case job(Opening?)
    case jobs(Result<JobListPage, JobListFault>)
    case whose([Belonging]?)
    case published(Result<Published, PublishFault>)
}

extension JobFeed {
    func answer(_ question: FeedQuestion, _ tell: @escaping (FeedAnswer) -> Void) {
        switch question {
        case .job(let job, let part): peek(job, part) { tell(.job($0)) }
        case .jobs(let request): list(request) { tell(.jobs($0)) }
        case .whose(let jobs): whose(jobs) { tell(.whose($0)) }
        case .publish(let events, let job, let key):
            publish(events, to: job, key: key) { tell(.published($0)) }
        }
    }
}

extension Worker {
    func ask(_ question: FeedQuestion, _ answer: @escaping (FeedAnswer) -> Void) {
        if let feed { return feed.answer(question, answer) }
        nextTicket += 1
        asked[nextTicket] = answer
        house.mailboxes[0].post(.ask(question, loop: index, ticket: nextTicket))
    }

    func watchers(of job: JobID) -> Int {
        house.watchers?.count(of: job) ?? hub.watchers(of: job)
    }

    /// A job as it stands, and how many follow it.
    func peek(
        _ job: JobID, _ part: HistoryPart, _ answer: @escaping (Opening?, Int) -> Void
    ) {
        ask(.job(job, part)) { [unowned self] in
            if case .job(let opening) = $0 { answer(opening, watchers(of: job)) }
        }
    }

    func list(
        _ request: JobListRequest,
        _ answer: @escaping (Result<JobListPage, JobListFault>) -> Void
    ) {
        ask(.jobs(request)) { if case .jobs(let page) = $0 { answer(page) } }
    }

    func publish(
        _ events: [[UInt8]], to job: JobID, key: String?,
        _ answer: @escaping (Result<Published, PublishFault>) -> Void
    ) {
        ask(.publish(events, job, key: key)) {
            if case .published(let result) = $0 { answer(result) }
        }
    }
}
