// Admission counts the open connections for all loops together: in all, per address and per subject.
//
// It is asked when a connection begins and told when it ends, never between: the lock is not on the path
// of an event. Refused connections are counted apart, as long as they last, so that refusals can't be
// used to exceed the limits by much. What a connection is counted for, its `Caller` gives back.
//
// Invariant: no entry of a table is zero, so that both are as small as what is open.

import Loop

final class Admission: Sendable {
    enum Verdict: Equatable { case admitted, tooMany, tooManyFromAddress, noRoomToRefuse }

    /// So many connections above the limit may stay long enough to be told why they are refused.
    static let refusedMax = 256

    struct Limits {
        var connectionsMax = Int.max
        var perAddressMax = Int.max
        var perSubjectMax = Int.max
    }

    struct Counts: Equatable {
        var total = 0
        var refused = 0
        /// By the network that counts as one address.
        var byAddress: [PeerAddress: Int] = [:]
        var byHolder: [TokenHolder: Int] = [:]
    }

    private let limits: Limits
    private let guarded = Guarded(Counts())

    init(_ limits: Limits) { self.limits = limits }

    var counts: Counts { guarded.withLock { $0 } }

    /// A connection begins; `network` is nil where it is not yet known whose it is.
    func admit(_ network: PeerAddress?) -> Verdict {
        guarded.withLock { counts in
            let isFull = counts.total - counts.refused >= limits.connectionsMax
            let isCrowded = network.map {
                counts.byAddress[$0, default: 0] >= limits.perAddressMax
            }
            let isRefused = isFull || isCrowded ?? false
            if isRefused && counts.refused >= Self.refusedMax { return .noRoomToRefuse }
            counts.total += 1
            guard isRefused else {
                if let network { counts.byAddress[network, default: 0] += 1 }
                return .admitted
            }
            counts.refused += 1
            return isFull ? .tooMany : .tooManyFromAddress
        }
    }

    /// The connection has ended that was given this verdict. What else it was counted for is told apart.
    func leave(_ verdict: Verdict) {
        guard verdict != .noRoomToRefuse else { return }
        guarded.withLock { counts in
            counts.total -= 1
            if verdict != .admitted { counts.refused -= 1 }
        }
    }

    /// An admitted connection turns out to be of this network. False, and not counted, where it is one too many.
    func count(_ network: PeerAddress) -> Bool {
        guarded.withLock { $0.byAddress.count(network, atMost: limits.perAddressMax) }
    }

    func uncount(_ network: PeerAddress) { guarded.withLock { $0.byAddress.uncount(network) } }

    func count(_ holder: TokenHolder) -> Bool {
        guarded.withLock { $0.byHolder.count(holder, atMost: limits.perSubjectMax) }
    }

    func uncount(_ holder: TokenHolder) { guarded.withLock { $0.byHolder.uncount(holder) } }
}

extension Dictionary where Value == Int {
    fileprivate mutating func count(_ key: Key, atMost most: Int) -> Bool {
        let present = self[key, default: 0]
        guard present < most else { return false }
        self[key] = present + 1
        return true
    }

    fileprivate mutating func uncount(_ key: Key) {
        let left = self[key, default: 1] - 1
        self[key] = left > 0 ? left : nil
    }
}
