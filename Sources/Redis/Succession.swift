// What becomes of a subscription that has fallen silent. Pure.
//
// To close it would lose what Redis, or the network, still holds for it. So a successor is made beside it,
// and as soon as the silent one speaks, all is as it was. Only when the successor stands and the silent one
// has not spoken for a grace either does the successor take its place; at once when the silent one ends.
//
// The grace is short where the successor came through at once: then only the silent one was cut off. Where
// the successor had to wait too, all stood still, and TCP, which doubles its pauses, may need as long again
// until it sends what was published meanwhile.

import Loop

struct Succession {
    enum Step: Equatable {
        case nothing
        case connectSuccessor
        case waitOut(Duration)
        case dropSuccessor
        case takeOver
    }

    private enum Phase {
        case none
        case sought(from: Instant, silentSince: Instant)
        case stands(from: Instant, silentSince: Instant)
    }

    private let grace: ClosedRange<Duration>
    private var phase = Phase.none

    init(grace: ClosedRange<Duration>) { self.grace = grace }

    mutating func fellSilent(since: Instant, at now: Instant) -> Step {
        guard case .none = phase else { return .nothing }
        phase = .sought(from: now, silentSince: since)
        return .connectSuccessor
    }

    mutating func spoke() -> Step { end(.dropSuccessor) }

    mutating func successorStands(at now: Instant) -> Step {
        guard case .sought(let from, let silentSince) = phase else { return .nothing }
        phase = .stands(from: from, silentSince: silentSince)
        guard now - from > grace.lowerBound else { return .waitOut(grace.lowerBound) }
        return .waitOut(min(now - silentSince, grace.upperBound))
    }

    /// It goes on trying.
    mutating func successorFell() {
        guard case .stands(let from, let silentSince) = phase else { return }
        phase = .sought(from: from, silentSince: silentSince)
    }

    mutating func graceEnded() -> Step {
        guard case .stands = phase else { return .nothing }
        return end(.takeOver)
    }

    /// The silent one, or one that spoke: then it tries again by itself.
    mutating func ended() -> Step { end(.takeOver) }

    mutating func stopped() -> Step { end(.dropSuccessor) }

    private mutating func end(_ step: Step) -> Step {
        if case .none = phase { return .nothing }
        phase = .none
        return step
    }
}
