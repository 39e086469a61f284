// A recorded feed and its silent jobs. This bridge hears what is recorded of any job, and so knows who is silent;
// of those that it never heard, it asks the list. The script gives the event to who has had no other since, in
// one step: so it is told once, whichever bridge comes first.

import Jobs
import Loop
import Redis

extension RecordedFeed {
    func heardOfAnyJob(_ job: JobID, seq: UInt64) {
        guard silence.silentMax != nil, job.kind == .job else { return }
        watch.heard(job, seq: seq, at: loop.now.nanoseconds)
    }

    /// Whoever was not heard for a while may have spoken: watching begins anew.
    func watchAnew() {
        (watch, listedFrom) = (SilenceWatch(silentMax: silence.silentMax?.nanoseconds ?? 0), "-inf")
    }

    func tellSilent() {
        guard recorder.isAligned, subscriber?.isSilent == false else {
            return silence.sweepLater(hasMore: false)
        }
        if let score = listedFrom { return readList(from: score) }
        let silent = watch.silent(
            at: loop.now.nanoseconds, atMost: Silence.listedLooksMax)
        guard !silent.isEmpty else { return silence.sweepLater(hasMore: false) }
        let now = WallClock.milliseconds()
        let arguments = calls.stall(
            silent, silence.event(at: WallTime(milliseconds: now)),
            random: .random(using: &random), now: now)
        evaluate(arguments) { [weak self] answer in
            guard let self else { return }
            if case .success(.integer(let told)) = answer {
                if told > 0 { tell(.stalled(Int(told))) }
            } else {
                for each in silent { heardOfAnyJob(each.job, seq: each.seq) }
            }
            silence.sweepLater(hasMore: silent.count == Silence.listedLooksMax)
        }
    }

    private func readList(from score: String) {
        let arguments = calls.alive(
            from: score, looks: Silence.listedLooksMax,
            random: .random(using: &random), now: WallClock.milliseconds())
        evaluate(arguments) { [weak self] answer in
            guard let self else { return }
            let page = ScriptCalls.aliveAnswer(answer)
            if let (jobs, next) = page, listedFrom == score {
                for each in jobs { watch.heard(listed: each, at: loop.now.nanoseconds) }
                listedFrom = next
            }
            silence.sweepLater(hasMore: page != nil)
        }
    }
}
