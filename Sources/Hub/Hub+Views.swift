// How the hub follows jobs for those who have a view of them.
//
// The feed announces a job that has an event and is not followed here. It is then followed like any
// other, and who has a view of it waits in its topic with the cursor that stood before the event: it
// hears `subscribed`, and every event from there. Who comes later joins when the topic next has
// something to hand out. A job that nobody else follows and that is quiet for long is let go, and
// announced again when it comes back.
//
// Invariants: a follower is in a topic once, by a subscription of its own or as one of `viewers`, and
// the latter only while one of its views wants the job in the queue that the last event handed out
// left it in. A viewer misses no event of the topic after the one it joined for.

import Jobs

extension Hub {
    private static let unwantedMax = 4_096

    public var hasViews: Bool { !views.isEmpty }

    /// What has come of views and must be carried out: clients to be told, jobs that need not be
    /// followed any more.
    public func takeOutcome() -> (departures: [Departure], abandoned: [JobID])? {
        guard !departures.isEmpty || !abandoned.isEmpty else { return nil }
        defer { (departures, abandoned) = ([], []) }
        return (departures, abandoned)
    }

    /// Jobs that came alive and had no room, since somebody last looked.
    public func takeLetGo() -> Int {
        defer { letGoCount = 0 }
        return letGoCount
    }

    /// From here on the follower sees what these views want. Of what it no longer sees it is told, where
    /// there is a reason to tell. While it is held, it is sent nothing of them.
    public func setViews(
        _ new: [String: View], of follower: FollowerID, isHeld: Bool = false,
        reason: Departure.Reason? = nil
    ) {
        let old = views.views(of: follower)
        views.set(new, of: follower)
        if isHeld { views.held.insert(follower) }
        if new.isEmpty { views.held.remove(follower) }
        for topic in viewed {
            guard let viewing = topic.viewing, viewing.viewers.contains(follower) else { continue }
            let wish = new.wish(for: topic.job, viewing.belonging)
            if let wish {
                if wish != old.wish(for: topic.job, viewing.belonging) {
                    rejoin(topic, follower, wish)
                }
            } else {
                leave(topic, follower, reason)
                settle(topic)
            }
        }
        if views.isEmpty {
            for topic in viewed {
                topic.viewing?.announced = nil
                settle(topic)
            }
        }
    }

    /// The follower has had the answer to its subscribe; what waited for it comes with the next drain.
    public func letIn(_ follower: FollowerID) {
        guard views.held.remove(follower) != nil else { return }
        for topic in viewed where topic.waiting.contains(where: { $0.follower == follower }) {
            dirty.append(topic)
        }
    }

    // MARK: coming alive

    public func announce(_ news: Announcement) -> HubRequest {
        guard hasViews else { return .nothing }
        if topics[news.job] == nil {
            // A job that nobody here may see has events as well; it is looked at once.
            if unwanted.version != views.version || unwanted.jobs.count >= Self.unwantedMax {
                unwanted = (views.version, [:])
            }
            if unwanted.jobs[news.job] == news.belonging { return .nothing }
            guard views.wants(news.job, news.belonging) else {
                unwanted.jobs[news.job] = news.belonging
                return .nothing
            }
        }
        return comeAlive(news.job, after: news.after)
    }

    /// An event of the job is on its way to who has a view of it, whoever that turns out to be.
    func comeAlive(_ job: JobID, after: Cursor) -> HubRequest {
        guard job.kind == .job else { return .nothing }
        if let topic = topics[job] {
            if topic.hasBeenOpen {
                // It came by another way, and perhaps before this was told.
                let isSeen = after.epoch == topic.epoch && after.seq < topic.seq
                admit(topic, after: isSeen ? after : topic.standing)
                if isSeen { dirty.append(topic) }
            } else if topic.part.announced == nil {
                topic.part.announced = after
                list(topic)
            }
            return .nothing
        }
        guard makeRoom() else {
            letGoCount += 1
            return .nothing
        }
        let topic = Topic(job: job, asksBefore: asks)
        topics[job] = topic
        topic.part.announced = after
        list(topic)
        setBrief(topic, true)
        return askFeed(for: topic)
    }

    /// The answer of the feed has put the topic where it now stands; `before` is where it was.
    func regroup(_ topic: Topic, as belonging: Belonging, after before: Cursor) {
        let viewing = topic.part
        let old = viewing.belonging
        (viewing.belonging, viewing.version, viewing.moves) = (belonging, views.version, [])
        viewing.announced = nil
        viewing.wasActive = true
        regroup(topic, from: old, after: before)
        settle(topic)
    }

    // MARK: joining and leaving

    /// Before something is handed out: lets those join who have come since this was last asked.
    func admit(_ topic: Topic, after: Cursor) {
        guard topic.viewing?.version != views.version, topic.job.kind == .job else { return }
        let viewing = topic.part
        let newcomers = views.newcomers(since: viewing.version)
        viewing.version = views.version
        if let newcomers {
            for follower in newcomers { join(topic, follower, after: after) }
            return
        }
        viewing.belonging = viewing.moves.first?.from ?? topic.snapshot.belonging
        for follower in views.candidates(viewing.belonging.queue) {
            join(topic, follower, after: after)
        }
    }

    /// Lets in who came since, and hands out piece by piece what brings the job from queue to queue, or
    /// from owner to owner.
    func handOutMoves(
        of topic: Topic, at now: Int64, _ deliver: (Delivery) -> [FollowerID]
    ) {
        if let viewing = topic.viewing, viewing.version == views.version, viewing.moves.isEmpty {
            viewing.wasActive = true
            return
        }
        guard topics[topic.job] === topic else { return }
        admit(topic, after: topic.standing)
        guard let viewing = topic.viewing else { return }
        viewing.wasActive = true
        while !viewing.moves.isEmpty {
            let next = viewing.moves.removeFirst()
            // What gives a job to another owner is his already, and none of the owner's before him.
            let first = next.changesOwner ? next.through - 1 : next.through
            handOut(topic, through: first, at: now, deliver)
            move(topic, to: next.to, after: next.through - 1)
        }
    }

    /// The event behind this number brings the job into another queue, or to another owner.
    private func move(_ topic: Topic, to belonging: Belonging, after seq: UInt64) {
        let old = topic.part.belonging
        topic.part.belonging = belonging
        regroup(topic, from: old, after: Cursor(epoch: topic.epoch, seq: seq))
        settle(topic)
    }

    private func regroup(_ topic: Topic, from old: Belonging, after before: Cursor) {
        let viewing = topic.part
        let hasLeft =
            old.queue.map { !viewing.belonging.isIn($0) } ?? (viewing.belonging.queue != nil)
        for follower in viewing.viewers {
            let wish = views.wish(of: follower, for: topic.job, viewing.belonging)
            if let wish {
                if wish != views.wish(of: follower, for: topic.job, old) {
                    rejoin(topic, follower, wish)
                }
            } else {
                leave(topic, follower, hasLeft ? .queueLeft : .rightLost)
            }
        }
        for follower in views.candidates(viewing.belonging.queue) {
            join(topic, follower, after: before)
        }
    }

    private func join(_ topic: Topic, _ follower: FollowerID, after: Cursor) {
        let viewing = topic.part
        guard var wish = views.wish(of: follower, for: topic.job, viewing.belonging),
            !viewing.viewers.contains(follower),
            topic.ownFollowers == 0 || !topic.contains(follower)
        else { return }
        wish.after = after
        list(topic)
        viewing.viewers.insert(follower)
        wait(topic, follower, wish)
    }

    /// The same follower with another wish, from where it stands.
    private func rejoin(_ topic: Topic, _ follower: FollowerID, _ new: Wish) {
        var wish = new
        wish.after = topic.standing(of: follower)
        let isKnown = topic.hasWelcomed(follower)
        _ = topic.remove(follower)
        wait(topic, follower, wish, isKnown: isKnown)
        dirty.append(topic)
    }

    private func wait(
        _ topic: Topic, _ follower: FollowerID, _ wish: Wish, isKnown: Bool = false
    ) {
        // Its cursor is our own, so no further answer need be waited for.
        topic.waiting.append(
            Topic.Waiting(follower: follower, wish: wish, ask: 0, isKnown: isKnown))
    }

    private func leave(_ topic: Topic, _ follower: FollowerID, _ reason: Departure.Reason?) {
        let isKnown = topic.hasWelcomed(follower)
        topic.viewing?.viewers.remove(follower)
        _ = topic.remove(follower)
        guard let reason, isKnown else { return }
        departures.append(Departure(follower: follower, job: topic.job, reason: reason))
    }

    /// A subscription of its own takes the place of a view.
    func replaceView(_ topic: Topic, by follower: FollowerID) {
        guard topic.viewing?.viewers.remove(follower) != nil else { return }
        _ = topic.remove(follower)
    }

    /// A subscription has ended whose follower may have a view of the job.
    func ownFollowerLeft(_ topic: Topic) {
        topic.viewing?.version = 0
        guard topic.ownFollowers == 0 else { return }
        admitOwed(topic)
        if topic.viewing?.viewers.isEmpty == false { setBrief(topic, true) }
    }

    /// Nobody may be left, but what was heard and not handed out is still owed to those who have come.
    func admitOwed(_ topic: Topic) {
        guard topic.hasBeenOpen, topic.watchers == 0, hasViews else { return }
        let isOwing = if case .opening = topic.phase { true } else { !topic.pending.isEmpty }
        if isOwing { admit(topic, after: topic.standing) }
    }
}
