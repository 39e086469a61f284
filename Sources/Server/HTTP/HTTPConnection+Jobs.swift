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
    func answer(_ head: RequestHead, about route: Route) {
        attempt { _ throws(Close) in
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
                connection.attempt { connection throws(Close) in
                    try connection.answer(head, query, try bearer.get(), about: route)
                }
            }
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
        _ head: RequestHead, _ query: Query, _ bearer: Bearer, about route: Route
    ) throws(Close) {
        let grant = bearer.grant
        switch route {
        case .jobs: try list(query, grant)
        case .job(let segment): try tellSnapshot(of: try Door.name(segment), head, grant)
        case .jobEvents(let segment) where head.method == .post:
            try publish(to: try Door.name(segment), head, grant)
        case .jobEvents(let segment):
            try tellEvents(of: try Door.name(segment), head, query, grant)
        case .feedEvents(let segment):
            try tellEvents(of: try Door.name(segment, .feed), head, query, grant)
        case .queueEvents(let segment):
            let queue = try Door.queue(segment)
            try permit(.queue(queue), grant) { connection, right throws(Close) in
                try connection.stream(.queue(queue), head, try Door.viewWish(query), grant, right)
            }
        case .jobLog(let segment): try tellLog(of: try Door.name(segment), grant)
        case .revocations, .broadcast, .connections, .connection, .stats:
            administer(route, head.method, query, grant)
        default: respond(.notFound)
        }
    }

    private func tellEvents(
        of job: JobID, _ head: RequestHead, _ query: Query, _ grant: Grant
    ) throws(Close) {
        let isStream = head.method == .get && head.wantsEventStream
        try permit(.job(job), grant, waits: isStream) { connection, right throws(Close) in
            if isStream {
                try connection.stream(
                    .job(job), head, try connection.wish(head, query), grant, right)
            } else {
                let permit = Permit(job: job, grant: grant, right: right)
                connection.tell(try EventsRequest(query), permit, head)
            }
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

    private func tellSnapshot(
        of job: JobID, _ head: RequestHead, _ grant: Grant
    ) throws(Close) {
        let knownTags = head.list("if-none-match")
        try permit(.job(job), grant) { connection, right in
            let permit = Permit(job: job, grant: grant, right: right)
            connection.look(permit, .state) { connection, opening, watchers in
                connection.respond(.snapshot(opening, watchers: watchers, knownTags: knownTags))
            }
        }
    }

    private func tellLog(of job: JobID, _ grant: Grant) throws(Close) {
        try permit(.job(job), grant) { connection, right in
            let permit = Permit(job: job, grant: grant, right: right)
            connection.look(permit, .all) { connection, opening, _ in
                connection.respond(.log(opening))
            }
        }
    }

    /// Asks for the job as it stands, and tells the client itself where that can't be known.
    private func look(
        _ permit: Permit, _ part: HistoryPart,
        _ use: @escaping (HTTPConnection, Opening, _ watchers: Int) -> Void
    ) {
        worker.peek(permit.job, part) { [weak self] opening, watchers in
            guard let self else { return }
            guard let opening else { return respond(.redisAway) }
            guard permit.holds(for: opening.snapshot.belonging) else {
                return attempt { _ throws(Close) in throw .notCovered(.job(permit.job)) }
            }
            use(self, opening, watchers)
        }
    }

    private func tell(
        _ request: EventsRequest, _ permit: Permit, _ head: RequestHead, readingAll: Bool = false
    ) {
        let knownTags = head.list("if-none-match")
        look(permit, readingAll ? .all : request.part) { connection, opening, _ in
            let worker = connection.worker
            guard readingAll || request.stands(in: opening) else {
                return connection.tell(request, permit, head, readingAll: true)
            }
            let page = EventsPage(opening, request)
            guard page.isEmpty, request.wait > 0, request.before == nil, !worker.isDraining else {
                return connection.respond(.events(page, of: opening, knownTags: knownTags))
            }
            var later = request
            later.wait = 0
            let wish = Wish(after: page.next, types: request.types)
            // No longer than the token, whose end ends a stream as well.
            let most = worker.lifeLeft(of: permit.grant) ?? .seconds(EventsRequest.waitMax)
            do throws(Close) {
                try worker.door.checkStill(permit.grant)
                try worker.count(connection.caller, permit.grant)
            } catch {
                return connection.refuse(error)
            }
            connection.wait(
                for: permit.job, wish, permit.grant, atMost: min(.seconds(request.wait), most)
            ) { [weak connection] end in
                switch end {
                case .lookAgain: connection?.tell(later, permit, head)
                case .revoked: connection?.refuse(.tokenRefused(.revoked))
                }
            }
        }
    }

    private func publish(
        to job: JobID, _ head: RequestHead, _ grant: Grant
    ) throws(Close) {
        guard grant.mayPublish(job: job.text) else { throw .mayNotPublish }
        let key = head.first("idempotency-key")
        withBody(of: grant) { connection, body throws(Close) in
            let worker = connection.worker
            let request = try PublishRequest(
                body, key: key, eventBytesMax: worker.settings.eventBytesMax)
            worker.publish(request.events, to: job, key: request.key) { [weak connection] in
                connection?.respond(.published($0))
            }
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
        _ subject: Subject, _ head: RequestHead, _ wish: Wish, _ grant: Grant, _ right: Right
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
                id: id, stream: stream, subject: subject, grant: grant, right: right,
                worker: worker, caller: caller)
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
