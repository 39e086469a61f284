// Rights decides what a token may see, as far as what is known of it goes. Pure: who asks is in
// Petition.swift, what is asked for in RightsDesk.swift.
//
// In this order: what the token claims; whose the job is and in which queue, by its state; what the
// application's hook says. Only what the claims cover is answered at once and costs nothing more.

import Hub
import Jobs
import Tokens
import Wire

/// By what somebody may see something.
enum Right: Equatable { case claims, belonging, hook }

enum RightsAnswer: Equatable {
    case yes(Right)
    case no
    /// The state of the job must be known.
    case look
    case askHook
    /// It may become his: to be looked at again.
    case wait
}

enum Rights {
    static func answer(_ grant: Grant, _ subject: Subject, hasHook: Bool) -> RightsAnswer {
        switch subject {
        case .job(let job):
            if grant.mayFollow(job) { return .yes(.claims) }
            if job.kind == .job, grant.mayCoverByState { return .look }
        case .queue(let queue):
            if grant.mayView(queue) { return .yes(.claims) }
        }
        return hasHook ? .askHook : .no
    }

    /// Of a job that the claims do not cover, by its state.
    static func answer(
        _ grant: Grant, _ belonging: Belonging, hasHook: Bool, mayWait: Bool
    ) -> RightsAnswer {
        if grant.covers(belonging) { return .yes(.belonging) }
        if hasHook { return .askHook }
        return mayWait && grant.mayComeToCover ? .wait : .no
    }
}

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

    /// Whether a job's state can bring a right at all.
    var mayCoverByState: Bool { subject != nil || queues.areGiven }

    /// By its owner, or by its queue, whose followers see all its jobs.
    func covers(_ belonging: Belonging) -> Bool {
        subject.map { belonging.isOwned(by: $0) } ?? false
            || belonging.queue.map { mayFollow(queue: $0) } ?? false
    }

    /// What a list may show beside what the claims cover; nil where that is nothing, or all.
    var belongings: (@Sendable (Belonging) -> Bool)? {
        guard mayCoverByState, !mayFollowAllJobs else { return nil }
        return { covers($0) }
    }

    /// Who was told which jobs are his need not wait for others.
    var mayComeToCover: Bool { mayCoverByState && !jobs.areGiven }

    /// What there is to see for this token in the view of a queue that it may view.
    func covers(_ queue: String) -> (JobID, Belonging) -> Bool {
        guard queue == View.all else { return { _, belonging in belonging.isIn(queue) } }
        if mayFollowAllJobs { return { _, _ in true } }
        return { job, belonging in mayFollow(job) || covers(belonging) }
    }
}

extension Close {
    static func notCovered(_ subject: Subject) -> Close {
        switch subject {
        case .job(let job) where job.kind == .feed: .notThisFeed
        case .job: .notThisJob
        case .queue: .notThisQueue
        }
    }
}
