// A recorded feed and its silent jobs: a script looks at some of the list, oldest first, and gives those that are
// stalled their event, in one step. So it is told once, whichever bridge comes first.
//
// A place in the list goes by the time of a job's last event. Once looked at there, a job need not be looked at
// again before it has had another event, and then it has another place.

import Jobs
import Loop
import Redis

extension RecordedFeed {
    /// The list goes by the second.
    private static let listSlack: Int64 = 1_000

    func tellSilent() {
        guard silence.silentSince != nil, let silentMax = silence.silentMax else {
            return silence.sweepLater(hasMore: false)
        }
        let now = WallClock.milliseconds()
        let arguments = calls.stall(
            silence.event(at: WallTime(milliseconds: now)), from: stallPlace,
            before: now - silentMax.nanoseconds / 1_000_000 - Self.listSlack,
            looks: Silence.listedLooksMax, runID: runID, random: .random(using: &random), now: now)
        evaluate(arguments) { [weak self] answer in
            guard let self else { return }
            note(answer)
            guard let (told, next) = ScriptCalls.stallAnswer(answer) else {
                return silence.sweepLater(hasMore: false)
            }
            stallPlace = next
            if told > 0 { tell(.stalled(told)) }
            silence.sweepLater(hasMore: !next.score.hasPrefix("("))
        }
    }
}
