// What operators ask over HTTP (protocol.md section 6): the scope first, then what is asked for; each attempt
// ends in one answer and one line of the log.

import Fleet
import JSON
import Loop
import Tokens
import Wire

extension HTTPConnection {
    /// A request was refused before it was known who asks.
    func auditRefusal(_ reason: Close) {
        guard let (route, method) = requested, let action = AdminAction(route, method) else {
            return
        }
        Audit(action, by: nil, from: caller.address, worker.log)
            .tell(reason.name, by: worker.throttledLog, at: worker.loop.now)
    }

    func administer(_ route: Route, _ method: HTTPMethod, _ query: Query, _ grant: Grant) {
        guard grant.isAdmin, method == .post else {
            return administer(route, method, [], query, grant)
        }
        withBody(of: grant) { $0.administer(route, method, $1, query, grant) }
    }

    private func administer(
        _ route: Route, _ method: HTTPMethod, _ body: [UInt8], _ query: Query, _ grant: Grant
    ) {
        guard let action = AdminAction(route, method) else { return respond(.notFound) }
        var audit = Audit(action, by: grant, from: caller.address, worker.log)
        do throws(Close) {
            guard grant.isAdmin else { throw .mayNotAdminister(action) }
            guard !action.asksLoops || !worker.isDraining else { throw .draining }
            switch action {
            case .broadcast: broadcast(try Broadcast(body.span), &audit)
            case .listConnections: list(try ConnectionsRequest(query), &audit)
            case .disconnect: disconnect(route, &audit)
            case .readStats: tellStats(audit)
            case .revoke:
                revoke(
                    try RevocationRequest(body, now: WallClock.milliseconds() / 1_000), &audit)
            case .listRevocations: try listRevocations(query, audit)
            }
        } catch {
            refused(error)
            if let refusal = error.authRefusal { worker.metrics.authRefusals.add(refusal) }
            if grant.isAdmin {
                audit.tell(error.name)
            } else {
                audit.tell(error.name, by: worker.throttledLog, at: worker.loop.now)
            }
            respond(.refusal(error))
        }
    }

    private func broadcast(_ broadcast: Broadcast, _ audit: inout Audit) {
        audit.target = broadcast.target.map { "\($0.member):\($0.name)" } ?? "everybody"
        let message = FleetMessage(FleetKind.broadcast.rawValue, broadcast.json)
        worker.sendToAll(.broadcast(broadcast)) { [weak self, worker, audit] reached in
            worker.tell(message) { bridges in
                audit.tell(outcome(of: bridges))
                self?.respond(.broadcast(reached, bridges))
            }
        }
    }

    private func list(_ request: ConnectionsRequest, _ audit: inout Audit) {
        audit.target = request.description
        worker.connections(request) { [weak self, audit] page in
            audit.tell(page == nil ? "no_such_node" : Audit.done)
            self?.respond(page.map { .json(200, $0.json) } ?? .noSuchNode)
        }
    }

    private func disconnect(_ route: Route, _ audit: inout Audit) {
        guard case .connection(let segment) = route else { return respond(.notFound) }
        audit.target = segment
        guard let id = ConnectionID(checking: segment) else {
            audit.tell("no_such_connection")
            return respond(.noSuchConnection)
        }
        worker.disconnect(id) { [weak self, audit] result in
            switch result {
            case .success(true):
                audit.tell(Audit.done)
                self?.respond(Response(status: 204))
            case .success(false):
                audit.tell("no_such_connection")
                self?.respond(.noSuchConnection)
            case .failure(let fault):
                audit.tell(fault.name)
                self?.respond(
                    .unavailable(fault.name, "the connection's bridge could not be asked"))
            }
        }
    }

    private func revoke(_ request: RevocationRequest, _ audit: inout Audit) {
        audit.target = request.wanted.description
        worker.carryOut(request) { [weak self, audit] outcome, response in
            audit.tell(outcome)
            self?.respond(response)
        }
    }

    private func listRevocations(_ query: Query, _ audit: Audit) throws(Close) {
        let most = try query.count(
            "limit", default: RevocationListing.limitDefault, in: 1...RevocationListing.limitMax)
        audit.tell(Audit.done)
        respond(RevocationListing.response(worker.revoked.list, limit: most))
    }

    private func tellStats(_ audit: Audit) {
        worker.nodes { [weak self, worker] result in
            audit.tell(outcome(of: result))
            let own = worker.house.node
            switch result {
            case .success(let nodes):
                self?.respond(.stats(nodes.map { ($0.name, $0.state) }, of: own))
            case .failure(let fault):
                // Of itself a bridge can tell without Redis.
                worker.send(.stats, to: 0) {
                    self?.respond(.stats([(own, $0.stats)], of: own, fault))
                }
            }
        }
    }
}

private func outcome(of result: Result<some Any, FleetFault>) -> String {
    if case .failure(let fault) = result { fault.name } else { Audit.done }
}

extension Response {
    fileprivate static let noSuchNode = error(
        404, "no_such_node", "there is no bridge of this name")
    static let noSuchConnection = error(
        404, "no_such_connection", "there is no such connection, or no more")

    fileprivate static func broadcast(
        _ reached: Int, _ bridges: Result<Int, FleetFault>
    ) -> Response {
        switch bridges {
        case .success(let bridges):
            var json = JSONWriter()
            json.beginObject()
            json.key("reached")
            json.integer(reached)
            json.key("bridges")
            json.integer(bridges)
            json.endObject()
            return .json(200, json.bytes)
        case .failure(let fault):
            return .unavailable(
                fault.name, "only \(reached) of this bridge were told, and no other bridge")
        }
    }

    /// What stands in Redis for another bridge is told only if it is JSON.
    fileprivate static func stats(
        _ nodes: [(name: NodeName, state: [UInt8])], of own: NodeName, _ fault: FleetFault? = nil
    ) -> Response {
        var outline = JSONOutline()
        var json = JSONWriter(reserving: 8_192)
        json.beginObject()
        json.key("node")
        json.string(own.text)
        json.key("nodes")
        json.beginArray()
        for (name, state) in nodes {
            json.beginObject()
            json.key("node")
            json.string(name.text)
            json.key("state")
            let isObject = (try? outline.read(state.span, levels: 0)) != nil
            if isObject, outline.kind == .object { json.raw(state.span) } else { json.null() }
            json.endObject()
        }
        json.endArray()
        json.key("fault")
        if let fault { json.string(fault.name) } else { json.null() }
        json.endObject()
        return .json(200, json.bytes)
    }
}
