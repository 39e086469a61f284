// Close names the reasons for which the server ends a WebSocket, each with its code (protocol.md
// section 4). The name serves the log line and the metric, the code and the text go to the client.

import Jobs
import Telemetry
import Tokens
import Wire

enum Close: Error, Equatable {
    case done
    case draining
    case badRequest(String)
    case tokenRefused(TokenFault)
    case tokenExpired
    case ticketRefused(TicketFault)
    case cookieRefused(CookieFault)
    case tokenNeeded
    case tooManyTickets
    case authTimeout
    case notThisJob
    case notThisQueue
    case notThisFeed
    case notThisPath
    case noSuchFeed
    case mayNotPublish
    case rightsUnavailable
    case mayNotAdminister(AdminAction)
    case disconnected
    case originRefused
    case tooSlow(resumeFrom: Cursor?)
    case tooManyConnections
    case tooManyMessages
    case tooManyOfSubject
    case tooManyHandshakes(retryAfter: Int)
    case violation(FrameViolation)

    var code: UInt16 {
        switch self {
        case .done: 1000
        case .draining, .disconnected: 1012
        case .badRequest: 4400
        // The refusals that pass: a client that comes again may be let in.
        case .tokenRefused(.keysAwaited), .tokenRefused(.revocationsAwaited),
            .ticketRefused(.unavailable), .rightsUnavailable:
            1013
        case .cookieRefused(.originMissing), .tokenNeeded: 4403
        case .tokenRefused, .tokenExpired, .ticketRefused, .cookieRefused, .authTimeout: 4401
        case .notThisJob, .notThisFeed, .notThisQueue, .notThisPath, .mayNotPublish,
            .mayNotAdminister, .originRefused:
            4403
        case .noSuchFeed: 4404
        case .tooSlow: 4408
        case .tooManyConnections, .tooManyMessages, .tooManyOfSubject, .tooManyHandshakes,
            .tooManyTickets:
            4429
        case .violation(let violation): violation.closeCode
        }
    }

    /// The same refusal for who came by HTTP.
    var httpStatus: Int {
        switch code {
        case 4400: 400
        case 4401: 401
        case 4403: 403
        case 4404: 404
        case 4429: 429
        default: 503
        }
    }

    /// Seconds, for who may come again.
    var retryAfter: Int {
        switch self {
        case .tooManyHandshakes(let seconds): seconds
        case .tooManyTickets: Int(Worker.ticketLife.components.seconds)
        default: 1
        }
    }

    /// A token or a ticket came, and is none. What is asked without one is no guess.
    var isOfBadToken: Bool {
        switch self {
        case .tokenRefused(let fault): fault != .missing && code == 4401
        case .ticketRefused, .cookieRefused: code == 4401
        default: false
        }
    }

    var authRefusal: AuthRefusal? {
        switch self {
        case .tokenRefused(let fault): AuthRefusal(fault)
        case .tokenExpired: .expired
        case .ticketRefused, .tokenNeeded: .ticket
        case .cookieRefused: .cookie
        case .authTimeout: .timedOut
        case .notThisJob, .notThisFeed, .notThisQueue, .notThisPath, .mayNotPublish,
            .mayNotAdminister:
            .job
        default: nil
        }
    }

    var name: String {
        switch self {
        case .done: "done"
        case .draining: "draining"
        case .badRequest: "bad_request"
        case .tokenRefused(let fault): "token_\(fault.rawValue)"
        case .tokenExpired: "token_expired"
        case .ticketRefused(let fault): "ticket_\(fault.rawValue)"
        case .cookieRefused(let fault): "cookie_\(fault.rawValue)"
        case .tokenNeeded: "token_needed"
        case .tooManyTickets: "too_many_tickets"
        case .authTimeout: "auth_timeout"
        case .notThisJob: "not_this_job"
        case .notThisQueue: "not_this_queue"
        case .notThisFeed: "not_this_feed"
        case .notThisPath: "not_this_path"
        case .noSuchFeed: "no_such_feed"
        case .mayNotPublish: "may_not_publish"
        case .rightsUnavailable: "rights_unavailable"
        case .mayNotAdminister(let action): "may_not_\(action.rawValue)"
        case .disconnected: "disconnected"
        case .originRefused: "origin_refused"
        case .tooSlow: "too_slow"
        case .tooManyConnections: "too_many_connections"
        case .tooManyMessages: "too_many_messages"
        case .tooManyOfSubject: "too_many_of_subject"
        case .tooManyHandshakes: "too_many_handshakes"
        case .violation(let violation): violation.rawValue
        }
    }

    /// At most 123 bytes, and never a secret.
    var reason: String {
        switch self {
        case .done: ""
        case .draining: "restarting, come back with jitter"
        case .badRequest(let what): String(what.prefix(120))
        case .tokenRefused(let fault): fault.message
        case .tokenExpired: "the token has expired"
        case .ticketRefused(let fault): fault.message
        case .cookieRefused(let fault): fault.message
        case .tooManyTickets: "too many tickets were given a moment ago"
        case .tokenNeeded: "a ticket can't be traded: bring the token"
        case .authTimeout: "no token came in time"
        case .notThisJob: "the token does not cover this job"
        case .notThisQueue: "the token does not cover this queue"
        case .notThisFeed: "the token does not cover this feed"
        case .notThisPath: "the token has not the scope that this path needs"
        case .noSuchFeed: "there is no such feed"
        case .mayNotPublish: "the token may not publish events of this job"
        case .rightsUnavailable: "whether this may be seen can't be known at the moment; come again"
        case .mayNotAdminister(let action): "\(action.phrase) needs the scope admin"
        case .disconnected: "disconnected by an operator, come back with jitter"
        case .originRefused: "this origin is not allowed"
        case .tooSlow(let cursor): cursor.map { "too slow, resume after \($0)" } ?? "too slow"
        case .tooManyConnections: "too many connections"
        case .tooManyMessages: "too many messages"
        case .tooManyOfSubject: "too many connections of this token's subject"
        case .tooManyHandshakes(let seconds): "too many handshakes, come back in \(seconds) s"
        case .violation(let violation): violation.rawValue
        }
    }
}
