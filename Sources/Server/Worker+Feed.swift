// How a loop asks for a job that is followed here, and takes what it is answered. The feed may be on
// another loop: mail keeps the order, and the feed's loop counts whose asks have reached it (see Hub).

import Hub
import Jobs

extension Worker {
    /// Asks the feed for the job, where the hub wants that.
    func carryOut(_ request: HubRequest, for job: JobID) {
        guard request != .nothing else { return }
        let isBrief = request == .askFeedBriefly
        if feed != nil {
            follow(job, from: index, isBrief: isBrief)
        } else {
            house.mailboxes[0].post(.follow(job, loop: index, isBrief: isBrief))
        }
    }

    func follow(_ job: JobID, from loop: Int, isBrief: Bool) {
        asksTaken[loop] += 1
        feed?.follow(job, from: loop, isBrief: isBrief)
    }

    func unfollow(_ job: JobID) {
        if let feed {
            feed.unfollow(job, from: index)
        } else {
            house.mailboxes[0].post(.unfollow(job, loop: index))
        }
    }

    func hear(_ update: Update, _ change: SnapshotChange?) {
        carryOut(hub.hear(update, change), for: update.job)
        if let change, change.setsBelonging { rights.review(update.job) }
    }

    func open(_ opening: Opening, afterAsks asks: Int) {
        let (welcomes, resumed, request) = hub.open(opening, afterAsks: asks)
        let hasLost = rights.review(opening.job)
        for each in welcomes where !hasLost.contains(each.follower) { welcome(each) }
        for follower in resumed {
            session(follower)?.resume(opening.job)
            httpFollowers[follower]?.resume(opening.job)
        }
        carryOutViews()
        carryOut(request, for: opening.job)
    }

    func follow(_ job: JobID, by follower: FollowerID, _ wish: Wish) {
        metrics.subscriptions.add(1)
        house.watchers?.add(1, to: job)
        let (welcome, request) = hub.follow(job, by: follower, wish: wish)
        if let welcome { self.welcome(welcome) }
        carryOut(request, for: job)
    }

    func welcome(_ welcome: Welcome) {
        session(welcome.follower)?.welcome(welcome)
        httpFollowers[welcome.follower]?.welcome(welcome)
    }

    func unfollow(_ job: JobID, by follower: FollowerID) {
        metrics.subscriptions.add(-1)
        house.watchers?.add(-1, to: job)
        if hub.unfollow(job, by: follower) { unfollow(job) }
        carryOutViews()
    }
}
