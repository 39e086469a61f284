// Admission counts the open connections, in all and per address, for all loops together.
//
// It is asked when a connection begins and told when it ends, never between: the one lock of the
// server is not on the path of an event. A refused connection is counted too, as long as it lasts,
// so that refusals can't be used to exceed the limits by much.

import Synchronization

final class Admission: Sendable {
    enum Verdict: Equatable { case admitted, tooMany, tooManyFromAddress, noRoomToRefuse }

    /// Given back when the connection ends.
    struct Ticket {
        let address: String
        let verdict: Verdict
    }

    /// So many connections above the limit may stay long enough to be told why they are refused.
    static let refusedMax = 256

    private struct Counts {
        var total = 0
        var refused = 0
        var byAddress: [String: Int] = [:]
    }

    private let connectionsMax: Int
    private let perAddressMax: Int
    private let counts = Mutex(Counts())

    init(connectionsMax: Int, perAddressMax: Int) {
        self.connectionsMax = connectionsMax
        self.perAddressMax = perAddressMax
    }

    var total: Int { counts.withLock { $0.total } }

    func admit(_ address: String) -> Ticket {
        Ticket(address: address, verdict: verdict(address))
    }

    private func verdict(_ address: String) -> Verdict {
        counts.withLock { counts in
            let fromAddress = counts.byAddress[address, default: 0]
            let isFull = counts.total - counts.refused >= connectionsMax
            let isRefused = isFull || fromAddress >= perAddressMax
            if isRefused && counts.refused >= Self.refusedMax { return .noRoomToRefuse }
            counts.total += 1
            counts.byAddress[address] = fromAddress + 1
            guard isRefused else { return .admitted }
            counts.refused += 1
            return isFull ? .tooMany : .tooManyFromAddress
        }
    }

    func release(_ ticket: Ticket) {
        guard ticket.verdict != .noRoomToRefuse else { return }
        counts.withLock { counts in
            counts.total -= 1
            if ticket.verdict != .admitted { counts.refused -= 1 }
            let left = counts.byAddress[ticket.address, default: 1] - 1
            counts.byAddress[ticket.address] = left > 0 ? left : nil
        }
    }
}
