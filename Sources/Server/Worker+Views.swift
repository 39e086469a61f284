// A loop and the views of its clients: jobs that come alive are heard of, and what the hub makes of it is
// told to the feed and to clients.

import Feed
import Hub
import Jobs
import Telemetry
import Tokens
import Wire

extension Worker {
    func hear(_ announcement: Announcement) {
        carryOut(hub.announce(announcement), for: announcement.job)
        // A job that made room for it.
        carryOutViews()
    }

    func setViews(
        _ views: [String: View], of follower: FollowerID, isHeld: Bool = false,
        reason: Departure.Reason? = nil
    ) {
        let had = hub.hasViews
        hub.setViews(views, of: follower, isHeld: isHeld, reason: reason)
        carryOutViews()
        guard hub.hasViews != had else { return }
        if feed != nil {
            followAll(hub.hasViews, from: index)
        } else {
            house.mailboxes[0].post(.followAll(hub.hasViews, loop: index))
        }
    }

    func followAll(_ wants: Bool, from loop: Int) {
        if wants { feed?.followAll(from: loop) } else { feed?.unfollowAll(from: loop) }
    }

    func carryOutViews() {
        guard let (departures, abandoned) = hub.takeOutcome() else { return }
        for job in abandoned { unfollow(job) }
        for departure in departures {
            session(departure.follower)?.left(departure)
            httpFollowers[departure.follower]?.left(departure)
        }
    }

    /// Five minutes for all.
    private static let sweepShare = 300

    /// Once a second.
    func sweepViews() {
        hub.sweep(share: Self.sweepShare)
        carryOutViews()
        let letGo = hub.takeLetGo()
        guard letGo > 0 else { return }
        metrics.drops.add(.memoryLimit, letGo)
        throttledLog.line(
            .warning, "view_jobs_max", at: loop.now.milliseconds,
            ["announcements": .integer(letGo)])
    }

    /// The answer to a follower who begins to view a queue: the jobs that there are.
    func list(
        _ queue: String, _ grant: Grant, _ answer: @escaping (SubscribedQueue) -> Void
    ) {
        let isAll = queue == View.all
        var request = JobListRequest(limit: Self.listedMax) { !isAll || grant.mayFollow($0) }
        if isAll {
            request.coversBelonging = grant.belongings
        } else {
            request.queue = queue
        }
        list(request) { [unowned self] result in
            // A list that can't be had now is none; jobs come as they have events.
            var page = JobListPage()
            if case .success(let listed) = result { page = listed }
            let isComplete = if case .success = result { page.next == nil } else { false }
            answer(
                SubscribedQueue(
                    queue: queue,
                    jobs: page.rows.map { ($0.job, $0.snapshot, watchers(of: $0.job)) },
                    isComplete: isComplete))
        }
    }

    /// Jobs in the answer to a follower of a queue.
    static let listedMax = 100
}
