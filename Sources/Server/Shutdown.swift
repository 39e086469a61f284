// Shutdown hears the signals, on loop 0, for the whole house. What a hang-up means the caller says: a service's
// operator sends it to have files read again, a terminal when it is closed.

import Loop
import Synchronization
import Telemetry

final class Shutdown {
    static let signals = [Signal.terminate, Signal.interrupt, Signal.hangUp]

    private unowned let worker: Worker
    private let endsOnHangUp: Bool
    private var isAsked = false

    init(_ worker: Worker, endsOnHangUp: Bool) {
        (self.worker, self.endsOnHangUp) = (worker, endsOnHangUp)
    }

    func begin() throws(StartFault) {
        do throws(SystemError) {
            try worker.loop.onSignals(Self.signals) { [self] signal, _ in hear(signal) }
        } catch {
            throw .system(error)
        }
    }

    private func hear(_ signal: Int32) {
        if signal == Signal.hangUp, !endsOnHangUp {
            worker.house.keyKeeper?.readAll()
            return reloadCertificate()
        }
        let house = worker.house
        guard !isAsked else {
            house.log.warning("stopping_at_once")
            return house.postToAll(.stop)
        }
        isAsked = true
        house.log.info("draining", ["grace_ms": .duration(house.settings.drainGrace)])
        house.isDraining.store(true, ordering: .relaxed)
        house.postToAll(.drain)
    }

    private func reloadCertificate() {
        guard let tls = worker.house.tls else { return worker.log.info("nothing_to_reload") }
        do throws(TLSFault) {
            try tls.reload()
            worker.log.info("certificate_reloaded")
        } catch {
            worker.log.error(
                "certificate_not_reloaded",
                ["error": .word(error), "what_to_do": "the old one stays in use; mend the files"])
        }
    }
}
