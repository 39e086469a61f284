// A schedule that chance does not find: one bridge has moved on to the new primary, another's
// subscription as well, but its commands still reach the one that was replaced.
//
// Nothing recorded depends on it, since a bridge is not aligned before its own question has come back to
// it. Its followers do: what is read from the past is told to them, and with no era opened since and no
// event of their job nobody would ever look again.

import Jobs
import Testing

@testable import Feed

@Suite("A primary that was replaced and lives on")
struct ReplacedPrimaryTests {
    @Test("no client is shown the past of a primary that was replaced")
    func isNotAsked() throws {
        let (seen, kept) = try cursors(without: [])
        #expect(seen == kept)
    }

    @Test("without the check that both connections are at one server, it is")
    func isNeeded() throws {
        let (seen, kept) = try cursors(without: [.sameServer])
        #expect(seen != kept)
    }

    /// Where the client believes its job to be in the end, and where it is.
    private func cursors(without removed: [Check]) throws -> (Cursor?, Cursor?) {
        let world = try #require(
            (1...50).lazy.map { World(Schedule(seed: $0, removed: removed)) }
                .first { $0.bridges.count == 2 })
        let (first, second) = (world.bridges[0], world.bridges[1])
        for bridge in world.bridges { bridge.isAlive = true }
        let client = world.clients[0]
        try second.join(client)
        try world.drive { world.bridges.allSatisfy(\.recorder.isAligned) }
        let before = world.redis.store
        for uid in 0..<3 { try world.redis.durable(client.job, uid) }
        try world.drive { client.cursor?.seq == 3 }

        let old = world.redis
        world.replace(by: before, true)
        world.aim = world.redis
        first.cutSubscription()
        first.cutCommands()
        try world.drive([first]) { first.recorder.isAligned }
        second.leave(client)
        second.cutSubscription()
        try second.join(client)
        try world.drive([second], rounds: 4) { false }
        world.bury(old)
        try world.drive { world.bridges.allSatisfy(\.recorder.isAligned) }
        try world.drive(rounds: 10) { false }
        let kept = world.redis.store.jobs[client.job]
        // Clients are told no epoch before the first event.
        return (
            client.cursor, kept.map { Cursor(epoch: $0.seq > 0 ? $0.epoch : nil, seq: $0.seq) }
        )
    }
}

extension World {
    /// The bridges do what there is to do, in turn, until it has come about.
    fileprivate func drive(
        _ some: [SimulatedBridge]? = nil, rounds: Int = 200, until isDone: () -> Bool
    ) throws(Violation) {
        for _ in 0..<rounds where !isDone() {
            for bridge in some ?? bridges {
                for action in bridge.actions { try bridge.take(action) }
                while let commands = bridge.commands, !commands.requests.isEmpty,
                    commands.redis.isAlive
                { try run(commands) }
            }
            pass(.milliseconds(100))
        }
    }
}
