// Watchers counts who follows each job, over all loops. With one loop the hub knows it already, and then
// nothing is counted here.

import Jobs
import Loop

final class Watchers: Sendable {
    private let counts = Guarded<[JobID: Int]>([:])

    func add(_ change: Int, to job: JobID) {
        counts.withLock { counts in
            let count = counts[job, default: 0] + change
            counts[job] = count > 0 ? count : nil
        }
    }

    func count(of job: JobID) -> Int { counts.withLock { $0[job] ?? 0 } }
}
