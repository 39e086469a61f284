// What a loop asks the fleet for: the fleet lives on loop 0, and the answer comes back to the loop that asked.

import Fleet

enum FleetQuestion: Sendable {
    case put([UInt8], [UInt8], for: Duration)
    case take([UInt8], leaving: [UInt8])
    case revoke(Revocation)
    case tell(FleetMessage, to: NodeName?)
    case ask(FleetMessage, of: NodeName)
    case nodes
}

enum FleetAnswer: Sendable {
    case done(Result<Void, FleetFault>)
    case taken(Result<[UInt8]?, FleetFault>)
    case told(Result<Int, FleetFault>)
    case answered(Result<[UInt8], FleetFault>)
    case nodes(Result<[FleetNode], FleetFault>)
}

extension Fleet {
    func answer(_ question: FleetQuestion, _ reply: @escaping (FleetAnswer) -> Void) {
        switch question {
        case .put(let name, let value, let life):
            put(name, value, for: life) { reply(.done($0)) }
        case .take(let name, let mark): take(name, leaving: mark) { reply(.taken($0)) }
        case .revoke(let revocation): revoke(revocation) { reply(.done($0)) }
        case .tell(let message, let node): tell(message, to: node) { reply(.told($0)) }
        case .ask(let message, let node): ask(message, of: node) { reply(.answered($0)) }
        case .nodes: nodes { reply(.nodes($0)) }
        }
    }
}

extension Worker {
    func ask(_ question: FleetQuestion, _ answer: @escaping (FleetAnswer) -> Void) {
        if let fleet { return fleet.answer(question, answer) }
        nextTicket += 1
        fleetDesk.asked[nextTicket] = answer
        house.mailboxes[0].post(.fleet(.ask(question, loop: index, ticket: nextTicket)))
    }

    /// Keeps a value for one use, by any bridge.
    func put(
        _ name: [UInt8], _ value: [UInt8], for life: Duration, _ reply: @escaping Fleet.Reply<Void>
    ) {
        ask(.put(name, value, for: life)) { if case .done(let result) = $0 { reply(result) } }
    }

    func take(
        _ name: [UInt8], leaving mark: [UInt8] = [], _ reply: @escaping Fleet.Reply<[UInt8]?>
    ) {
        ask(.take(name, leaving: mark)) { if case .taken(let result) = $0 { reply(result) } }
    }

    func revoke(_ revocation: Revocation, _ reply: @escaping Fleet.Reply<Void>) {
        ask(.revoke(revocation)) { if case .done(let result) = $0 { reply(result) } }
    }

    /// To every loop of every bridge, this one included, or of one bridge.
    func tell(
        _ message: FleetMessage, to node: NodeName? = nil, _ reply: @escaping Fleet.Reply<Int>
    ) {
        ask(.tell(message, to: node)) { if case .told(let result) = $0 { reply(result) } }
    }

    func ask(
        _ message: FleetMessage, of node: NodeName, _ reply: @escaping Fleet.Reply<[UInt8]>
    ) {
        ask(.ask(message, of: node)) { if case .answered(let result) = $0 { reply(result) } }
    }

    func nodes(_ reply: @escaping Fleet.Reply<[FleetNode]>) {
        ask(.nodes) { if case .nodes(let result) = $0 { reply(result) } }
    }
}
