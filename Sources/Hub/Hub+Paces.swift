// What paces hold back of a topic, and its release when it is due.

import Jobs

extension Hub {
    func selections(
        of entries: [Entry], in topic: Topic, at now: Int64
    ) -> [Delivery.Selection] {
        let selections = topic.filtered.indices.map { index in
            topic.filtered[index].select(entries, of: topic, at: now)
        }
        hold(topic)
        return selections
    }

    /// Notes when something of the topic is due.
    private func hold(_ topic: Topic) {
        topic.releaseAt = topic.filtered.lazy.compactMap(\.pace?.due).min()
        guard topic.releaseAt != nil, !topic.isHolding else { return }
        topic.isHolding = true
        holding.append(topic)
    }

    /// When `drain` must be called again, whether something was heard or not.
    public var nextRelease: Int64? { holding.lazy.compactMap(\.releaseAt).min() }

    func release(at now: Int64, _ deliver: (Delivery) -> [FollowerID]) {
        for topic in holding {
            guard let due = topic.releaseAt, due <= now else { continue }
            let selections = selections(of: [], in: topic, at: now).filter { !$0.entries.isEmpty }
            guard let first = selections.first else { continue }
            let delivery = Delivery(
                job: topic.job, entries: first.entries, beginsEpoch: nil, live: [],
                filtered: selections, wasHeld: true)
            let fallen = deliver(delivery)
            if !fallen.isEmpty { topic.fallBehind(fallen, in: delivery, limits) }
        }
        holding.removeAll { topic in
            topic.isHolding = topic.releaseAt != nil
            return !topic.isHolding
        }
    }
}
