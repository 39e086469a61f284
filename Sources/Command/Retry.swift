// What tail does when its connection ends: go on, with what pause, or give up, with what words. Pure.

enum Retry {
    static let base = Duration.milliseconds(500)
    static let cap = Duration.seconds(30)
    private static let doublingsMax = 10

    /// Full jitter: from nothing to the bound, so that a thousand clients that lost one server do not
    /// come back as one. `chance` is a random number from 0 to 1.
    static func pause(afterFailures failures: Int, chance: Double) -> Duration {
        min(base * (1 << min(max(failures, 0), doublingsMax)), cap) * chance
    }

    enum Advice: Equatable {
        case again(String)
        case giveUp(Failure)
    }

    /// Close codes of protocol.md, section 4. Of 44xx only 4408 and 4429 are worth another try.
    static func advice(closeCode code: UInt16?, reason: String) -> Advice {
        let said = reason.isEmpty ? "" : " (\(PrintableText.plain(reason)))"
        switch code {
        case 4400:
            return .giveUp(Failure(.usage, "the server could not understand the request\(said)"))
        case 4401:
            return .giveUp(Failure(.refused, "the token is missing, wrong or has expired\(said)"))
        case 4403: return .giveUp(Failure(.refused, "the token does not cover this job\(said)"))
        case 4404: return .giveUp(Failure(.failed, "there is no such thing to follow\(said)"))
        case 4408: return .again("we were too slow")
        case 4429: return .again("too many connections or messages")
        case .some(let code) where 4400...4499 ~= code:
            return .giveUp(Failure(.refused, "the server refused for good, \(code)\(said)"))
        case 1012: return .again("the server restarts")
        case 1013: return .again("the server is overloaded")
        default: return .again("the connection ended")
        }
    }

    /// An answer that opened no WebSocket.
    static func advice(status: Int, body: String) -> Advice {
        let said = PrintableText.plain(body.prefix(200))
        switch status {
        case 401, 403: return .giveUp(Failure(.refused, "the server refused the token: \(said)"))
        case 429, 500...599: return .again("the server answered \(status)")
        default:
            return .giveUp(Failure(.failed, "is that a Jobwire? It answered \(status): \(said)"))
        }
    }
}
