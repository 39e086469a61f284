// HTTPFollower is whoever follows one job, or a queue, without a WebSocket: an event stream, or a
// long-poll. To the hub it is a follower like a session, with a place among theirs.
//
// Invariant: a place belongs to a session or to an HTTP follower, from `enter` to `forget`.

import Bytes
import Hub
import Jobs
import Tokens
import Wire

protocol HTTPFollower: AnyObject {
    var id: FollowerID { get }
    /// It is over, and has left the hub.
    var isClosing: Bool { get }
    func welcome(_ welcome: Welcome)
    /// There is more to read of the job in the hub's ring.
    func resume(_ job: JobID)
    func readOn()
    /// It saw the job by a view, and does so no more.
    func left(_ departure: Departure)
    /// The state of a job that it follows has changed.
    func review(_ job: JobID, _ belonging: Belonging)
    /// Whether an event's id is where to resume from.
    var hasCursor: Bool { get }
    /// False where so much is owed of earlier ticks that the follower must read on at its own pace.
    var hasRoom: Bool { get }
    /// It was not sent what a tick brought of the job.
    func fallBehind(on job: JobID)
    /// What a tick brought, joined and shared by all who follow the job so.
    func deliver(_ blocks: [SharedBytes], count: Int)
    func notify(_ notice: SharedBytes)
    var kind: ConnectionKind { get }
    var caller: Caller { get }
    var grant: Grant { get }
    var subject: Subject { get }
    /// What an operator is told of it, as long as it is there.
    var listing: ConnectionListing? { get }
    /// False where it was not told.
    func hear(broadcast: SharedBytes) -> Bool
    /// Its token counts no more.
    func revoke()
    /// The server is leaving.
    func drain()
    /// An operator sends it away.
    func disconnect()
}

extension Worker {
    /// Places a follower in the list, under an id of its own.
    func enter<Follower: HTTPFollower>(_ make: (FollowerID) -> Follower) -> Follower {
        let follower = make(takePlace())
        httpFollowers[follower.id] = follower
        follower.kind.count(1, in: metrics)
        return follower
    }

    func follow(_ job: JobID, by follower: any HTTPFollower, _ wish: Wish) {
        follow(job, by: follower.id, wish)
    }

    func forget(_ follower: any HTTPFollower) {
        httpFollowers[follower.id] = nil
        follower.kind.count(-1, in: metrics)
        vacate(follower.id)
    }

    func deliver(
        _ delivery: Delivery, toHTTP followers: [FollowerID], _ fallen: inout [FollowerID]
    ) {
        guard !followers.isEmpty else { return }
        var made = InlineArray<2, [SharedBytes]?>(repeating: nil)
        for id in followers {
            guard let follower = httpFollowers[id] else { continue }
            guard follower.hasRoom else {
                follower.fallBehind(on: delivery.job)
                fallen.append(id)
                continue
            }
            let place = follower.hasCursor ? 1 : 0
            let blocks =
                made[place]
                ?? EventStreamText.blocks(
                    delivery.entries, after: beginning(of: delivery), hasCursor: follower.hasCursor)
            made[place] = blocks
            follower.deliver(blocks, count: delivery.entries.count)
        }
    }

    /// A filtered follower's part, with word of where it stands when it was sent nothing for long.
    func deliver(
        _ selection: Delivery.Selection, of delivery: Delivery, standing: SharedBytes?
    ) {
        guard let follower = httpFollowers[selection.follower] else { return }
        var blocks = EventStreamText.blocks(
            selection.entries, after: beginning(of: delivery), hasCursor: follower.hasCursor)
        if let standing { blocks.append(EventStreamText.control(standing)) }
        follower.deliver(blocks, count: selection.entries.count)
    }
}
