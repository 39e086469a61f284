// HTTPConnection is a client until it becomes a WebSocket: heads are read, routed and answered, one
// after the other, in the order they came (pipelining), until either side has had enough.
//
// Invariant: while an answer is outstanding nothing further is read, so answers never overtake.

import Bytes
import Hub
import Jobs
import Loop
import Tokens
import Wire

final class HTTPConnection {
    private enum Phase {
        case head
        case body(RequestHead, BodyReader)
        /// Waits for the feed.
        case answering(RequestHead)
        case done
    }

    let stream: Stream
    unowned let worker: Worker
    let admission: Admission.Verdict
    private let reader: HeadReader
    private var phase = Phase.head
    private var timer: TimerID?

    init(stream: Stream, worker: Worker, admission: Admission.Verdict) {
        self.stream = stream
        self.worker = worker
        self.admission = admission
        reader = worker.headReader
        wait(worker.settings.handshakeTimeout)
    }

    private func wait(_ timeout: Duration) {
        if let timer { worker.loop.disarm(timer) }
        timer = worker.loop.arm(self, after: timeout)
    }

    private func read(_ bytes: Span<UInt8>) throws(HTTPViolation) -> Int {
        var consumed = 0
        while true {
            switch phase {
            case .head:
                guard let (head, length) = try reader.read(bytes.extracting(droppingFirst: consumed))
                else { return consumed }
                consumed += length
                let body = try BodyReader(head.framing, limits: worker.bodyLimits)
                if head.expectsContinue { stream.send(Response.continue) }
                phase = .body(head, body)
            case .body(let head, var body):
                let isWhole = try body.read(bytes, consumed: &consumed) != nil
                guard isWhole else {
                    phase = .body(head, body)
                    return consumed
                }
                answer(head)
            case .answering, .done:
                return consumed
            }
        }
    }

    private func answer(_ head: RequestHead) {
        phase = .answering(head)
        let route = Route(path: head.path)
        if route.isSocket { return upgrade(head, route) }
        guard admission == .admitted else {
            return respond(.error(.tooManyRequests, "too_many_connections", "too many connections"))
        }
        guard head.method == .get || head.method == .head else {
            return respond(.methodNotAllowed)
        }
        switch route {
        case .health: respond(.json(200, #"{"status":"ok"}"#))
        case .readiness: respond(worker.readiness())
        case .metrics: respond(worker.metricsPage())
        case .asset(let index): respond(.asset(PageAssets.files[index]))
        case .job(let segment): respondWithJob(segment, head)
        case .notBuilt: respond(.error(.notImplemented, "not_built", "not in this version"))
        case .unknown, .jobSocket, .socket:
            respond(.error(.notFound, "not_found", "no such path"))
        }
    }

    private func respondWithJob(_ segment: String, _ head: RequestHead) {
        do throws(Refusal) {
            let grant = try worker.door.grant(head)
            let job = try Door.job(segment)
            guard grant.mayFollow(job: job.text) else { throw .notThisJob }
            worker.peek(job) { [weak self] opening, watchers in
                self?.respond(.snapshot(opening, watchers: watchers, ifNoneMatch: head.first("if-none-match")))
            }
        } catch {
            respond(.refusal(error))
        }
    }

    func respond(_ response: Response) {
        guard case .answering(let head) = phase else { return }
        let keepsAlive = head.keepsAlive && !worker.isDraining
        worker.count(response)
        stream.send(response.encoded(keepAlive: keepsAlive, omitBody: head.method == .head))
        guard keepsAlive else {
            phase = .done
            return stream.finish()
        }
        phase = .head
        wait(worker.settings.keepAliveTimeout)
        // What was pipelined behind the request lies with the stream and is handed over again.
        stream.setOwner(self)
    }
}
