// Four jobs as real workers have them, told for ever: one builds, one trains, one fails and tries again,
// one waits in a queue. Pure: the same seed tells the same story, and time is only counted.

struct Demo {
    struct Beat: Equatable {
        /// How long after the beat before.
        let after: Duration
        let job: String
        let event: String
    }

    static let jobs = ["demo-build", "demo-training", "demo-flaky", "demo-queued"]

    private var stories: [Story]
    private var now = Duration.zero

    init(seed: UInt64) {
        stories = zip(Self.jobs, [Story.Plot.build, .training, .flaky, .queued]).enumerated().map {
            Story(job: $1.0, plot: $1.1, chance: Chance(state: seed &+ UInt64($0)))
        }
    }

    mutating func next() -> Beat {
        let index = stories.indices.min { stories[$0].due < stories[$1].due } ?? 0
        let after = stories[index].due - now
        now = stories[index].due
        return Beat(after: after, job: stories[index].job, event: stories[index].next())
    }
}

/// One job's events, round after round. Every round is a higher attempt, which starts the job over.
private struct Story {
    typealias Plot = DemoPlot

    let job: String
    let plot: DemoPlot
    var chance: Chance
    /// When its next event comes.
    private(set) var due = Duration.zero
    private var attempt = 0
    private var told: ArraySlice<DemoLine> = []

    init(job: String, plot: DemoPlot, chance: Chance) {
        (self.job, self.plot, self.chance) = (job, plot, chance)
        refill()
        due = .zero
    }

    mutating func next() -> String {
        let line = told.removeFirst()
        if told.isEmpty { refill() }
        due += .milliseconds((told.first?.afterMilliseconds ?? 0))
        return line.event
    }

    private mutating func refill() {
        told = plot.lines(attempt: attempt + 1, &chance)[...]
        attempt += plot.attemptsPerRound
    }
}

struct DemoLine {
    let afterMilliseconds: Int
    let event: String
}

/// SplitMix64: small, and the same on every machine.
struct Chance: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
