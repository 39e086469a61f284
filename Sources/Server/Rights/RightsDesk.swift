// RightsDesk is where a loop's petitions lie: it looks whose the jobs are, asks the hook, and answers. Who
// waits for a job to become his is looked at again twice a second, many jobs in one question to the feed.
//
// Nothing it answers tells whether there is such a job: a job of somebody else is waited for as long as one
// that was never heard of, and refused with the same words.
//
// Invariants: one look is under way at a time, at so many jobs at most. Who holds a right by a job's state is
// in `holders` from its first event on until it loses it, so that a change of owner ends it before the
// event that brings it is handed out.

import Fleet
import Hub
import JSON
import Jobs
import Loop
import Telemetry
import Tokens
import Wire

final class RightsDesk {
    /// Petitions that may wait for a job to become theirs, and as many that are being looked at or asked about
    /// the first time: who waits keeps nobody out whose job it is already. Beyond that one is told to come again.
    static let petitionsMax = 100_000
    static let jobsPerLook = 256
    static let lookInterval = Duration.milliseconds(500)
    /// Between two looks at those who wait.
    static let lookPause = Duration.milliseconds(20)
    static let doubtsMax = 10

    private unowned let worker: Worker
    private var fresh: [Petition] = []
    /// Looked at before. The first is due first.
    private var resting: ArraySlice<Petition> = []
    private var isLooking = false
    private var timer: TimerID?
    private var hooked: [UInt64: Petition] = [:]
    private var nextTicket: UInt64 = 0
    private var holders: [JobID: Set<FollowerID>] = [:]

    init(_ worker: Worker) { self.worker = worker }

    private var now: Instant { worker.loop.now }
    private var hasHook: Bool { worker.house.rightsHook != nil }

    /// It may be answered before this returns.
    func enter(_ petition: Petition) {
        guard !worker.isDraining else { return petition.answer(.ended(.draining)) }
        guard fresh.count + hooked.count < Self.petitionsMax else { return turnAway(petition) }
        switch Rights.answer(petition.grant, petition.subject, hasHook: hasHook) {
        case .yes(let right): petition.answer(.granted(right))
        case .no, .wait: petition.answer(.refused)
        case .askHook: askHook(petition)
        case .look:
            fresh.append(petition)
            look()
        }
    }

    private func turnAway(_ petition: Petition) {
        worker.throttledLog.line(.warning, "petitions_max", at: now.milliseconds, [:])
        petition.answer(.unavailable)
    }

    /// The server leaves.
    func drain() {
        let all = fresh + resting + hooked.values
        (fresh, resting, hooked) = ([], [], [:])
        for petition in all { petition.answer(.ended(.draining)) }
        count()
    }

    /// Sessions have ended by now, and withdrawn theirs.
    func endRevoked(_ revocations: Revocations) {
        for petition in fresh + resting + hooked.values where revocations.cover(petition.grant) {
            petition.answer(.ended(.tokenRefused(.revoked)))
        }
    }

    private func count() { worker.metrics.rightsAwaited.set(resting.count) }
}

// MARK: - Looking

extension RightsDesk: TimerTarget {
    func timerFired(_ id: TimerID) {
        timer = nil
        look()
    }

    private func look() {
        guard !isLooking else { return }
        let petitions = takeDue()
        guard !petitions.isEmpty else {
            count()
            return armTimer()
        }
        var places: [JobID: Int] = [:]
        var jobs: [JobID] = []
        for case .job(let job) in petitions.lazy.map(\.subject) where places[job] == nil {
            places[job] = jobs.count
            jobs.append(job)
        }
        isLooking = true
        worker.ask(.whose(jobs)) { [unowned self] answer in
            guard case .whose(let found) = answer else { return }
            isLooking = false
            for petition in petitions where !petition.isOver {
                guard case .job(let job) = petition.subject, let place = places[job] else {
                    continue
                }
                decide(petition, found?[place])
            }
            count()
            if fresh.isEmpty { armTimer() } else { look() }
        }
    }

    /// Who comes first, then those whose time to be looked at has come.
    private func takeDue() -> [Petition] {
        var due = Array(fresh.prefix(Self.jobsPerLook))
        fresh.removeFirst(due.count)
        while due.count < Self.jobsPerLook, let first = resting.first, first.looksAt <= now {
            resting.removeFirst()
            if !first.isOver { due.append(first) }
        }
        return due.filter { !$0.isOver }
    }

    private func armTimer() {
        guard timer == nil, let first = resting.first else { return }
        timer = worker.loop.arm(self, after: max(first.looksAt - now, Self.lookPause))
    }

    /// Nil: Redis could not be asked.
    private func decide(_ petition: Petition, _ belonging: Belonging?) {
        let mayWait = petition.waitsUntil.map { now < $0 } ?? false
        guard let belonging else {
            return mayWait ? rest(petition) : petition.answer(.unavailable)
        }
        switch Rights.answer(petition.grant, belonging, hasHook: hasHook, mayWait: mayWait) {
        case .yes where isDoubtful(petition):
            petition.doubts += 1
            if petition.doubts > Self.doubtsMax {
                petition.answer(.refused)
            } else {
                rest(petition)
            }
        case .yes(let right): petition.answer(.granted(right))
        case .no, .look: petition.answer(.refused)
        case .askHook: askHook(petition)
        case .wait: rest(petition)
        }
    }

    /// What was heard of the job may be newer than what was just read, or older: time tells.
    private func isDoubtful(_ petition: Petition) -> Bool {
        guard case .job(let job) = petition.subject else { return false }
        return worker.hub.belonging(of: job).map { !petition.grant.covers($0) } ?? false
    }

    private func rest(_ petition: Petition) {
        guard petition.hasRested || resting.count < Self.petitionsMax else {
            return turnAway(petition)
        }
        petition.hasRested = true
        petition.looksAt = now + Self.lookInterval
        if let end = petition.waitsUntil { petition.looksAt = min(petition.looksAt, end) }
        resting.append(petition)
    }
}

// MARK: - The hook

extension RightsDesk {
    private func askHook(_ petition: Petition) {
        guard let hook = worker.house.rightsHook, let token = petition.grant.token else {
            return petition.answer(.unavailable)
        }
        nextTicket += 1
        hooked[nextTicket] = petition
        hook.ask(
            HookQuestion(
                token: token, body: petition.hookBody, loop: worker.index, ticket: nextTicket))
    }

    func hear(_ answer: HookAnswer) {
        count(answer)
        guard let petition = hooked.removeValue(forKey: answer.ticket) else { return }
        switch answer.outcome {
        case .allowed: petition.answer(.granted(.hook))
        case .refused: petition.answer(.refused)
        case .failed, .overloaded: petition.answer(.unavailable)
        }
    }

    private func count(_ answer: HookAnswer) {
        let metrics = worker.metrics
        switch answer.source {
        case .asked(let nanoseconds):
            metrics.hookAsks.add(HookAsk(answer.outcome))
            metrics.hookDuration.observe(nanoseconds: nanoseconds)
        case .cached: metrics.hookCacheHits.add()
        case .shared: break
        case .notAsked: metrics.hookAsks.add(HookAsk(answer.outcome))
        }
        guard case .failed(let why) = answer.outcome, case .asked = answer.source else { return }
        worker.throttledLog.line(
            .warning, "rights_hook_failed", at: now.milliseconds,
            [
                "why": .text(why),
                "what_to_do": "until it answers again, who needs it is told to come back",
            ])
    }
}

extension Petition {
    /// What the hook is asked, besides the token.
    fileprivate var hookBody: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        switch subject {
        case .job(let job):
            json.key("\(job.kind.member)")
            json.string(job.text)
        case .queue(let queue):
            json.key("queue")
            json.string(queue)
        }
        for (name, text) in [("sub", grant.subject), ("iss", grant.issuer)] {
            guard let text else { continue }
            json.key(name)
            json.string(text)
        }
        json.endObject()
        return json.bytes
    }
}

// MARK: - Rights that a job's state gave

extension RightsDesk {
    func hold(_ job: JobID, by follower: FollowerID) {
        holders[job, default: []].insert(follower)
    }

    func letGo(_ job: JobID, by follower: FollowerID) {
        guard holders[job]?.remove(follower) != nil, holders[job]?.isEmpty == true else { return }
        holders[job] = nil
    }

    /// The job's state has been changed, or read anew. Answers who may follow it no more.
    @discardableResult
    func review(_ job: JobID) -> Set<FollowerID> {
        guard !holders.isEmpty, let followers = holders[job],
            let belonging = worker.hub.belonging(of: job)
        else { return [] }
        for follower in followers {
            worker.session(follower)?.review(job, belonging)
            worker.httpFollowers[follower]?.review(job, belonging)
        }
        return followers.subtracting(holders[job] ?? [])
    }
}
