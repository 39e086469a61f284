// Why a ticket is refused. Who hears it has the ticket already, so there is nothing to learn from the reason.

enum TicketFault: String, Error {
    case malformed
    case unavailable

    var message: String {
        switch self {
        case .malformed: "that is no ticket"
        case .unavailable: "tickets can't be looked up now, come again"
        }
    }
}
