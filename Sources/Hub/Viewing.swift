// Viewing is a topic's part in views: who is in it by one, and from which queue or owner to which the
// job has gone.
// Most topics of a server without views never have one.

import Jobs

final class Viewing {
    /// A change of queue or owner that has been heard and not yet handed out.
    struct Move {
        let through: UInt64
        let from: Belonging
        let to: Belonging

        var changesOwner: Bool {
            from.owner.map { !to.isOwned(by: $0) } ?? false
        }
    }

    /// Who follows the topic by a view, and by no subscription of its own.
    var viewers: Set<FollowerID> = []
    /// What the topic knows of `Views.version`.
    var version: UInt64 = 0
    /// The job's at the last event handed out.
    var belonging = Belonging()
    var moves: [Move] = []
    /// Nobody has followed the topic yet: what is before the event that it was opened for.
    var announced: Cursor?
    /// Nobody but views has asked for it, so its ring is short, and it may be let go.
    var isBrief = false
    /// Since the sweep last passed.
    var wasActive = true
    /// In the hub's list of topics with a part in views.
    var place: Int?
}

extension Topic {
    var standing: Cursor { Cursor(epoch: epoch, seq: seq) }
    /// Those who follow the job itself.
    var ownFollowers: Int { watchers - (viewing?.viewers.count ?? 0) }

    var part: Viewing {
        if let viewing { return viewing }
        let made = Viewing()
        viewing = made
        return made
    }

    /// Whether the latest entries are all that is wanted of the feed.
    var isBriefEnough: Bool { viewing?.isBrief == true && ownFollowers == 0 }

    func contains(_ follower: FollowerID) -> Bool {
        reading[follower] != nil || live.contains(follower)
            || filtered.contains { $0.follower == follower }
            || waiting.contains { $0.follower == follower }
    }

    func hasWelcomed(_ follower: FollowerID) -> Bool {
        waiting.first { $0.follower == follower }?.isKnown ?? true
    }

    /// What the follower has been handed or is sure to be.
    func standing(of follower: FollowerID) -> Cursor {
        if let reader = reading[follower] { return reader.standing }
        if let held = filtered.first(where: { $0.follower == follower })?.pace?.firstHeld {
            return Cursor(epoch: epoch, seq: held - 1)
        }
        return waiting.first { $0.follower == follower }?.wish.after ?? standing
    }

    func isHeld(_ follower: FollowerID, _ held: Set<FollowerID>) -> Bool {
        !held.isEmpty && held.contains(follower)
            && viewing?.viewers.contains(follower) == true
    }

    func noteMove(from old: Belonging, through seq: UInt64) {
        let new = snapshot.belonging
        guard new != old else { return }
        part.moves.append(Viewing.Move(through: seq, from: old, to: new))
    }
}
