// What a session may follow by other rights than its claims: it asks for them, holds them, loses them.
//
// Invariants: a subject has one petition at most, and it counts as a subscription. A job that is
// followed by its state is held at the desk as long. Rights by claims are in none of this: most sessions
// have no `SessionRights` at all.

import Hub
import Jobs
import Loop
import Telemetry
import Tokens
import Wire

final class SessionRights {
    enum Aim {
        /// What the path of the socket asked for.
        case begin(Session.Purpose)
        case follow(Wish, RequestID?)
        /// It is followed already, by a token that is not in use any more.
        case keep
    }

    var pending: [Subject: (petition: Petition, aim: Aim)] = [:]
    var byState: Set<JobID> = []

    /// Those that a client is yet to follow.
    var awaitedCount: Int {
        pending.values.count { if case .keep = $0.aim { false } else { true } }
    }
}

extension Session {
    /// True where the claims cover it; otherwise somebody is asked, and answers by `ruled`.
    func mayNow(
        _ subject: Subject?, _ grant: Grant, _ aim: SessionRights.Aim
    ) throws(Close) -> Bool {
        guard let subject else { return true }
        switch Rights.answer(grant, subject, hasHook: worker.hasHook) {
        case .yes:
            withdraw(subject)
            giveUpHold(on: subject)
            try worker.door.checkThereIs(subject)
            return true
        case .no: throw .notCovered(subject)
        case .look, .askHook, .wait:
            if isFollowing(subject), let asked = rights?.pending[subject]?.petition {
                // It is followed by an earlier token's right. To ask anew, or to wait, would prolong that.
                rights?.pending[subject] = (asked, aim)
            } else {
                petition(for: subject, grant, aim, waitsUntil: worker.ownerWaitEnd)
            }
            return false
        }
    }

    private func petition(
        for subject: Subject, _ grant: Grant, _ aim: SessionRights.Aim, waitsUntil: Instant?
    ) {
        let petition = Petition(subject, grant, waitsUntil: waitsUntil, at: worker.loop.now) {
            [weak self] in self?.ruled($0, subject)
        }
        withdraw(subject)
        rights = rights ?? SessionRights()
        rights?.pending[subject] = (petition, aim)
        worker.rights.enter(petition)
    }

    /// False where nothing was asked for.
    @discardableResult
    func withdraw(_ subject: Subject) -> Bool {
        guard let pending = rights?.pending.removeValue(forKey: subject) else { return false }
        pending.petition.withdraw()
        return true
    }

    private func ruled(_ ruling: Ruling, _ subject: Subject) {
        guard let (_, aim) = rights?.pending.removeValue(forKey: subject),
            case .open(let grant) = phase
        else { return }
        guard case .granted(let right) = ruling else {
            return refuse(subject, aim, ruling)
        }
        do throws(Close) { try worker.door.checkThereIs(subject) } catch {
            return refuse(subject, aim, error)
        }
        switch aim {
        case .begin(let purpose): begin(purpose, grant)
        case .follow(let wish, let request): follow(subject, wish, grant, request)
        case .keep: break
        }
        if right == .belonging, !isClosing, isFollowing(subject) { hold(subject) }
    }

    func follow(_ subject: Subject, _ wish: Wish, _ grant: Grant, _ request: RequestID?) {
        switch subject {
        case .job(let job): follow(job, wish, request: request)
        case .queue(let queue): view(queue, wish, grant, request: request)
        }
    }

    private func refuse(_ subject: Subject, _ aim: SessionRights.Aim, _ ruling: Ruling) {
        switch ruling {
        case .granted, .refused: refuse(subject, aim, .notCovered(subject))
        case .unavailable: refuse(subject, aim, .rightsUnavailable)
        case .ended(let reason): close(reason)
        }
    }

    private func refuse(_ subject: Subject, _ aim: SessionRights.Aim, _ reason: Close) {
        switch aim {
        case .begin: close(reason)
        case .follow(_, let request):
            reject(refusal(of: subject, reason, request))
            // What it follows so far, perhaps by a token that is not in use any more.
            if !isClosing, isFollowing(subject) { lose(subject, reason) }
        case .keep: lose(subject, reason)
        }
    }

    /// The same words whether there is such a job or not.
    func refusal(of subject: Subject, _ reason: Close, _ id: RequestID?) -> ClientRefusal {
        if let refusal = reason.authRefusal { worker.metrics.authRefusals.add(refusal) }
        return ClientRefusal(
            code: reason.authRefusal == nil ? reason.name : "forbidden", message: reason.reason,
            about: subject, id: id)
    }

    // MARK: holding and losing

    private func hold(_ subject: Subject) {
        guard case .job(let job) = subject else { return }
        rights = rights ?? SessionRights()
        rights?.byState.insert(job)
        worker.rights.hold(job, by: id)
    }

    /// It is not followed by its state any more.
    func giveUpHold(on subject: Subject) {
        guard case .job(let job) = subject, rights?.byState.remove(job) != nil else { return }
        worker.rights.letGo(job, by: id)
    }

    private func lose(_ subject: Subject, _ reason: Close) {
        switch subject {
        case .job(let job):
            if isOwn(job) { return close(reason) }
            guard unfollow(job) else { return }
            send(ServerMessage.unsubscribed(subject, reason: "right_lost"))
        case .queue(let queue):
            if views?.own == queue { return close(reason) }
            send(ServerMessage.unsubscribed(subject, reason: "right_lost"))
            _ = unview(queue, reason: .rightLost)
        }
    }

    /// The state of a job that is followed by it has changed.
    func review(_ job: JobID, _ belonging: Belonging) {
        guard case .open(let grant) = phase, rights?.byState.contains(job) == true,
            !grant.covers(belonging)
        else { return }
        lose(.job(job), .notCovered(.job(job)))
    }

    /// A fresh token: each right is decided anew, and what it does not give is lost.
    func renewRights(_ grant: Grant) {
        for (subject, (petition, aim)) in rights?.pending ?? [:] where !isClosing {
            self.petition(for: subject, grant, aim, waitsUntil: petition.waitsUntil)
        }
        // Views first: with the old rights a view might take over a job that is given up below.
        for queue in views.map({ Array($0.byQueue.keys) }) ?? [] where !isClosing {
            renew(.queue(queue), grant)
        }
        if !isClosing { renewViews(grant) }
        for job in followedJobs where !isClosing { renew(.job(job), grant) }
    }

    private func renew(_ subject: Subject, _ grant: Grant) {
        guard rights?.pending[subject] == nil else { return }
        switch Rights.answer(grant, subject, hasHook: worker.hasHook) {
        case .yes: giveUpHold(on: subject)
        case .no, .wait: lose(subject, .notCovered(subject))
        case .look, .askHook:
            if case .job(let job) = subject, let belonging = worker.hub.belonging(of: job) {
                if grant.covers(belonging) { return hold(subject) }
                guard worker.hasHook else { return lose(subject, .notCovered(subject)) }
            }
            giveUpHold(on: subject)
            petition(for: subject, grant, .keep, waitsUntil: nil)
        }
    }

    func leaveRights() {
        guard let rights else { return }
        self.rights = nil
        for (petition, _) in rights.pending.values { petition.withdraw() }
        for job in rights.byState { worker.rights.letGo(job, by: id) }
    }
}

extension Worker {
    var hasHook: Bool { house.rightsHook != nil }

    /// Until when who asks now may wait for a job to become his.
    var ownerWaitEnd: Instant? {
        settings.ownerWait > .zero && !hasHook ? loop.now + settings.ownerWait : nil
    }
}

extension Door {
    /// Asked after the rights, so that a refusal does not tell whether there is such a feed.
    func checkThereIs(_ subject: Subject) throws(Close) {
        guard case .job(let feed) = subject, feed.kind == .feed else { return }
        guard sources.contains(where: { $0.mayName(feed) }) else { throw .noSuchFeed }
    }
}
