// An errand is what a loop is asked to do for an operator, a report what came of it. They go by mail, also to
// the own loop, so that however many connections there are a loop looks at a few hundred of them at a time
// and serves its clients in between.

import Hub
import Jobs
import Loop
import Wire

enum Errand: Sendable {
    /// Lists connections from a place on: so many rows, and bytes of them.
    case list(ConnectionFilter, from: Int, rows: Int, bytes: Int)
    /// Closes the connection of this number, if it is found from a place on.
    case disconnect(serial: Int, from: Int)
    case broadcast(Broadcast)
    /// Of loop 0: what the bridge says of itself.
    case stats
}

struct Report: Sendable {
    /// Each as JSON, and where the walk stands behind it.
    var rows: [(json: [UInt8], end: Int)] = []
    /// Where to go on; nil when all places were seen.
    var next: Int?
    /// No more is wanted.
    var isFull = false
    /// How many were told, or sent away.
    var reached = 0
    var stats: [UInt8] = []
}

enum ErrandMail: Sendable {
    case errand(Errand, loop: Int, ticket: UInt64)
    case report(Report, ticket: UInt64)
}

/// What a loop keeps for operators.
struct Office {
    var awaited: [UInt64: (Report) -> Void] = [:]
    /// For other bridges, and on loop 0.
    var walks = 0
    /// On loop 0: how much was going on of late.
    var rates = Rates()
}

extension Worker {
    /// So many places a loop looks at for one errand: some tens of microseconds.
    static let placesMax = 512
    /// A walk that took longer leaves the rest to the next page.
    static let walkMax = Duration.seconds(1)
    /// Whoever may publish in Redis can ask: beyond so many at a time nobody is answered.
    static let walksMax = 64

    func send(_ errand: Errand, to loop: Int, _ answer: @escaping (Report) -> Void) {
        nextTicket += 1
        office.awaited[nextTicket] = answer
        house.mailboxes[loop].post(.errand(.errand(errand, loop: index, ticket: nextTicket)))
    }

    /// The answer comes when the last loop has answered.
    func sendToAll(_ errand: Errand, _ answer: @escaping (_ reached: Int) -> Void) {
        var (left, reached) = (house.mailboxes.count, 0)
        for loop in house.mailboxes.indices {
            send(errand, to: loop) { report in
                left -= 1
                reached += report.reached
                if left == 0 { answer(reached) }
            }
        }
    }

    func receive(_ mail: ErrandMail) {
        switch mail {
        case .errand(let errand, let loop, let ticket):
            house.mailboxes[loop].post(.errand(.report(carryOut(errand), ticket: ticket)))
        case .report(let report, let ticket): office.awaited.removeValue(forKey: ticket)?(report)
        }
    }

    private func carryOut(_ errand: Errand) -> Report {
        switch errand {
        case .list(let filter, let from, let rows, let bytes):
            list(filter, from: from, rows: rows, bytes: bytes)
        case .disconnect(let serial, let from): disconnect(serial, from: from)
        case .broadcast(let broadcast): Report(reached: deliver(broadcast))
        case .stats: Report(stats: stats())
        }
    }

    /// The errand, from place to place and from loop to loop, as long as `take` wants more.
    func walk(
        from place: ConnectionPlace, _ errand: @escaping (_ from: Int) -> Errand,
        _ take: @escaping (Report, ConnectionPlace) -> Bool,
        whenOver: @escaping (_ next: ConnectionPlace?) -> Void
    ) {
        walk(from: place, until: loop.now + Self.walkMax, errand, take, whenOver)
    }

    private func walk(
        from place: ConnectionPlace, until end: Instant, _ errand: @escaping (Int) -> Errand,
        _ take: @escaping (Report, ConnectionPlace) -> Bool,
        _ whenOver: @escaping (ConnectionPlace?) -> Void
    ) {
        guard place.loop < house.mailboxes.count else { return whenOver(nil) }
        send(errand(place.index), to: place.loop) { [unowned self] report in
            let next =
                report.next.map { ConnectionPlace(loop: place.loop, index: $0) }
                ?? ConnectionPlace(loop: place.loop + 1)
            guard take(report, place), loop.now < end else {
                return whenOver(next.loop < house.mailboxes.count ? next : nil)
            }
            walk(from: next, until: end, errand, take, whenOver)
        }
    }

    // MARK: on each loop

    private func places(from first: Int) -> Range<Int> {
        min(first, sessions.count)..<min(first + Self.placesMax, sessions.count)
    }

    private func list(
        _ filter: ConnectionFilter, from first: Int, rows: Int, bytes: Int
    ) -> Report {
        let places = places(from: first)
        var (report, left) = (Report(), bytes)
        for place in places {
            guard let listing = listing(at: place, filter) else { continue }
            let json = listing.json(of: house.node)
            guard report.rows.count < rows, json.count <= left else {
                (report.next, report.isFull) = (place, true)
                return report
            }
            left -= json.count
            report.rows.append((json, place + 1))
        }
        if places.upperBound < sessions.count { report.next = places.upperBound }
        return report
    }

    private func listing(at place: Int, _ filter: ConnectionFilter) -> ConnectionListing? {
        let id = FollowerID(index: Int32(place))
        if let session = sessions[place] {
            guard filter.admits(session.grant?.subject) else { return nil }
            if let job = filter.job, !session.isFollowing(job), !hub.isViewed(job, by: id) {
                return nil
            }
            return session.listing
        }
        guard let follower = httpFollowers[id], filter.admits(follower.grant.subject) else {
            return nil
        }
        if let job = filter.job, follower.subject != .job(job), !hub.isViewed(job, by: id) {
            return nil
        }
        return follower.listing
    }

    private func disconnect(_ serial: Int, from first: Int) -> Report {
        let places = places(from: first)
        for place in places {
            if let session = sessions[place], session.caller.serial == serial,
                !session.isClosing
            {
                session.close(.disconnected)
                return Report(isFull: true, reached: 1)
            }
            let follower = httpFollowers[FollowerID(index: Int32(place))]
            if let follower, follower.caller.serial == serial, !follower.isClosing {
                follower.disconnect()
                return Report(isFull: true, reached: 1)
            }
        }
        return Report(next: places.upperBound < sessions.count ? places.upperBound : nil)
    }
}
