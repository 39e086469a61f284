// What an administrator asks over HTTP. All of it comes through `administer`, which looks at the scope first;
// `carryOut` is the one place where something is done.

import Fleet
import Loop
import Tokens
import Wire

extension HTTPConnection {
    func administer(
        _ route: Route, _ head: RequestHead, _ body: [UInt8], _ query: Query, _ bearer: Bearer
    ) throws(Close) {
        guard bearer.grant.isAdmin else { throw .notThisPath }
        switch (route, head.method) {
        case (.revocations, .post):
            carryOut(
                try RevocationRequest(body, now: WallClock.milliseconds() / 1_000), bearer.grant)
        case (.revocations, _):
            let most = try query.count(
                "limit", default: RevocationListing.limitDefault,
                in: 1...RevocationListing.limitMax)
            respond(RevocationListing.response(worker.revoked.list, limit: most))
        default: respond(.notFound)
        }
    }

    private func carryOut(_ request: RevocationRequest, _ admin: Grant) {
        worker.carryOut(request) { [weak self] in self?.respond($0) }
    }
}

extension Worker {
    func carryOut(_ request: RevocationRequest, _ answer: @escaping (Response) -> Void) {
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
                    answer(
                        .error(
                            404, "no_such_connection", "there is no such connection with a token"))
                case .failure(let fault):
                    answer(.unavailable(fault.name, "that connection's bridge: \(fault.message)"))
                }
            }
        }
    }

    private func lastSecond(ofTokenEndingAt end: Int64) -> Int64? {
        let leeway = settings.tokenLeeway.components.seconds
        let (last, overflows) = end.addingReportingOverflow(leeway + 1)
        return overflows ? nil : last
    }

    private func carryOut(_ revocation: Revocation, _ answer: @escaping (Response) -> Void) {
        revoke(revocation) { result in
            switch result {
            case .success: answer(RevocationListing.response(revocation))
            case .failure(.full):
                answer(.error(507, FleetFault.full.name, FleetFault.full.message))
            case .failure(let fault):
                answer(
                    .unavailable(fault.name, "revoked on this bridge only: \(fault.message)"))
            }
        }
    }
}
