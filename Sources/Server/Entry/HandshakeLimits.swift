// HandshakeLimits bounds what strangers may cost us: so many handshakes a second from one address and from all,
// and so many refusals that are explained by a WebSocket. For all loops together.
//
// A WebSocket handshake counts, whether it is let in or not, and a request whose token is refused, so that
// guessing is as slow by HTTP. One lock, held for a lookup, once for each of these.
//
// Invariant: at most `addressesMax` addresses are remembered. More are not one client's doing: the ones longest
// silent are forgotten, which forgives them, and the limit for all holds.

import Loop

final class HandshakeLimits: Sendable {
    struct Limits {
        var perSecond = Int.max
        var burst = Int.max
        var perAddressPerSecond = Int.max
        var perAddressBurst = Int.max
        var explainedPerSecond = Int.max
    }

    enum Verdict: Equatable {
        case allowed
        case tooMany(retryAfter: Int)
        case tooManyFromAddress(retryAfter: Int)
    }

    static let addressesMax = 65_536

    private struct State {
        var all: Allowance
        var explained: Allowance
        var addresses = RecentAddresses(max: HandshakeLimits.addressesMax)
    }

    private let limits: Limits
    private let guarded: Guarded<State>

    init(_ limits: Limits, at now: Instant) {
        self.limits = limits
        guarded = Guarded(
            State(all: Allowance(at: now), explained: Allowance(at: now)))
    }

    /// Takes one, first of the address and then of all: who is refused takes nothing from the others.
    func take(_ network: PeerAddress, at now: Instant) -> Verdict {
        guarded.withLock { state in
            var own = state.addresses[network] ?? Allowance(at: now)
            let isAllowed = own.take(
                perSecond: limits.perAddressPerSecond, burst: limits.perAddressBurst, at: now)
            state.addresses[network] = own
            guard isAllowed else {
                return .tooManyFromAddress(
                    retryAfter: own.secondsUntilOne(
                        perSecond: limits.perAddressPerSecond, burst: limits.perAddressBurst,
                        at: now))
            }
            guard state.all.take(perSecond: limits.perSecond, burst: limits.burst, at: now) else {
                return .tooMany(
                    retryAfter: state.all.secondsUntilOne(
                        perSecond: limits.perSecond, burst: limits.burst, at: now))
            }
            return .allowed
        }
    }

    /// Whether the address has one left. Nothing is taken.
    func mayTry(_ network: PeerAddress, at now: Instant) -> Verdict {
        guarded.withLock { state in
            guard var own = state.addresses[network] else { return .allowed }
            let isAllowed = own.take(
                perSecond: limits.perAddressPerSecond, burst: limits.perAddressBurst, at: now)
            return isAllowed
                ? .allowed
                : .tooManyFromAddress(
                    retryAfter: own.secondsUntilOne(
                        perSecond: limits.perAddressPerSecond, burst: limits.perAddressBurst,
                        at: now))
        }
    }

    /// Whether one more handshake may be completed only to be closed.
    func mayExplain(at now: Instant) -> Bool {
        guarded.withLock { state in
            state.explained.take(
                perSecond: limits.explainedPerSecond, burst: limits.explainedPerSecond, at: now)
        }
    }
}

/// Half of them each: when the young are too many they become the old, and the old are forgotten.
struct RecentAddresses {
    let max: Int
    private var young: [PeerAddress: Allowance] = [:]
    private var old: [PeerAddress: Allowance] = [:]

    init(max: Int) { self.max = max }

    var count: Int { young.count + old.count }

    subscript(network: PeerAddress) -> Allowance? {
        get { young[network] ?? old[network] }
        set {
            if young[network] == nil {
                old[network] = nil
                if young.count >= Swift.max(max / 2, 1) { (old, young) = (young, [:]) }
            }
            young[network] = newValue
        }
    }
}
