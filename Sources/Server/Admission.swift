// Admission counts the open connections, in all and per address, for all loops together.
//
// It is asked when a connection begins and told when it ends, never between: the one lock of the
// server is not on the path of an event. Refused connections are counted apart, as long as they last,
// so that refusals can't be used to exceed the limits by much.

import Loop

final class Admission: Sendable {
    enum Verdict: Equatable { case admitted, tooMany, tooManyFromAddress, noRoomToRefuse }

    /// So many connections above the limit may stay long enough to be told why they are refused.
    static let refusedMax = 256

    private struct Counts {
        var total = 0
        var refused = 0
        var byAddress: [String: Int] = [:]
    }

    private let connectionsMax: Int
    private let perAddressMax: Int
    private let counts = Guarded(Counts())

    init(connectionsMax: Int, perAddressMax: Int) {
        self.connectionsMax = connectionsMax
        self.perAddressMax = perAddressMax
    }

    var total: Int { counts.withLock { $0.total } }

    func admit(_ address: String) -> Verdict {
        counts.withLock { counts in
            let fromAddress = counts.byAddress[address, default: 0]
            let isFull = counts.total - counts.refused >= connectionsMax
            let isRefused = isFull || fromAddress >= perAddressMax
            if isRefused && counts.refused >= Self.refusedMax { return .noRoomToRefuse }
            counts.total += 1
            guard isRefused else {
                counts.byAddress[address] = fromAddress + 1
                return .admitted
            }
            counts.refused += 1
            return isFull ? .tooMany : .tooManyFromAddress
        }
    }

    /// The connection has ended that was given this verdict.
    func release(_ address: String, _ verdict: Verdict) {
        guard verdict != .noRoomToRefuse else { return }
        counts.withLock { counts in
            counts.total -= 1
            guard verdict == .admitted else {
                counts.refused -= 1
                return
            }
            let left = counts.byAddress[address, default: 1] - 1
            counts.byAddress[address] = left > 0 ? left : nil
        }
    }
}
