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
        case (.open, .unsubscribe(let request)): try unsubscribe(request)
        }
    }

    private func authenticate(_ token: String, _ id: RequestID?) throws(ClientRefusal) {
        let grant: Grant
        do throws(TokenFault) {
            grant = try worker.door.verifier.verify(token, now: WallClock.milliseconds() / 1_000)
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
                let job = try job(follow.subject, request.id)
                do throws(Close) { try worker.door.check(job, grant) } catch {
                    if let refusal = error.authRefusal { worker.metrics.authRefusals.add(refusal) }
                    throw ClientRefusal(
                        code: error == .noSuchFeed ? error.name : "forbidden",
                        message: error.reason, about: follow.subject, id: request.id)
                }
                guard
                    isFollowing(job)
                        || followedCount < worker.settings.subscriptionsPerConnectionMax
                else {
                    throw ClientRefusal(
                        code: "too_many_subscriptions",
                        message: "a connection has at most "
                            + "\(worker.settings.subscriptionsPerConnectionMax) subscriptions",
                        about: follow.subject, id: request.id)
                }
                self.follow(job, Wish(request.options, after: follow.after), request: request.id)
            } catch {
                reject(error)
            }
        }
    }

    private func unsubscribe(_ request: UnsubscribeRequest) throws(ClientRefusal) {
        for subject in request.subjects {
            let job = try job(subject, request.id)
            guard unfollow(job) else {
                reject(
                    ClientRefusal(
                        code: "not_subscribed", message: "there is no such subscription",
                        about: subject, id: request.id))
                continue
            }
            send(ServerMessage.unsubscribed(.job(job), reason: "asked", id: request.id))
        }
    }

    private func job(_ subject: Subject, _ id: RequestID?) throws(ClientRefusal) -> JobID {
        guard case .job(let job) = subject else {
            throw ClientRefusal(
                code: "not_built", message: "queues are not in this version",
                about: subject, id: id)
        }
        return job
    }

    func reject(_ refusal: ClientRefusal) {
        worker.metrics.messageRefusals.add(MessageRefusal(refusal))
        // Nothing but a close comes before `connected`.
        guard case .open = phase else { return close(.tokenRefused(.missing)) }
        worker.log.debug("rejected", ["connection": .word(id), "code": .text(refusal.code)])
        send(ServerMessage.rejected(refusal))
    }
}
