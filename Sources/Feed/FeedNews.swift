// FeedNews is what a feed tells its owner, in the order in which it came about.

import Jobs
import Redis

/// What the feed tells its owner. Loops not named are not concerned.
public enum FeedNews {
    /// What the update does to the snapshot comes with it; nil for a gap.
    case update(Update, SnapshotChange?, LoopSet)
    case opened(Opening, loop: Int)
    /// To loops that follow queues, and not this job.
    case active(Announcement, LoopSet)
    /// All that one read of the socket brought has been told.
    case caughtUp
    case odd(EventOddities, JobID)
    case refusedChannel(JobIDFault)
    /// A message, or an event in it, that names no job.
    case nameless(NamelessFault)
    case redisReady
    case redisLost(RedisFault)
    case redisRetrying(after: Duration)
    case commandsReady
    case commandsLost(RedisFault)
    /// Whether what is published reaches followers, from now on.
    case flow(Flow)
    /// Redis forbids us to publish the probe, or to hear it: a PING must do.
    case mayNotProbe
    case recording(RecordingNews)
    /// So many jobs were told to be stalled.
    case stalled(Int)
}
