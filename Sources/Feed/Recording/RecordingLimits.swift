// RecordingLimits is how much of each job is kept in Redis, and for how long.

import Jobs

/// What is kept of jobs in Redis, and for how long.
public struct RecordingLimits: Equatable, Sendable {
    public var perJob: RingLimits
    public var stateLife: Duration
    public var streamLife: Duration
    public var endedLife: Duration

    public init(
        perJob: RingLimits = RingLimits(), stateLife: Duration = .seconds(30 * 86_400),
        streamLife: Duration = .seconds(86_400), endedLife: Duration = .seconds(86_400)
    ) {
        self.perJob = perJob
        self.stateLife = stateLife
        self.streamLife = streamLife
        self.endedLife = endedLife
    }
}
