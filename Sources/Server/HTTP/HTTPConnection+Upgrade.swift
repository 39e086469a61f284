// How a visitor becomes a WebSocket, or hears over one why it may not.

import Hub
import Jobs
import Loop
import Telemetry
import Tokens
import Wire

extension HTTPConnection {
    /// A browser can't read a refused handshake. So whoever speaks WebSocket at all gets one, and is
    /// then told why it is closed.
    func upgrade(_ head: RequestHead, at entrance: Entrances.Entrance) {
        let upgrade: Upgrade
        do throws(UpgradeRefusal) {
            upgrade = try Upgrade(reading: head)
        } catch {
            worker.metrics.handshakeRefusals.add(.badUpgrade)
            return respond(error.response)
        }
        do throws(Close) {
            try worker.admitHandshake(of: caller)
            guard !worker.isDraining else { throw .draining }
            try worker.door.crossOrigin.check(head)
            let query = try Door.query(head)
            let purpose = try purpose(entrance.route, query)
            guard
                let credential = try worker.door.credential(
                    head, protocols: upgrade.offeredProtocols, query: query,
                    isSecure: caller.isSecure)
            else { return become(.admitted(purpose, nil), upgrade, at: entrance) }
            identify(credential) { connection, bearer in
                connection.become(connection.visit(purpose, bearer), upgrade, at: entrance)
            }
        } catch {
            become(.refused(error), upgrade, at: entrance)
        }
    }

    private enum Visit {
        /// Without a bearer a first message has to say who it is.
        case admitted(Session.Purpose, Bearer?)
        case refused(Close)

        var purpose: Session.Purpose {
            if case .admitted(let purpose, _) = self { purpose } else { .many }
        }
    }

    /// It may have taken a while to learn who comes.
    private func visit(_ purpose: Session.Purpose, _ bearer: Result<Bearer, Close>) -> Visit {
        guard !worker.isDraining else { return .refused(.draining) }
        switch bearer {
        case .success(let bearer): return .admitted(purpose, bearer)
        case .failure(let close): return .refused(close)
        }
    }

    private func become(_ visit: Visit, _ upgrade: Upgrade, at entrance: Entrances.Entrance) {
        if case .refused(let close) = visit {
            refused(close)
            guard worker.house.handshakes.mayExplain(at: worker.loop.now) else {
                return respond(.refusal(close))
            }
        }
        let language = Door.language(of: upgrade.offeredProtocols)
        let agreesDeflate = upgrade.deflate != nil
        let session = worker.enter { id in
            Session(
                id: id, stream: stream, worker: worker, purpose: visit.purpose,
                needs: entrance.scope, form: FrameForm(language ?? .json, deflated: agreesDeflate),
                caller: caller)
        }
        stream.send(upgrade.response(protocol: language?.rawValue, deflate: agreesDeflate))
        worker.metrics.responses.add(StatusClass(101))
        handOver(to: session)
        switch visit {
        case .admitted(_, let bearer): session.start(bearer?.grant)
        case .refused(let close): session.close(close)
        }
    }

    private func purpose(_ route: Route, _ query: Query) throws(Close) -> Session.Purpose {
        switch route {
        case .jobSocket(let segment): .job(try Door.name(segment), try Door.wish(query))
        case .feedSocket(let segment): .job(try Door.name(segment, .feed), try Door.wish(query))
        case .queueSocket(let segment): .queue(try Door.queue(segment), try Door.viewWish(query))
        default: .many
        }
    }
}
