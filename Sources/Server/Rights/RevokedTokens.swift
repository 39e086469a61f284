// RevokedTokens is what one loop knows of revocations. Each token is held against it before it counts, also one
// that was seen before; and when there are new ones, whoever is connected is looked through.
//
// Fail closed: until it is known what is revoked no token counts. Once known it stands, whatever becomes of Redis.

import Fleet
import Loop
import Synchronization
import Telemetry
import Tokens

final class RevokedTokens: TimerTarget {
    /// Many revocations in a row cost one look at all connections.
    static let pause: Duration = .milliseconds(50)
    static let sweepInterval: Duration = .seconds(60)

    private let loop: Loop
    private(set) var list: Revocations
    private var areKnown = false
    /// Those that no connection has been looked at for.
    private var lately: Revocations
    private var isDue = false
    private var sweptAt: Instant
    /// Ends who is connected with a token that one of these covers.
    var whenNew: (Revocations) -> Void = { _ in }

    init(_ loop: Loop, max: Int) {
        self.loop = loop
        (list, lately) = (Revocations(max: max), Revocations(max: max))
        sweptAt = loop.now
    }

    func check(_ grant: Grant) throws(TokenFault) {
        guard areKnown else { throw .revocationsAwaited }
        guard !list.cover(grant) else { throw .revoked }
    }

    func know() { areKnown = true }

    func add(_ revocations: [Revocation]) {
        for each in revocations where insert(each) == .new { _ = lately.insert(each) }
        guard !isDue, lately.count > 0 else { return }
        isDue = true
        _ = loop.arm(self, after: Self.pause)
    }

    /// What the fleet had room for there is room for here, once what has ended is forgotten here too.
    private func insert(_ revocation: Revocation) -> Revocations.Insertion {
        let insertion = list.insert(revocation)
        guard insertion == .full else { return insertion }
        list.sweep(now: WallClock.milliseconds() / 1_000)
        return list.insert(revocation)
    }

    func timerFired(_ id: TimerID) {
        isDue = false
        let new = lately
        lately = Revocations(max: new.max)
        whenNew(new)
    }

    func sweep(now: Int64) {
        guard loop.now >= sweptAt + Self.sweepInterval else { return }
        sweptAt = loop.now
        list.sweep(now: now)
    }
}

extension Revocations {
    func cover(_ grant: Grant) -> Bool {
        cover(issuer: grant.issuer, subject: grant.subject, id: grant.id, issuedAt: grant.issuedAt)
    }
}

extension Worker {
    func endRevoked(_ revocations: Revocations) {
        for case let session? in sessions {
            if case .open(let grant) = session.phase, revocations.cover(grant) {
                session.close(.tokenRefused(.revoked))
            }
        }
        for follower in httpFollowers.values where revocations.cover(follower.grant) {
            follower.revoke()
        }
        rights.endRevoked(revocations)
    }

    /// All that was revoked has come by mail before this.
    func knowRevocations() {
        revoked.know()
        let knowing = house.loopsKnowing.add(1, ordering: .relaxed).newValue
        guard knowing == house.mailboxes.count else { return }
        house.areRevocationsKnown.store(true, ordering: .relaxed)
        log.info("revocations_known", ["revocations": .integer(revoked.list.count)])
    }

    /// Once a second.
    func sweepRevocations() {
        revoked.sweep(now: WallClock.milliseconds() / 1_000)
        if let fleet { metrics.revocations.set(fleet.revocations.count) }
    }
}
