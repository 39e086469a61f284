// Who follows a job and how far he has come, for operators that look. Nothing on the path of an event asks.

import Jobs

extension Hub {
    /// Everybody who is sent the job's events, by a subscription or in a view, each once.
    public func followers(of job: JobID) -> [FollowerID] {
        guard let topic = topics[job] else { return [] }
        return topic.live + topic.filtered.map(\.follower) + topic.waiting.map(\.follower)
            + topic.reading.keys
    }

    /// Whether the follower sees the job in one of its views now.
    public func isViewed(_ job: JobID, by follower: FollowerID) -> Bool {
        topics[job]?.viewing?.viewers.contains(follower) ?? false
    }

    /// How many events the follower has still to be handed.
    public func behind(on job: JobID, _ follower: FollowerID) -> Int {
        guard let topic = topics[job], let reader = topic.reading[follower],
            reader.next <= topic.seq
        else { return 0 }
        return Int(topic.seq - reader.next) + 1
    }
}
