// When a silent subscription is waited for and when its successor takes over, without a socket and without
// time passing.

import Loop
import Testing

@testable import Redis

@Suite("A silent subscription")
struct SuccessionTests {
    @Test("gets one successor, which is dropped as soon as it speaks")
    func speaks() {
        var succession = silent()
        #expect(succession.fellSilent(since: at(0), at: at(11)) == .nothing)
        #expect(succession.spoke() == .dropSuccessor)
        #expect(succession.spoke() == .nothing)
        #expect(succession.ended() == .nothing)
        #expect(succession.fellSilent(since: at(20), at: at(30)) == .connectSuccessor)
    }

    @Test("may still speak when its successor stands")
    func speaksInGrace() {
        var succession = silent()
        _ = succession.successorStands(at: at(10))
        #expect(succession.spoke() == .dropSuccessor)
        #expect(succession.graceEnded() == .nothing)
    }

    @Test("is given up when its successor stands and it has not spoken for a grace")
    func isGivenUp() {
        var succession = silent()
        #expect(succession.graceEnded() == .nothing)
        #expect(succession.successorStands(at: at(10)) == .waitOut(.seconds(1)))
        #expect(succession.graceEnded() == .takeOver)
        #expect(succession.graceEnded() == .nothing)
    }

    @Test(
        "is waited for as long again where its successor had to wait too, up to a limit",
        arguments: [(11, 1), (12, 12), (19, 19), (20, 20), (21, 20), (3_600, 20)]
            as [(Int64, Int64)])
    func grace(standsAt: Int64, grace: Int64) {
        var succession = silent()
        #expect(succession.successorStands(at: at(standsAt)) == .waitOut(.seconds(grace)))
    }

    @Test("is replaced at once when it ends, whatever its successor is at")
    func ends() {
        var sought = silent()
        #expect(sought.ended() == .takeOver)
        var stands = silent()
        _ = stands.successorStands(at: at(10))
        #expect(stands.ended() == .takeOver)
        #expect(stands.graceEnded() == .nothing)
    }

    @Test("is not given up for a successor that fell again")
    func successorFalls() {
        var succession = silent()
        _ = succession.successorStands(at: at(10))
        succession.successorFell()
        #expect(succession.graceEnded() == .nothing)
        #expect(succession.successorStands(at: at(30)) == .waitOut(.seconds(20)))
        #expect(succession.graceEnded() == .takeOver)
    }

    @Test("has no successor any more when it is stopped")
    func stops() {
        var succession = silent()
        #expect(succession.stopped() == .dropSuccessor)
        #expect(succession.stopped() == .nothing)
        #expect(succession.successorStands(at: at(11)) == .nothing)
    }

    /// Heard last at 0 and found silent at 10.
    private func silent() -> Succession {
        var succession = Succession(grace: .seconds(1)...(.seconds(20)))
        #expect(succession.fellSilent(since: at(0), at: at(10)) == .connectSuccessor)
        return succession
    }

    private func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }
}
