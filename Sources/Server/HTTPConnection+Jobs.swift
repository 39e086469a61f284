// What HTTP tells of jobs and feeds: who asks is known first, then what is asked for is read, then the
// history is asked.

import Bytes
import Feed
import Hub
import Jobs
import Loop
import Telemetry
import Tokens
import Wire

extension HTTPConnection {
    func answer(_ head: RequestHead, _ body: [UInt8], about route: Route) {
        do throws(Close) {
            try worker.door.crossOrigin.check(head)
            if head.method == .options { return respond(CrossOrigin.options(route)) }
            let query = try Door.query(head)
            try worker.admitToken(of: caller)
            if route == .session { return try answerSession(head, query) }
            if route == .tickets { return try giveTicket(try holder(head, query)) }
            guard
                let credential = try worker.door.credential(
                    head, query: query, isSecure: caller.isSecure)
            else { throw .tokenRefused(.missing) }
            identify(credential) { connection, bearer in
                do throws(Close) {
                    try connection.answer(head, body, query, try bearer.get(), about: route)
                } catch {
                    connection.refuse(error)
                }
            }
        } catch {
            refuse(error)
        }
    }

    func refuse(_ error: Close) {
        refused(error)
        auditRefusal(error)
        if error.isOfBadToken { worker.countRefusedToken(of: caller) }
        if let refusal = error.authRefusal { worker.metrics.authRefusals.add(refusal) }
        respond(.refusal(error))
    }

    private func answer(
        _ head: RequestHead, _ body: [UInt8], _ query: Query, _ bearer: Bearer, about route: Route
    ) throws(Close) {
        let grant = bearer.grant
        switch route {
        case .jobs: try list(query, grant)
        case .job(let segment): tellSnapshot(of: try named(segment, grant), head)
        case .jobEvents(let segment) where head.method == .post:
            try publish(body, to: try Door.name(segment), head, grant)
        case .jobEvents(let segment):
            try tellEvents(of: try named(segment, grant), head, query, grant)
        case .feedEvents(let segment):
            try tellEvents(of: try named(segment, grant, .feed), head, query, grant)
        case .queueEvents(let segment):
            let queue = try Door.queue(segment)
            guard grant.mayView(queue) else { throw .notThisQueue }
            try stream(.queue(queue), head, try Door.viewWish(query), grant)
        case .jobLog(let segment):
            look(at: try named(segment, grant), .all) { connection, opening, _ in
                connection.respond(.log(opening))
            }
        case .revocations, .broadcast, .connections, .connection, .stats:
            administer(route, head.method, body, query, grant)
        default: respond(.notFound)
        }
    }

    private func named(
        _ segment: String, _ grant: Grant, _ kind: JobID.Kind = .job
    ) throws(Close) -> JobID {
        let job = try Door.name(segment, kind)
        try worker.door.check(job, grant)
        return job
    }

    private func tellEvents(
        of job: JobID, _ head: RequestHead, _ query: Query, _ grant: Grant
    ) throws(Close) {
        if head.method == .get && head.wantsEventStream {
            try stream(.job(job), head, try wish(head, query), grant)
        } else {
            tell(try EventsRequest(query), of: job, head, grant)
        }
    }

    private func list(_ query: Query, _ grant: Grant) throws(Close) {
        worker.list(try JobListing.request(query, grant)) { [weak self] answer in
            guard let self else { return }
            switch answer {
            case .success(let page):
                respond(JobListing.response(page) { worker.watchers(of: $0) })
            case .failure(.badCursor):
                respond(.refusal(.badRequest(JobListFault.badCursor.message)))
            case .failure(let fault): respond(.unavailable(fault.rawValue, fault.message))
            }
        }
    }

    private func tellSnapshot(of job: JobID, _ head: RequestHead) {
        let knownTags = head.list("if-none-match")
        look(at: job, .state) { connection, opening, watchers in
            connection.respond(.snapshot(opening, watchers: watchers, knownTags: knownTags))
        }
    }

    /// Asks for the job as it stands, and tells the client itself where that can't be known.
    private func look(
        at job: JobID, _ part: HistoryPart,
        _ use: @escaping (HTTPConnection, Opening, _ watchers: Int) -> Void
    ) {
        worker.peek(job, part) { [weak self] opening, watchers in
            guard let self else { return }
            guard let opening else { return respond(.redisAway) }
            use(self, opening, watchers)
        }
    }

    private func tell(
        _ request: EventsRequest, of job: JobID, _ head: RequestHead, _ grant: Grant,
        readingAll: Bool = false
    ) {
        let knownTags = head.list("if-none-match")
        look(at: job, readingAll ? .all : request.part) { connection, opening, _ in
            let worker = connection.worker
            guard readingAll || request.stands(in: opening) else {
                return connection.tell(request, of: job, head, grant, readingAll: true)
            }
            let page = EventsPage(opening, request)
            guard page.isEmpty, request.wait > 0, request.before == nil, !worker.isDraining else {
                return connection.respond(.events(page, of: opening, knownTags: knownTags))
            }
            var later = request
            later.wait = 0
            let wish = Wish(after: page.next, types: request.types)
            // No longer than the token, whose end ends a stream as well.
            let most = worker.lifeLeft(of: grant) ?? .seconds(EventsRequest.waitMax)
            do throws(Close) {
                try worker.door.checkStill(grant)
                try worker.count(connection.caller, grant)
            } catch {
                return connection.refuse(error)
            }
            connection.wait(for: job, wish, grant, atMost: min(.seconds(request.wait), most)) {
                [weak connection] end in
                switch end {
                case .lookAgain: connection?.tell(later, of: job, head, grant)
                case .revoked: connection?.refuse(.tokenRefused(.revoked))
                }
            }
        }
    }

    private func publish(
        _ body: [UInt8], to job: JobID, _ head: RequestHead, _ grant: Grant
    ) throws(Close) {
        guard grant.mayPublish(job: job.text) else { throw .mayNotPublish }
        let request = try PublishRequest(
            body, key: head.first("idempotency-key"), eventBytesMax: worker.settings.eventBytesMax)
        worker.publish(request.events, to: job, key: request.key) { [weak self] result in
            self?.respond(.published(result))
        }
    }

    private func wish(_ head: RequestHead, _ query: Query) throws(Close) -> Wish {
        var wish = try Door.wish(query)
        // A browser that comes back asks with the same query; where it stands is in the header.
        if let text = head.first("last-event-id") {
            do throws(CursorFault) { wish.after = try Cursor(checking: text) } catch {
                throw .badRequest("last-event-id: \(error.message)")
            }
        }
        return wish
    }

    private func stream(
        _ subject: Subject, _ head: RequestHead, _ wish: Wish, _ grant: Grant
    ) throws(Close) {
        guard !worker.isDraining else { throw .draining }
        try worker.door.checkStill(grant)
        try worker.count(caller, grant)
        let response = Response(
            status: 200,
            headers: [
                ("content-type", "text/event-stream"), ("cache-control", "no-store"),
                ("x-accel-buffering", "no"),
            ] + worker.door.headers(for: .jobs, head))
        let bytes = SharedBytes(response.head(keepAlive: false))
        worker.metrics.responses.add(StatusClass(200))
        worker.metrics.bytesOut.add(bytes.count)
        stream.send(bytes)
        let follower = worker.enter { id in
            SSEStream(
                id: id, stream: stream, subject: subject, grant: grant, worker: worker,
                caller: caller)
        }
        handOver(to: follower)
        follower.start(wish)
    }
}

extension RequestHead {
    fileprivate var wantsEventStream: Bool {
        list("accept").contains {
            $0.prefix { $0 != ";" && $0 != " " }.lowercased() == "text/event-stream"
        }
    }
}
