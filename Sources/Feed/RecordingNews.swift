// RecordingNews is what recording in Redis tells those that run it.

import Jobs

/// What recording tells its operator.
public enum RecordingNews: Equatable, Sendable {
    /// Events are being recorded, or, until this bridge finds its place again, not by it.
    case aligned(Bool)
    /// Somebody who was there was silent for so long that an era was opened over them.
    case openedOverSilence
    /// More waited for Redis than may wait: what was let go lies in a gap.
    case overflowed
    /// Another bridge counts other patterns on this Redis: both can't record.
    case otherPatterns
    /// The user may not use INFO, without which one server can't be told from another.
    case noRunID
    /// Connected to a replica, or to a primary that has become one: it can't record.
    case replica
    /// A script was refused; the text is Redis' own.
    case refused(String)
    /// A key of this job is of a wrong type.
    case unreadable(JobID)
    /// A message on our own channels that none of us wrote.
    case strange
}
