// What a token says of a job or a feed. Tokens know texts only.

import Jobs
import Tokens

extension Grant {
    func mayFollow(_ job: JobID) -> Bool {
        switch job.kind {
        case .job: mayFollow(job: job.text)
        case .feed: mayFollow(feed: job.text)
        }
    }
}
