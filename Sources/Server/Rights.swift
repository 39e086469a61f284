// What a token says of a job or a feed. Tokens know texts only.

import Hub
import Jobs
import Tokens

extension Grant {
    func mayFollow(_ job: JobID) -> Bool {
        switch job.kind {
        case .job: mayFollow(job: job.text)
        case .feed: mayFollow(feed: job.text)
        }
    }

    /// Everybody may view all: it has what the token covers.
    func mayView(_ queue: String) -> Bool {
        queue == View.all || mayFollowAllJobs || mayFollow(queue: queue)
    }

    /// What there is to see for this token in the view of a queue that it may view.
    func covers(_ queue: String) -> (JobID, String?) -> Bool {
        guard queue == View.all, !mayFollowAllJobs else { return { _, _ in true } }
        return { job, queue in mayFollow(job) || queue.map { mayFollow(queue: $0) } ?? false }
    }
}

extension Door {
    /// Rights come first, so that a refusal does not tell whether there is such a feed.
    func check(_ job: JobID, _ grant: Grant) throws(Close) {
        guard grant.mayFollow(job) else { throw .notCovered(job) }
        guard job.kind == .job || sources.contains(where: { $0.mayName(job) }) else {
            throw .noSuchFeed
        }
    }
}

extension Close {
    static func notCovered(_ job: JobID) -> Close {
        switch job.kind {
        case .job: .notThisJob
        case .feed: .notThisFeed
        }
    }
}
