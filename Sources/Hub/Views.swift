// Views are what followers of queues see: the jobs that have events, as they come.
//
// This file knows who views what; how topics are joined and left is in Hub+Views.swift. A topic is told
// of newcomers when it is next drained: `joined` has them in their order, and `version` counts them.

import Jobs

/// What a follower of one queue wants, or of all.
public struct View {
    /// Of every queue, and of jobs that are in none.
    public static let all = "*"

    /// How events are chosen; it speaks of no past.
    public let wish: Wish
    /// Which jobs of it the follower may see.
    public let covers: (JobID, Belonging) -> Bool

    public init(_ wish: Wish = Wish(), covers: @escaping (JobID, Belonging) -> Bool) {
        var wish = wish
        (wish.after, wish.past) = (nil, .all)
        self.wish = wish
        self.covers = covers
    }
}

/// A follower no longer sees a job that it saw by a view.
public struct Departure: Equatable, Sendable {
    public enum Reason: String, Sendable {
        case queueLeft = "queue_left"
        case rightLost = "right_lost"
    }

    public let follower: FollowerID
    public let job: JobID
    public let reason: Reason
}

struct Views {
    typealias ByQueue = [String: View]

    private var viewsOf: [FollowerID: ByQueue] = [:]
    private var followersOf: [String: Set<FollowerID>] = [:]
    /// Who waits for the answer to a subscribe: nothing is sent to them before it.
    var held: Set<FollowerID> = []

    /// Who came, from version `base` on.
    private var joined: [FollowerID] = []
    private var base: UInt64 = 1
    var version: UInt64 { base + UInt64(joined.count) }

    var isEmpty: Bool { viewsOf.isEmpty }

    mutating func set(_ views: ByQueue, of follower: FollowerID) {
        for queue in (viewsOf[follower] ?? [:]).keys {
            followersOf[queue]?.remove(follower)
            if followersOf[queue]?.isEmpty == true { followersOf[queue] = nil }
        }
        viewsOf[follower] = views.isEmpty ? nil : views
        for queue in views.keys { followersOf[queue, default: []].insert(follower) }
        joined.append(follower)
        // While there are no views, queues are not watched: each topic must look anew.
        guard viewsOf.isEmpty || joined.count > 64 + 2 * viewsOf.count else { return }
        base = version
        joined = []
    }

    func views(of follower: FollowerID) -> ByQueue { viewsOf[follower] ?? [:] }

    /// Who came since; nil when that is not remembered, so that anybody may have.
    func newcomers(since version: UInt64) -> ArraySlice<FollowerID>? {
        version < base ? nil : joined[Int(version - base)...]
    }

    /// Who may have a view of a job in this queue. It decides nothing: names are compared loosely here.
    func candidates(_ queue: String?) -> Set<FollowerID> {
        let ofAll = followersOf[View.all] ?? []
        guard let queue, queue != View.all, let ofQueue = followersOf[queue] else { return ofAll }
        return ofAll.isEmpty ? ofQueue : ofAll.union(ofQueue)
    }

    func wish(of follower: FollowerID, for job: JobID, _ belonging: Belonging) -> Wish? {
        viewsOf[follower]?.wish(for: job, belonging)
    }

    func wants(_ job: JobID, _ belonging: Belonging) -> Bool {
        candidates(belonging.queue).contains { wish(of: $0, for: job, belonging) != nil }
    }
}

extension Views.ByQueue {
    /// The view of the job's own queue decides before that of all.
    func wish(for job: JobID, _ belonging: Belonging) -> Wish? {
        if let queue = belonging.queue, let view = self[queue], view.covers(job, belonging) {
            return view.wish
        }
        if let view = self[View.all], view.covers(job, belonging) { return view.wish }
        return nil
    }
}
