// What becomes of a request to revoke: whose token a connection has is found out first, perhaps on another bridge.

import Fleet
import Loop
import Tokens
import Wire

extension Worker {
    func carryOut(
        _ request: RevocationRequest, _ answer: @escaping (_ outcome: String, Response) -> Void
    ) {
        let usual = WallClock.milliseconds() / 1_000 + settings.revocationExpiry.components.seconds
        switch request.wanted {
        case .target(let target):
            carryOut(Revocation(target, until: request.until ?? usual), answer)
        case .connection(let connection):
            token(of: connection) { [weak self] found in
                switch found {
                case .success(let token?):
                    let end = token.expiresAt.flatMap { self?.lastSecond(ofTokenEndingAt: $0) }
                    self?.carryOut(
                        Revocation(.token(token.name), until: request.until ?? end ?? usual), answer
                    )
                case .success(nil):
                    answer("no_such_connection", .noSuchConnection)
                case .failure(let fault):
                    answer(
                        fault.name,
                        .unavailable(fault.name, "that connection's bridge: \(fault.message)"))
                }
            }
        }
    }

    private func lastSecond(ofTokenEndingAt end: Int64) -> Int64? {
        let leeway = settings.tokenLeeway.components.seconds
        let (last, overflows) = end.addingReportingOverflow(leeway + 1)
        return overflows ? nil : last
    }

    private func carryOut(
        _ revocation: Revocation, _ answer: @escaping (_ outcome: String, Response) -> Void
    ) {
        revoke(revocation) { result in
            switch result {
            case .success: answer(Audit.done, RevocationListing.response(revocation))
            case .failure(.full):
                answer(
                    FleetFault.full.name,
                    .error(507, FleetFault.full.name, FleetFault.full.message))
            case .failure(let fault):
                answer(
                    fault.name,
                    .unavailable(fault.name, "revoked on this bridge only: \(fault.message)"))
            }
        }
    }
}
