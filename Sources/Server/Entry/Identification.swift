// Identification is an HTTP connection that waits to hear who its client is.
//
// Invariant: its answer is used once and by the request that asked for it. What comes after the wait was
// given up, or its client has gone, is nobody's.

import Tokens

final class Identification {
    /// The connection is handed over, so that it is not kept alive by what it waits for.
    fileprivate let goOn: (HTTPConnection, Result<Bearer, Close>) -> Void

    fileprivate init(_ goOn: @escaping (HTTPConnection, Result<Bearer, Close>) -> Void) {
        self.goOn = goOn
    }
}

extension HTTPConnection {
    /// Goes on at once where a token came. A ticket takes a while, no longer than a handshake may.
    func identify(
        _ credential: Credential,
        _ goOn: @escaping (HTTPConnection, Result<Bearer, Close>) -> Void
    ) {
        if case .token(let token) = credential { return goOn(self, worker.bearer(of: token)) }
        let identification = Identification(goOn)
        awaited = identification
        wait(worker.settings.handshakeTimeout)
        worker.identify(credential) { [weak self] in self?.end(identification, $0) }
    }

    private func end(_ identification: Identification, _ result: Result<Bearer, Close>) {
        guard awaited === identification else { return }
        awaited = nil
        wait(nil)
        identification.goOn(self, result)
    }

    /// False where nobody is waited for.
    func giveUpIdentification() -> Bool {
        guard let awaited else { return false }
        end(awaited, .failure(.ticketRefused(.unavailable)))
        return true
    }
}
