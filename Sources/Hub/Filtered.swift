// Filtered is a live follower that does not want everything, or not at once: some types, or progress at
// a pace.

import Jobs

extension Topic {
    struct Filtered {
        let follower: FollowerID
        let wish: Wish
        private(set) var pace: Pace?
        /// Entries skipped since the client last saw a number.
        private var skipped = 0

        /// A client that was sent nothing for so many entries is told where it stands.
        static let skippedMax = 64

        /// One that has caught up.
        init(_ follower: FollowerID, _ reader: Reader) {
            (self.follower, wish) = (follower, reader.wish)
            pace = wish.progressInterval.map { interval in
                Pace(
                    interval: interval, mayProgressAt: reader.progressAt.map { $0 + interval } ?? 0)
            }
        }

        /// What of the entries goes to it now, with what was held for it and is due.
        mutating func select(
            _ entries: [Entry], of topic: Topic, at now: Int64
        ) -> Delivery.Selection {
            var wanted = entries.filter(wish.wants)
            skipped += entries.count - wanted.count
            if let (out, overtaken) = pace?.take(wanted, at: now) {
                wanted = out
                skipped += overtaken
            }
            if let last = wanted.last, last.seq == topic.seq { skipped = 0 }
            // Not before what is held has gone out: no cursor goes back.
            let isTold = skipped >= Self.skippedMax && pace?.due == nil
            if isTold { skipped = 0 }
            return Delivery.Selection(
                follower: follower, entries: wanted, standsAt: isTold ? topic.seq : nil)
        }
    }
}
