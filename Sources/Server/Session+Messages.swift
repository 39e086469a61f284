// What a client says, and what it is answered (protocol.md section 4).

import Hub
import Jobs
import Loop
import Telemetry
import Tokens
import Wire

extension Session {
    func answer(text: [UInt8]) {
        guard !form.isMessagePack else {
            return reject(
                ClientRefusal(
                    code: "text_not_spoken", message: "messages are MessagePack in binary frames",
                    id: nil))
        }
        obey { () throws(ClientRefusal) in try worker.messageReader.read(text.span) }
    }

    func answer(binary: [UInt8]) {
        guard form.isMessagePack else {
            return reject(
                ClientRefusal(
                    code: "binary_not_spoken", message: "messages are JSON in text frames", id: nil)
            )
        }
        obey { () throws(ClientRefusal) in
            try worker.messageReader.read(messagePack: binary.span)
        }
    }

    private func obey(_ read: () throws(ClientRefusal) -> ClientMessage) {
        do throws(ClientRefusal) {
            try obey(try read())
        } catch {
            reject(error)
        }
    }

    private func obey(_ message: ClientMessage) throws(ClientRefusal) {
        switch (phase, message) {
        case (.closing, _): break
        case (_, .auth(let token, let id)): try authenticate(token, id)
        case (.authenticating, _): close(.tokenRefused(.missing))
        case (.open, .ping(let id)): send(ServerMessage.pong(id: id))
        case (.open(let grant), .subscribe(let request)): try subscribe(request, grant)
        case (.open, .unsubscribe(let request)): unsubscribe(request)
        }
    }

    private func authenticate(_ token: String, _ id: RequestID?) throws(ClientRefusal) {
        let grant: Grant
        do throws(TokenFault) {
            grant = try worker.door.verify(token)
        } catch {
            guard case .open = phase else { return close(.tokenRefused(error)) }
            worker.metrics.authRefusals.add(AuthRefusal(error))
            throw ClientRefusal(code: "token_\(error.rawValue)", message: error.message, id: id)
        }
        guard case .open(let present) = phase else {
            return open(grant)
        }
        guard grant.hasSameSubject(as: present) else {
            worker.metrics.authRefusals.add(.otherSubject)
            throw ClientRefusal(
                code: "other_subject", message: "the token is of another subject", id: id)
        }
        refresh(grant)
        send(ServerMessage.authenticated(expiresAt: worker.end(of: grant), id: id))
    }

    private func subscribe(_ request: SubscribeRequest, _ grant: Grant) throws(ClientRefusal) {
        let furtherCost = request.follows.count / Self.jobsPerMessage
        guard mayTake(furtherCost) else { return close(.tooManyMessages) }
        for follow in request.follows {
            do throws(ClientRefusal) {
                guard case .job(let job) = follow.subject else {
                    try view(follow, request, grant)
                    continue
                }
                do throws(Close) { try worker.door.check(job, grant) } catch {
                    if let refusal = error.authRefusal { worker.metrics.authRefusals.add(refusal) }
                    throw ClientRefusal(
                        code: error == .noSuchFeed ? error.name : "forbidden",
                        message: error.reason, about: follow.subject, id: request.id)
                }
                if !isFollowing(job) { try mayFollowMore(follow.subject, request.id) }
                self.follow(job, Wish(request.options, after: follow.after), request: request.id)
            } catch {
                reject(error)
            }
        }
    }

    private func unsubscribe(_ request: UnsubscribeRequest) {
        for subject in request.subjects {
            guard unfollow(subject) else {
                reject(
                    ClientRefusal(
                        code: "not_subscribed", message: "there is no such subscription",
                        about: subject, id: request.id))
                continue
            }
            send(ServerMessage.unsubscribed(subject, reason: "asked", id: request.id))
        }
    }

    private func unfollow(_ subject: Subject) -> Bool {
        switch subject {
        case .job(let job): unfollow(job)
        case .queue(let queue): unview(queue)
        }
    }

    func mayFollowMore(_ subject: Subject, _ id: RequestID?) throws(ClientRefusal) {
        let most = worker.settings.subscriptionsPerConnectionMax
        guard followedCount < most else {
            throw ClientRefusal(
                code: "too_many_subscriptions",
                message: "a connection has at most \(most) subscriptions",
                about: subject, id: id)
        }
    }

    func reject(_ refusal: ClientRefusal) {
        worker.metrics.messageRefusals.add(MessageRefusal(refusal))
        // Nothing but a close comes before `connected`.
        guard case .open = phase else { return close(.tokenRefused(.missing)) }
        worker.log.debug("rejected", ["connection": .word(id), "code": .text(refusal.code)])
        send(ServerMessage.rejected(refusal))
    }
}
