// New connections: admitted or not, each begins as HTTP.

import Loop
import Telemetry

extension Worker: ListenerOwner {
    func listener(_ listener: Listener, accepted stream: Stream) {
        metrics.connectionsTotal.add(1)
        let caller = Caller(stream.peer, house)
        switch caller.verdict {
        case .admitted: break
        case .tooMany: metrics.handshakeRefusals.add(.connectionsMax)
        case .tooManyFromAddress: metrics.handshakeRefusals.add(.addressMax)
        case .noRoomToRefuse:
            metrics.handshakeRefusals.add(.connectionsMax)
            caller.release()
            return stream.close()
        }
        if caller.isProxied, settings.proxyProtocol { stream.awaitIntroduction() }
        metrics.connections.add(1)
        let visitor = HTTPConnection(stream: stream, worker: self, caller: caller)
        enter(visitor)
        stream.setOwner(visitor)
    }

    func listenerExhausted(_ listener: Listener, _ error: SystemError) {
        metrics.handshakeRefusals.add(.descriptors)
        log.error(
            "descriptors_exhausted",
            [
                "error": .word(error),
                "what_to_do": "raise the limit of open files (ulimit -n, LimitNOFILE=)",
            ])
    }

    func listenerRecovered(_ listener: Listener) { log.info("descriptors_recovered") }
}
