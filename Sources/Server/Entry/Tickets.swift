// Tickets: a token goes into Redis sealed, and whoever brings the ticket has it opened, once, by whichever
// bridge. From there on he is who the token says, checked as if he had brought the token itself.

import Fleet
import Loop
import Tokens

/// Why a ticket is refused. Who hears it has the ticket, so that there is nothing to be learned by trying.
enum TicketFault: String, Error {
    case malformed, unknown, used, expired
    /// What was kept under its name is not what was sealed with it.
    case broken
    case unavailable

    var message: String {
        switch self {
        case .malformed: "that is no ticket"
        case .unknown: "there is no such ticket, or no more"
        case .used: "the ticket was used before"
        case .expired: "the ticket has ended"
        case .broken: "the ticket's token can't be read"
        case .unavailable: "tickets can't be kept or looked up now, come again"
        }
    }
}

/// How many tickets may be given in the time that one lasts: each keeps a token in Redis.
struct TicketAllowance {
    let max: Int
    let perSubjectMax: Int
    private var since: Instant
    private var given = 0
    private var bySubject: [TokenHolder?: Int] = [:]

    init(max: Int, perSubjectMax: Int, at now: Instant) {
        (self.max, self.perSubjectMax, since) = (max, perSubjectMax, now)
    }

    mutating func take(for holder: TokenHolder?, at now: Instant) -> Bool {
        if now - since >= Worker.ticketLife {
            (since, given, bySubject) = (now, 0, [:])
        }
        guard given < max, bySubject[holder, default: 0] < perSubjectMax else { return false }
        given += 1
        bySubject[holder, default: 0] += 1
        return true
    }
}

extension Worker {
    static let ticketLife = Duration.seconds(30)
    /// It is kept for longer, so that who comes late is told so.
    private static let ticketKept = Duration.seconds(60)
    /// What is left in its place; no sealed token begins so.
    private static let usedMark: [UInt8] = [0]

    func giveTicket(
        to bearer: Bearer,
        _ answer: @escaping (Result<(text: String, seconds: Int64), Close>) -> Void
    ) throws(Close) {
        let now = WallClock.milliseconds()
        let seconds = min(
            Self.ticketLife.components.seconds,
            bearer.grant.expiresAt.map { $0 - now / 1_000 } ?? .max)
        // The leeway is for clocks that differ, not for more time.
        guard seconds > 0 else { throw .tokenRefused(.expired) }
        guard tickets.take(for: TokenHolder(bearer.grant), at: loop.now) else {
            throw .tooManyTickets
        }
        let (ticket, name, kept): (Ticket, [UInt8], [UInt8])
        do throws(TokenSetupFault) {
            ticket = try Ticket()
            name = try ticket.name()
            kept = try ticket.sealed(bearer.token, until: now + seconds * 1_000)
        } catch { throw .ticketRefused(.unavailable) }
        put(name, kept, for: Self.ticketKept) { result in
            answer(
                result.map { (ticket.text, seconds) }
                    .mapError { _ in .ticketRefused(.unavailable) })
        }
    }

    func redeem(_ text: String, _ answer: @escaping (Result<Bearer, Close>) -> Void) {
        guard let ticket = Ticket(text) else {
            return answer(.failure(.ticketRefused(.malformed)))
        }
        guard let name = try? ticket.name() else {
            return answer(.failure(.ticketRefused(.unavailable)))
        }
        take(name, leaving: Self.usedMark) { [unowned self] result in
            do throws(Close) {
                guard case .success(let kept) = result else { throw .ticketRefused(.unavailable) }
                answer(.success(try door.bearer(of: try token(of: ticket, kept))))
            } catch { answer(.failure(error)) }
        }
    }

    private func token(of ticket: Ticket, _ kept: [UInt8]?) throws(Close) -> String {
        guard let kept else { throw .ticketRefused(.unknown) }
        guard kept != Self.usedMark else { throw .ticketRefused(.used) }
        let opened: (token: String, end: Int64)?
        do throws(TokenSetupFault) { opened = try ticket.opened(kept) } catch {
            throw .ticketRefused(.unavailable)
        }
        guard let opened else { throw .ticketRefused(.broken) }
        guard WallClock.milliseconds() < opened.end else { throw .ticketRefused(.expired) }
        return opened.token
    }
}
