// Who waits to be welcomed in a topic, and for what: an answer of the feed that is sure to know what he
// knows, or all of the history where the topic has only the latest, or the answer to his own subscribe.

import Jobs

extension Topic {
    struct Waiting {
        let follower: FollowerID
        let wish: Wish
        /// The first ask for this topic after the follower came.
        var ask: Int?
        /// It has been welcomed before, with another wish.
        var isKnown = false
    }

    /// Whether the follower knows something that we do not, and no answer says yet that it is wrong:
    /// another loop or bridge may be ahead of us.
    func mustAsk(for waiting: Waiting) -> Bool {
        if let viewing, viewing.isBrief, !viewing.viewers.contains(waiting.follower) { return true }
        if let ask = waiting.ask, ask <= asksAnswered { return false }
        return waiting.wish.after.map(isAhead) ?? false
    }

    func isAsked(_ ask: Int) {
        for index in waiting.indices where waiting[index].ask == nil { waiting[index].ask = ask }
    }

    private func isAhead(_ cursor: Cursor) -> Bool {
        if cursor.epoch == nil || cursor.epoch == epochHeard { return cursor.seq >= nextHeard }
        return !forks.contains { $0.epoch == cursor.epoch }
    }

    func welcomeWaiting(holding held: Set<FollowerID>, limits: RingLimits) -> [Welcome] {
        func mustWait(_ each: Waiting) -> Bool {
            mustAsk(for: each) || isHeld(each.follower, held)
        }
        let welcomed = waiting.filter { !mustWait($0) }
        waiting = welcomed.count == waiting.count ? [] : waiting.filter(mustWait)
        return welcomed.map { welcome($0.follower, $0.wish, limits: limits) }
    }
}
