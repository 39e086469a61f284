// The limits of who comes, as a worker asks for them: refusals are named, counted, and told in the log
// so often as the throttle lets through.

import Loop
import Telemetry
import Tokens

extension Worker {
    /// TLS is begun by whoever is at `peer`. It counts for what is asked first over it.
    func admitTLS(of caller: Caller, at peer: PeerAddress) -> Bool {
        // Those that come through a proxy share its connections.
        guard !house.proxies.contains(peer) else { return true }
        do { try check(house.handshakes.take(peer.network, at: loop.now), caller) } catch {
            return false
        }
        caller.hasPaid = true
        return true
    }

    /// A WebSocket is asked for.
    func admitHandshake(of caller: Caller) throws(Close) {
        try check(take(caller), caller)
        guard caller.countAddress() else {
            // Who was refused when he arrived was counted then.
            if caller.verdict == .admitted { metrics.handshakeRefusals.add(.addressMax) }
            throw .tooManyConnections
        }
    }

    /// A token comes with a plain request. Who has brought too many bad ones is not even looked at.
    func admitToken(of caller: Caller) throws(Close) {
        try check(house.handshakes.mayTry(caller.address.network, at: loop.now), caller)
    }

    /// The token was refused, which counts as a handshake.
    func countRefusedToken(of caller: Caller) { _ = take(caller) }

    private func take(_ caller: Caller) -> HandshakeLimits.Verdict {
        defer { caller.hasPaid = false }
        return caller.hasPaid
            ? .allowed : house.handshakes.take(caller.address.network, at: loop.now)
    }

    private func check(_ verdict: HandshakeLimits.Verdict, _ caller: Caller) throws(Close) {
        let (seconds, limit): (Int, HandshakeRefusal)
        switch verdict {
        case .allowed: return
        case .tooMany(let wait): (seconds, limit) = (wait, .rate)
        case .tooManyFromAddress(let wait): (seconds, limit) = (wait, .addressRate)
        }
        metrics.handshakeRefusals.add(limit)
        tellLimited(caller, limit)
        throw .tooManyHandshakes(retryAfter: seconds)
    }

    /// A lasting use begins: a WebSocket, an event stream, a long-poll.
    func count(_ caller: Caller, _ grant: Grant) throws(Close) {
        guard caller.countAddress() else {
            metrics.handshakeRefusals.add(.addressMax)
            tellLimited(caller, .addressMax)
            throw .tooManyConnections
        }
        guard caller.count(grant) else {
            metrics.handshakeRefusals.add(.subjectMax)
            tellLimited(caller, .subjectMax)
            throw .tooManyOfSubject
        }
    }

    /// A trusted proxy's connection did not begin as `proxy-protocol` demands.
    func countUnintroduced(_ caller: Caller, _ fault: ProxyHeaderFault) {
        metrics.handshakeRefusals.add(.proxyHeader)
        throttledLog.line(
            .warning, "proxy_header_refused", at: loop.now.milliseconds,
            ["peer": .word(caller.address), "why": .text(fault.rawValue)])
    }

    private func tellLimited(_ caller: Caller, _ limit: HandshakeRefusal) {
        throttledLog.line(
            .warning, "limited", at: loop.now.milliseconds,
            ["peer": .word(caller.address), "limit": .text(limit.word)])
    }
}
