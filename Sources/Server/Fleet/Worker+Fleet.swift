// What the fleet tells, and what becomes of it: loop 0 logs and answers questions of other bridges, the rest
// goes to all loops. From elsewhere only kinds come through that somebody here understands.

import Fleet
import Telemetry

/// The kinds of message that bridges tell each other, and of questions they ask.
enum FleetKind: String {
    /// A question: which token has this connection?
    case connection
    /// An operator's word to all.
    case broadcast
    /// Questions: who is connected, and to send one of them away.
    case connections, disconnect
}

extension Worker {
    func startFleet() {
        fleet?.state = { [unowned self] in stats() }
        fleet?.start()
    }

    /// On loop 0.
    func share(_ news: FleetNews) {
        switch news {
        case .status(let status): hear(status)
        case .asked(let message, let call): answer(message, call)
        case .told(let message, _):
            if FleetKind(rawValue: message.kind) != nil { house.postToAll(.fleet(.news(news))) }
        case .revoked(let revocations):
            log.info("revoked", ["revocations": .integer(revocations.count)])
            house.postToAll(.fleet(.news(news)))
        case .revocationsKnown: house.postToAll(.fleet(.news(news)))
        }
    }

    /// On each loop.
    func hear(_ news: FleetNews) {
        switch news {
        case .told(let message, let node): hear(message, from: node)
        case .revoked(let revocations): revoked.add(revocations)
        case .revocationsKnown: knowRevocations()
        case .asked, .status: break
        }
    }

    private func hear(_ message: FleetMessage, from node: NodeName) {
        switch FleetKind(rawValue: message.kind) {
        case .broadcast: hearBroadcast(message.data, from: node)
        case .connection, .connections, .disconnect, nil: break
        }
    }

    /// A question that nobody understands is not answered: whoever asked waits in vain, and not for long.
    private func answer(_ message: FleetMessage, _ call: FleetCall) {
        switch FleetKind(rawValue: message.kind) {
        case .connection: answer(whose: message, call)
        case .connections: answerConnections(message.data) { [fleet] in fleet?.answer(call, $0) }
        case .disconnect: answerDisconnect(message.data) { [fleet] in fleet?.answer(call, $0) }
        case .broadcast, nil: break
        }
    }

    private func hear(_ status: FleetStatus) {
        switch status {
        case .ready: log.debug("fleet_ready")
        case .hearing: log.debug("fleet_hears")
        case .lost(let fault): log.debug("fleet_lost", ["fault": .text(fault.name)])
        case .deaf(let fault):
            if case .noPermission(let rules) = fault { return warnOfRights(rules) }
            log.debug("fleet_deaf", ["fault": .text(fault.name)])
        case .mayNot(let rules): warnOfRights(rules)
        case .listUnreadable(let text):
            warn(
                "revocations_unreadable",
                ["why": .text(text), "meaning": "no token counts before they have been read"])
        case .overfull:
            warn("revocations_full", ["what_to_do": "raise revocations-max on every bridge"])
        case .restored(let count):
            log.info("revocations_put_back", ["revocations": .integer(count)])
        case .strange: warn("strange_message", ["on": "the fleet's channel"])
        }
    }

    private func warnOfRights(_ rules: String) {
        warn("fleet_not_allowed", ["what_to_do": .text("ACL SETUSER <user> \(rules)")])
    }
}
