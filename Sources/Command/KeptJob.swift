// What Redis remembers of a job that is told anew. Whoever starts a job over says a higher attempt than the one
// remembered, since what comes late of an earlier attempt changes nothing.
//
// Redis is asked by pipelined reads of the recorded states; where nothing is recorded, or may not be read, a job
// is as new.

import Feed
import Redis

struct KeptJob: Equatable {
    /// Rises with each event.
    let seq: Int64
    /// The highest that was told; a job that never told one is at its first.
    let attempt: Int
    let hasEnded: Bool

    /// Whoever may write in Redis names any number: the attempts behind it can be counted all the same.
    static let attemptMax = 1 << 53

    private static let fields = ["seq", "attempt", "finished_at"]

    /// Nil where there is no such job.
    init?(_ reply: RedisReply) {
        guard case .array(let values) = reply, values.count == Self.fields.count,
            let seq = values[0].text.flatMap({ Int64($0) })
        else { return nil }
        self.seq = seq
        attempt = min(values[1].text.flatMap { Int($0) } ?? 1, Self.attemptMax)
        hasEnded = values[2] != .null
    }

    /// Of so many jobs at a time Redis is asked.
    private static let batchMax = 1_000

    /// Calls `done` with the jobs that there are; not at all when Redis is lost meanwhile.
    static func ask(
        _ jobs: ArraySlice<String>, as names: RecordedNames, _ commands: RedisCommands,
        found: [String: KeptJob] = [:], _ done: @escaping ([String: KeptJob]) -> Void
    ) {
        guard !jobs.isEmpty else { return done(found) }
        var (found, open, isLost) = (found, min(jobs.count, batchMax), false)
        for job in jobs.prefix(batchMax) {
            let words = ["HMGET", names.state("job:\(job)")] + fields
            commands.send(words.map { Array($0.utf8) }) { answer in
                switch answer {
                case .success(let reply): found[job] = KeptJob(reply)
                case .failure: isLost = true
                }
                open -= 1
                guard open == 0, !isLost else { return }
                ask(jobs.dropFirst(batchMax), as: names, commands, found: found, done)
            }
        }
    }
}
