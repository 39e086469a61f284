// Courier takes the feed's updates to the other loops: once for each read of Redis, and within a bound.
//
// A loop that can't keep up is not buffered for without end. Its updates are then let go, and when it has
// worked off half it is told of which jobs it missed some; it asks the feed for those anew, and its
// clients get from the history what is kept, or a gap.
//
// Invariant: while a job is in `missed` of a loop, none of its updates is posted there, so that nothing
// comes after a hole before the word of it.

import Jobs
import Synchronization

/// Bytes of updates that a loop was posted and has not worked off. Shared by two loops.
final class Backlog: Sendable {
    private let owed = Atomic<Int>(0)

    var bytes: Int { owed.load(ordering: .relaxed) }
    func grow(by count: Int) { owed.add(count, ordering: .relaxed) }
    func shrink(by count: Int) { owed.subtract(count, ordering: .relaxed) }
}

struct Courier {
    static let backlogBytesMax = 67_108_864

    private struct Bag {
        var updates: [(Update, SnapshotChange?)] = []
        var bytes = 0
        var missed: Set<JobID> = []
        /// One of each job. They wait for a loop that can't keep up.
        var announced: [JobID: Announcement] = [:]
    }

    /// Generously, of one job.
    private static let announcementBytes = 512
    static let announcedMax = 65_536

    private let backlogs: [Backlog]
    private let backlogBytesMax: Int
    private let post: (WorkerMail, Int) -> Void
    private var bags: [Bag]
    private var announcementsLetGo = 0

    init(
        _ backlogs: [Backlog], backlogBytesMax: Int = Self.backlogBytesMax,
        post: @escaping (WorkerMail, _ loop: Int) -> Void
    ) {
        (self.backlogs, self.backlogBytesMax, self.post) = (backlogs, backlogBytesMax, post)
        bags = Array(repeating: Bag(), count: backlogs.count)
    }

    mutating func carry(_ update: Update, _ change: SnapshotChange?, to loop: Int) {
        guard bags[loop].missed.isEmpty || !bags[loop].missed.contains(update.job) else { return }
        bags[loop].updates.append((update, change))
        bags[loop].bytes += update.byteCount + (change?.byteCount ?? 0)
    }

    /// A job that came alive. Beyond the limit it is as if its event had come before anybody looked.
    mutating func carry(_ announcement: Announcement, to loop: Int) {
        let job = announcement.job
        if let known = bags[loop].announced[job],
            known.after.epoch == announcement.after.epoch
        {
            // All of its events, in the queue that it is in by now.
            bags[loop].announced[job] = Announcement(
                job: job, belonging: announcement.belonging, after: known.after)
            return
        }
        guard bags[loop].announced.count < Self.announcedMax else {
            announcementsLetGo += 1
            return
        }
        bags[loop].announced[job] = announcement
    }

    /// Answers how many updates were let go.
    mutating func flush() -> Int {
        var letGo = announcementsLetGo
        announcementsLetGo = 0
        for loop in bags.indices {
            let backlog = backlogs[loop]
            if !bags[loop].missed.isEmpty, backlog.bytes <= backlogBytesMax / 2 {
                post(.missed(Array(bags[loop].missed)), loop)
                bags[loop].missed = []
            }
            // A job's updates were heard while it was followed, so before it was announced.
            defer { flushAnnounced(to: loop) }
            guard !bags[loop].updates.isEmpty else { continue }
            let bytes = bags[loop].bytes
            if backlog.bytes > 0, backlog.bytes + bytes > backlogBytesMax {
                for (update, _) in bags[loop].updates { bags[loop].missed.insert(update.job) }
                letGo += bags[loop].updates.count
            } else {
                backlog.grow(by: bytes)
                post(.updates(bags[loop].updates, bytes: bytes), loop)
            }
            (bags[loop].updates, bags[loop].bytes) = ([], 0)
        }
        return letGo
    }

    private mutating func flushAnnounced(to loop: Int) {
        guard !bags[loop].announced.isEmpty, backlogs[loop].bytes <= backlogBytesMax / 2 else {
            return
        }
        let bytes = bags[loop].announced.count * Self.announcementBytes
        backlogs[loop].grow(by: bytes)
        post(.announced(Array(bags[loop].announced.values), bytes: bytes), loop)
        bags[loop].announced = [:]
    }
}
