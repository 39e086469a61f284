// HTTPConnection is a client until it becomes a WebSocket: requests are read, routed and answered, one
// after the other, in the order they came (pipelining).
//
// Invariant: while an answer is outstanding nothing further is read, so answers never overtake. Nor
// is it while the client owes us the reading of earlier ones, so nobody piles up answers.

import Bytes
import Hub
import Jobs
import Loop
import Telemetry
import Tokens
import Wire

final class HTTPConnection {
    /// What is read of a request lies apart: it is large and over soon, and what a session leaves of its
    /// visitor in the heap should have room for the next caller.
    private indirect enum Phase {
        case head
        case body(Request, BodyUse)
        /// The feed or the shell has yet to answer.
        case answering(Request)
        /// The last answer was given, or the socket has gone to a session.
        case done
    }

    typealias BodyUse = (HTTPConnection, [UInt8]) -> Void

    /// A class, so that what has come of the body is not copied with each piece of it.
    private final class Request {
        let head: RequestHead
        var body: BodyReader
        /// nil until all of it is there.
        var content: [UInt8]?
        init(_ head: RequestHead, _ body: BodyReader) { (self.head, self.body) = (head, body) }
    }

    /// So much of answers may wait to be read before the next request is looked at.
    static let owedBytesMax = 65_536

    let stream: Stream
    unowned let worker: Worker
    let caller: Caller
    private var phase = Phase.head
    /// While the answer is being waited for.
    private var poll: LongPoll?
    /// While it is not known who asks.
    var awaited: Identification?
    /// While it is not known whether he may see what he asks for.
    var petition: Petition?
    private var timer: TimerID?
    /// Between two requests.
    private var isIdle = false

    init(stream: Stream, worker: Worker, caller: Caller) {
        self.stream = stream
        self.worker = worker
        self.caller = caller
        wait(worker.settings.handshakeTimeout)
    }

    func wait(_ timeout: Duration?) {
        if let timer { worker.loop.disarm(timer) }
        timer = timeout.map { worker.loop.arm(self, after: $0) }
    }

    /// The server drains: who is between two requests is sent away, others after their answer.
    func drain() {
        if case .head = phase { end() }
    }

    private func end() {
        phase = .done
        wait(nil)
        stream.finish()
    }
}

// MARK: - Reading

extension HTTPConnection: StreamOwner {
    func streamMayShakeHands(_ stream: Stream) -> Bool {
        worker.admitTLS(of: caller, at: stream.peer)
    }
    func streamOpened(_ stream: Stream) { caller.introduced(as: stream.peer) }
    func streamDrained(_ stream: Stream) { stream.resumeReading() }

    /// The flush has sent what could be sent; when not enough, `streamDrained` will come.
    func goOn() {
        if stream.owedBytes < Self.owedBytesMax { stream.resumeReading() }
    }

    func stream(_ stream: Stream, received bytes: Span<UInt8>) -> Int {
        var consumed = 0
        do throws(HTTPViolation) {
            while try step(bytes, &consumed) {}
        } catch {
            worker.metrics.handshakeRefusals.add(.badRequest)
            worker.log.debug(
                "bad_request", ["peer": .word(caller.address), "why": .text(error.rawValue)])
            answerLast(.violation(error))
            consumed = bytes.count
        }
        worker.metrics.bytesIn.add(consumed)
        return consumed
    }

    /// False when more has to arrive, or to be answered, before there is something to do.
    private func step(_ bytes: Span<UInt8>, _ consumed: inout Int) throws(HTTPViolation) -> Bool {
        switch phase {
        case .head:
            guard stream.owedBytes < Self.owedBytesMax else {
                stream.pauseReading()
                worker.goOnLater(self)
                return false
            }
            consumed += HeadReader.emptyLines(bytes.extracting(consumed...))
            let rest = bytes.extracting(consumed...)
            // The time for a request begins with its first byte.
            if !rest.isEmpty, isIdle {
                wait(worker.settings.handshakeTimeout)
                isIdle = false
            }
            guard let (head, length) = try worker.headReader.read(rest) else { return false }
            consumed += length
            let request = Request(
                head, try BodyReader(head.framing, limits: worker.bodyLimits))
            request.content = try request.body.read(bytes, consumed: &consumed)
            phase = .answering(request)
            if request.content != nil { wait(nil) }
            // A long body is not waited for before it is known that its sender may do this.
            if head.method == .post, head.expectsContinue || head.framing.isLong {
                answer(head)
            } else {
                withBody { connection, _ in connection.answer(head) }
            }
            return true
        case .body(let request, let use):
            guard let content = try request.body.read(bytes, consumed: &consumed) else {
                return false
            }
            request.content = content
            phase = .answering(request)
            wait(nil)
            use(self, content)
            return true
        case .answering, .done: return false
        }
    }

    /// Goes on once the body of the request is there.
    private func withBody(_ use: @escaping BodyUse) {
        guard case .answering(let request) = phase else { return }
        if let content = request.content { return use(self, content) }
        phase = .body(request, use)
        if request.head.expectsContinue { stream.send(Response.continue) }
        wait(worker.settings.handshakeTimeout)
        // What came meanwhile lies with the stream, and is handed over again.
        stream.setOwner(self)
    }

    /// The same of a client that may do what it asks for, if it still may then.
    func withBody(
        of grant: Grant, _ use: @escaping (HTTPConnection, [UInt8]) throws(Close) -> Void
    ) {
        withBody { connection, body in
            connection.attempt { connection throws(Close) in
                try connection.worker.checkStill(grant)
                try use(connection, body)
            }
        }
    }

    func streamClosed(_ stream: Stream, _ end: StreamEnd) {
        switch end {
        case .tls: worker.metrics.handshakeRefusals.add(.tls)
        case .badIntroduction(let fault): worker.countUnintroduced(caller, fault)
        default: break
        }
        wait(nil)
        poll?.cancel()
        petition?.withdraw()
        awaited = nil
        worker.forget(self)
        worker.release(caller)
    }
}

extension HTTPConnection: TimerTarget {
    func timerFired(_ id: TimerID) {
        timer = nil
        guard !isIdle else { return end() }
        guard !giveUpIdentification() else { return }
        worker.metrics.handshakeRefusals.add(.timedOut)
        answerLast(.error(408, "request_timeout", "the request took too long"))
    }
}

// MARK: - Answering

extension HTTPConnection {
    private func answer(_ head: RequestHead) {
        if !caller.read(head, from: stream.peer) { worker.metrics.forwardedUnreadable.add() }
        let entrance = worker.door.entrances[head.path]
        let route = entrance.route
        if route.isSocket { return upgrade(head, at: entrance) }
        guard caller.isAdmitted else { return respond(.refusal(.tooManyConnections)) }
        guard route.answers(head.method) else {
            return route == .unknown
                ? respondNotFound() : respond(.methodNotAllowed(route))
        }
        switch route {
        case .health: respond(.json(200, Array(#"{"status":"ok"}"#.utf8)))
        case .readiness: respond(worker.readiness())
        case .metrics: respond(worker.metricsPage())
        case .asset(let index): respond(.asset(PageAssets.files[index]))
        case .jobs, .job, .jobEvents, .jobLog, .feedEvents, .queueEvents, .session, .tickets,
            .revocations, .broadcast, .connections, .connection, .stats:
            answer(head, about: route)
        case .unknown, .jobSocket, .feedSocket, .queueSocket, .socket: respondNotFound()
        }
    }

    private func respondNotFound() {
        worker.metrics.handshakeRefusals.add(.notFound)
        respond(.notFound)
    }

    /// What the request asks for that is being answered.
    var requested: (route: Route, method: HTTPMethod)? {
        guard case .answering(let request) = phase else { return nil }
        return (Route(path: request.head.path), request.head.method)
    }

    func respond(_ response: Response) {
        guard case .answering(let request) = phase else { return }
        let head = request.head
        poll = nil
        caller.letGo()
        // A body that nobody waited for is not read.
        let keepsAlive = head.keepsAlive && !worker.isDraining && request.content != nil
        worker.metrics.responses.add(StatusClass(response.status))
        var response = response
        response.headers += worker.door.headers(for: Route(path: head.path), head)
        let bytes = response.encoded(keepAlive: keepsAlive, omitBody: head.method == .head)
        worker.metrics.bytesOut.add(bytes.count)
        stream.send(bytes)
        guard keepsAlive else { return end() }
        phase = .head
        isIdle = true
        wait(worker.settings.keepAliveTimeout)
        // What was pipelined behind the request lies with the stream, and is handed over again.
        stream.setOwner(self)
    }

    /// To what was no whole request.
    private func answerLast(_ response: Response) {
        var response = response
        response.headers += worker.door.securityHeaders.data
        stream.send(response.encoded(keepAlive: false))
        worker.metrics.responses.add(StatusClass(response.status))
        end()
    }

    /// The answer waits for the job's next event, or for so long.
    func wait(
        for job: JobID, _ wish: Wish, _ grant: Grant, atMost: Duration,
        _ whenOver: @escaping (LongPoll.End) -> Void
    ) {
        let poll = worker.enter {
            LongPoll(id: $0, job: job, caller: caller, grant: grant, worker: worker, whenOver)
        }
        self.poll = poll
        poll.start(wish, atMost: atMost)
    }

    func refused(_ close: Close) {
        switch close {
        case .originRefused: worker.metrics.handshakeRefusals.add(.origin)
        case .draining: worker.metrics.handshakeRefusals.add(.draining)
        default: break
        }
        worker.log.debug(
            "refused", ["peer": .word(caller.address), "why": .text(close.name)])
    }

    /// The socket is somebody else's from here on.
    func handOver(to owner: any StreamOwner) {
        phase = .done
        worker.forget(self)
        stream.setOwner(owner)
    }
}
