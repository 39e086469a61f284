// Which topics the hub keeps for views, and which it lets go: those that have been quiet for long, and,
// when there are too many, the quietest it finds without looking at all (second chance).
//
// Invariant: `viewed` holds each topic with viewers or awaited by them; `briefTopics` counts the brief.

import Jobs

extension Hub {
    /// So many topics are looked at for one that is let go.
    private static let looksMax = 256

    /// Each call looks at a share of the topics, of few only now and then, so that so many calls look at each
    /// once; who was quiet since the last look is let go.
    public func sweep(share: Int) {
        sweepOwed += viewed.count
        while sweepOwed >= share {
            sweepOwed -= share
            guard let topic = nextViewed() else {
                sweepOwed = 0
                return
            }
            if topic.viewing?.wasActive == false { letGo(topic) }
            topic.viewing?.wasActive = false
        }
    }

    func makeRoom() -> Bool {
        guard briefTopics >= limits.viewJobsMax else { return true }
        var looks = Self.looksMax
        var fallback: Topic?
        while looks > 0, let topic = nextViewed() {
            looks -= 1
            guard isIdle(topic) else { continue }
            if topic.viewing?.wasActive == false {
                letGo(topic)
                return true
            }
            topic.viewing?.wasActive = false
            fallback = fallback ?? topic
        }
        guard let fallback else { return false }
        letGo(fallback)
        return true
    }

    private func nextViewed() -> Topic? {
        guard !viewed.isEmpty else { return nil }
        viewedHand = viewedHand < viewed.count ? viewedHand : 0
        defer { viewedHand += 1 }
        return viewed[viewedHand]
    }

    /// Nobody else follows it, and its viewers have all that there is of it.
    private func isIdle(_ topic: Topic) -> Bool {
        guard case .open = topic.phase, topic.viewing?.isBrief == true else { return false }
        return topic.pending.isEmpty && topic.waiting.isEmpty && topic.reading.isEmpty
            && topic.releaseAt == nil
    }

    private func letGo(_ topic: Topic) {
        guard isIdle(topic), topic.ownFollowers == 0 else { return }
        for follower in topic.part.viewers { _ = topic.remove(follower) }
        topic.part.viewers = []
        settle(topic)
    }

    /// A topic that nobody follows or awaits is forgotten, and one without viewers is not listed.
    func settle(_ topic: Topic) {
        admitOwed(topic)
        guard let viewing = topic.viewing, viewing.viewers.isEmpty, viewing.announced == nil,
            topics[topic.job] === topic
        else { return }
        if topic.watchers == 0 {
            forget(topic)
            abandoned.append(topic.job)
        } else {
            unlist(topic)
        }
    }

    func forget(_ topic: Topic) {
        topics[topic.job] = nil
        setBrief(topic, false)
        unlist(topic)
    }

    func setBrief(_ topic: Topic, _ isBrief: Bool) {
        guard (topic.viewing?.isBrief ?? false) != isBrief else { return }
        topic.part.isBrief = isBrief
        briefTopics += isBrief ? 1 : -1
    }

    func list(_ topic: Topic) {
        guard topic.part.place == nil else { return }
        topic.part.place = viewed.count
        viewed.append(topic)
    }

    private func unlist(_ topic: Topic) {
        guard let place = topic.viewing?.place else { return }
        topic.viewing?.place = nil
        let last = viewed.removeLast()
        guard last !== topic else { return }
        viewed[place] = last
        last.viewing?.place = place
    }
}
