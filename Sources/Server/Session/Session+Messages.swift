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
        // A refusal may have ended it: what is followed after its end would be nobody's, and nobody would end it.
        for follow in request.follows where !isClosing {
            do throws(ClientRefusal) {
                try subscribe(follow, request, grant)
            } catch {
                reject(error)
            }
        }
    }

    private func subscribe(
        _ follow: SubscribeRequest.Follow, _ request: SubscribeRequest, _ grant: Grant
    ) throws(ClientRefusal) {
        let subject = follow.subject
        let wish = Wish(request.options, after: follow.after)
        if case .queue = subject, wish.after != nil {
            throw ClientRefusal(
                code: "bad_cursor", message: Door.noQueueCursor, about: subject, id: request.id)
        }
        if !isFollowing(subject), rights?.pending[subject] == nil {
            try mayFollowMore(subject, request.id)
        }
        do throws(Close) {
            guard try mayNow(subject, grant, .follow(wish, request.id)) else { return }
        } catch { throw refusal(of: subject, error, request.id) }
        self.follow(subject, wish, grant, request.id)
    }

    func isFollowing(_ subject: Subject) -> Bool {
        switch subject {
        case .job(let job): isFollowing(job)
        case .queue(let queue): views?.byQueue[queue] != nil
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
        let wasAwaited = withdraw(subject)
        return switch subject {
        case .job(let job): unfollow(job) || wasAwaited
        case .queue(let queue): unview(queue) || wasAwaited
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
