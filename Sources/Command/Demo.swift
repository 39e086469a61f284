// Jobs as real workers have them, told for ever, each by a plot: one builds, one trains, one fails and
// tries again. Pure: the same seed tells the same story, and time is only counted.

struct Demo {
    struct Beat: Equatable {
        /// How long after the beat before.
        let after: Duration
        let job: String
        let event: String
    }

    /// Those of `jobwire run`.
    static let plots: [DemoPlot] = [.build, .training, .flaky, .queued]
    static let jobs = plots.map { "demo-\($0)" }

    /// By the time of their next event: a binary heap, for there may be very many.
    private var stories: [Story]
    private var now = Duration.zero
    /// How much faster than life.
    private var speed = 1.0

    init(seed: UInt64) { self.init(Array(zip(Self.jobs, Self.plots)), seed: seed) }

    /// With a `rate`, about so many events come in a second of all jobs together.
    init(_ cast: [(job: String, plot: DemoPlot)], seed: UInt64, rate: Double? = nil) {
        precondition(!cast.isEmpty, "a demo without jobs")
        stories = cast.enumerated().map {
            Story(
                job: $1.job, plot: $1.plot, chance: Chance(state: seed &+ UInt64($0)),
                beginsAtOnce: $0 < Self.plots.count)
        }
        stories.sort { $0.due < $1.due }
        if let rate { speed = rate / ownRate }
    }

    var jobs: [String] { stories.map(\.job) }

    /// How many events a second the jobs have of themselves.
    private var ownRate: Double {
        var rehearsal = self
        let count = min(Self.rehearsedBeats * stories.count, Self.rehearsedBeatsMax)
        for _ in 0..<count { _ = rehearsal.next() }
        return Double(count) / (rehearsal.now / .seconds(1))
    }

    /// Jobs that were told before, by whomever, go on with their next attempt. Before the first beat.
    mutating func goOn(after attempts: [String: Int]) {
        for index in stories.indices { stories[index].attempt = attempts[stories[index].job] ?? 0 }
    }

    private static let rehearsedBeats = 500
    private static let rehearsedBeatsMax = 50_000

    mutating func next() -> Beat {
        let after = stories[0].due - now
        now = stories[0].due
        let beat = Beat(after: after / speed, job: stories[0].job, event: stories[0].next())
        sinkFirst()
        return beat
    }

    private mutating func sinkFirst() {
        var at = 0
        while true {
            let children = stories.indices.dropFirst(2 * at + 1).prefix(2)
            guard let least = children.min(by: { stories[$0].due < stories[$1].due }),
                stories[least].due < stories[at].due
            else { return }
            stories.swapAt(at, least)
            at = least
        }
    }
}

/// One job's events, round after round. Every round is a higher attempt, which starts the job over.
private struct Story {
    let job: String
    let plot: DemoPlot
    var chance: Chance
    /// When its next event comes.
    private(set) var due = Duration.zero
    var attempt = 0 {
        willSet { precondition(told.isEmpty, "a story that is being told has its attempt") }
    }
    private var told: ArraySlice<DemoLine> = []

    /// Jobs that all began at once would all say the same at once.
    init(job: String, plot: DemoPlot, chance: Chance, beginsAtOnce: Bool) {
        (self.job, self.plot, self.chance) = (job, plot, chance)
        if !beginsAtOnce {
            var other = chance  // The story is the same whenever it begins.
            due = .milliseconds(Int.random(in: 0...Self.delayMillisecondsMax, using: &other))
        }
    }

    private static let delayMillisecondsMax = 20_000

    mutating func next() -> String {
        if told.isEmpty { refill() }
        let line = told.removeFirst()
        if told.isEmpty { refill() }
        due += .milliseconds((told.first?.afterMilliseconds ?? 0))
        return line.event
    }

    private mutating func refill() {
        let first = attempt + 1
        attempt += plot.attemptsPerRound
        told = plot.lines(attempt: first, &chance)[...]
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
