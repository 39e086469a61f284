// A recorded feed and the jobs that are followed: what is read of them in Redis, and how what is kept there
// becomes what followers get.

import Bytes
import Jobs
import Loop
import Redis
import Wire

extension RecordedFeed {
    /// An entry of a history, as followers get it. What somebody else wrote there is made harmless by
    /// the same reading that makes a worker's text so.
    func update(
        _ job: JobID, epoch: Epoch, seq: UInt64, _ kind: StampedMessage.Kind, _ body: Span<UInt8>
    ) -> (Update, SnapshotChange?) {
        guard case .event = kind else {
            let frame = EventFrame.gap(
                job: job, epoch: epoch, from: seq, to: seq, reason: .unrecorded)
            return (
                Update(
                    job: job, epoch: epoch, seq: seq, kind: .gap(.unrecorded),
                    type: EventType("gap"), frame: frame, heardAt: loop.now.nanoseconds), nil
            )
        }
        var text: [UInt8] = []
        swap(&text, &recordedText)
        text.removeAll(keepingCapacity: text.capacity <= Self.textKeptMax)
        text.append(UInt8(ascii: "{"))
        text.append(body)
        defer { swap(&text, &recordedText) }
        let event = recordedReader.read(
            text.span, heardAt: WallTime(milliseconds: WallClock.milliseconds()), of: job.kind)
        let frame = EventFrame.encode(job: job, seq: seq, rest: event.rest.span)
        return (
            Update(
                job: job, epoch: epoch, seq: seq, kind: .event, type: event.type, frame: frame,
                heardAt: loop.now.nanoseconds), event.change
        )
    }

    private static let textKeptMax = 65_536

    private func tell(_ news: [FollowedNews]) {
        for each in news {
            switch each {
            case .update(let update, let change, let loops): tell(.update(update, change, loops))
            case .opened(let opening, let loops):
                for loop in loops.members { tell(.opened(opening, loop: loop)) }
            }
        }
    }

    func askForJobs() {
        while recorder.isWhole, readsInFlight < Self.readsMax, loop.now >= readNotBefore {
            let wishes = followed.nextWishes(checksMax: Self.checksMax)
            guard !wishes.isEmpty else { return }
            readsInFlight += 1
            let arguments = calls.follow(
                wishes, at: loop.now, random: .random(using: &random),
                now: WallClock.milliseconds())
            evaluate(arguments) { [weak self] answer in self?.take(answer, to: wishes) }
        }
    }

    private func take(_ answer: RedisCommands.Answer, to wishes: [FollowedJobs.Wish]) {
        readsInFlight -= 1
        guard case .success(let reply) = answer, let touched = TouchAnswer(reply),
            touched.jobs.count == wishes.count
        else {
            readNotBefore = loop.now + Self.readPause
            for wish in wishes { followed.failed(wish) }
            return
        }
        // Another primary answers from the past of ours.
        guard touched.reign == recorder.subscription?.reign else {
            for wish in wishes { followed.failed(wish) }
            return
        }
        for (wish, job) in zip(wishes, touched.jobs) { tell(news(of: wish, job)) }
        tell(.caughtUp)
    }

    private func news(of wish: FollowedJobs.Wish, _ job: TouchAnswer.Job) -> [FollowedNews] {
        switch (wish.kind, job) {
        case (.check, .none): return followed.stands(wish, at: Cursor(epoch: nil, seq: 0))
        case (.check, .stands(let standing)): return followed.stands(wish, at: standing.cursor)
        case (.missed, .stands(let standing)) where standing.goesOn(behind: wish.behind):
            guard let epoch = standing.cursor.epoch else { return [] }
            return followed.missed(
                wish,
                standing.entries.map {
                    update(wish.job, epoch: epoch, seq: $0.seq, $0.kind, $0.body.span)
                })
        default:
            return followed.opened(wish, opening(wish.job, job, isBrief: wish.kind == .brief))
        }
    }

    private func opening(
        _ job: JobID, _ answer: TouchAnswer.Job, isBrief: Bool = false
    ) -> Opening {
        let empty = Opening(job: job, isBrief: isBrief)
        switch answer {
        case .none: return empty
        case .unreadable:
            tell(.recording(.unreadable(job)))
            return empty
        case .stands(let standing):
            guard let epoch = standing.cursor.epoch else { return empty }
            return Opening(
                job: job, epoch: epoch, seq: standing.cursor.seq, forks: standing.forks,
                snapshot: standing.snapshot,
                updates: standing.entries.map {
                    update(job, epoch: epoch, seq: $0.seq, $0.kind, $0.body.span).0
                }, isBrief: isBrief, behind: standing.behind)
        }
    }
}

extension RecordedFeed: JobFeed {
    public func stop() {
        subscriber?.stop()
        commands?.stop()
    }

    public func takeHeard() -> (events: Int, bytes: Int) {
        defer { (eventsHeard, bytesHeard) = (0, 0) }
        return (eventsHeard, bytesHeard)
    }

    public var jobCount: Int { followed.count }
    public var historyBytes: Int { 0 }

    public func follow(_ job: JobID, from loop: Int, isBrief: Bool = false) {
        followed.follow(job, from: loop, isBrief: isBrief, at: self.loop.now)
        askForJobs()
    }

    public func unfollow(_ job: JobID, from loop: Int) { followed.unfollow(job, from: loop) }
    public func followAll(from loop: Int) { watching.insert(loop) }
    public func unfollowAll(from loop: Int) { watching.remove(loop) }

    public func peek(
        _ job: JobID, _ part: HistoryPart, _ answer: @escaping (Opening?) -> Void
    ) {
        guard recorder.isWhole else { return answer(nil) }
        let arguments = calls.look(
            job, part, random: .random(using: &random), now: WallClock.milliseconds())
        evaluate(arguments) { [weak self] reply in
            guard let self else { return answer(nil) }
            guard case .success(let reply) = reply, let touched = TouchAnswer(reply, part),
                let told = touched.jobs.first
            else { return answer(nil) }
            answer(opening(job, told).shown())
        }
    }
}
