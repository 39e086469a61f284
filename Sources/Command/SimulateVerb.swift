// `jobwire simulate`: jobs to look at, for whoever builds a front end and has no workers at hand.

import Jobs
import Settings

extension Verb {
    static let simulate = Verb(
        "simulate", "Realistic jobs for front-end work, on your Redis",
        forms: ["[--jobs=N] [--kinds=KINDS] [--rate=EVENTS] [--for=TIME]"],
        examples: [
            "jobwire simulate                # seven jobs, one of each kind",
            "jobwire simulate --jobs=200 --kinds=build,flaky --rate=500 --for=5m",
            "jobwire tail sim-build-1        # in another terminal",
        ],
        details: [
            "Publishes as workers do, until Ctrl-C or --for. Each job goes on in rounds: it ends, and"
                + " after a while a next attempt begins. The kinds take turns; with the same seed all"
                + " is told again as it was.",
            "Jobs that Redis remembers go on with their next attempt.",
            "Kinds: build (steps and a colourful log), training (metrics, remaining time), flaky (fails,"
                + " then a second attempt succeeds), queued (waits its turn), failing (ends with an"
                + " error and a traceback), silent (says nothing for 90 s), huge (10000 log lines).",
            "Where no Redis is configured and jobwire run is running, its Redis is used.",
        ],
        options: [
            CommandOption("jobs", as: "N", "How many jobs [as many as kinds]"),
            CommandOption("kinds", as: "KINDS", "What they are, with commas [all]"),
            CommandOption("rate", as: "EVENTS", "Events a second of all jobs [as in life]"),
            CommandOption("for", as: "TIME", "How long: 30s, 10m [until Ctrl-C]"),
            CommandOption("seed", as: "N", "Another number tells another story [1]"),
            CommandOption("prefix", as: "NAME", "What the jobs' ids begin with [sim]"), .dataDir,
        ],
        settings: [
            "redis-url", "redis-ca", "redis-certificate", "redis-key", "patterns", "key-prefix",
        ]
    ) { call throws(Failure) in
        let simulation = try Simulation(call)
        let settings = try call.settingsBesideRun().settings
        let channels = try settings.jobChannels()
        let errand = try RedisErrand(settings, patience: .onceConnected)
        try errand.endsOnSignals()
        let cast = simulation.cast
        call.place.say(
            "\(cast.count) jobs: \(cast[0].job)"
                + (cast.count > 1 ? " … \(cast[cast.count - 1].job)" : "")
                + ", on \(channels.channel(with: cast[0].job)) and so on")
        let worker = DemoWorker(
            Demo(cast, seed: simulation.seed, rate: simulation.rate), channels, errand)
        defer {
            call.place.say(
                "\(worker.published) events published"
                    + (worker.lost > 0 ? ", \(worker.lost) lost" : "") + "; the last one was "
                    + Verb.subscribers(worker.heard))
        }
        try worker.run(for: simulation.limit)
        return .done
    }
}

/// What is asked for, checked.
struct Simulation {
    static let jobsMax = 10_000
    static let rateMax = 100_000

    let cast: [(job: String, plot: DemoPlot)]
    let rate: Double?
    let limit: Duration?
    let seed: UInt64

    init(_ call: Call) throws(Failure) {
        let kinds = try Self.kinds(try call.list("kinds"))
        let count = try Self.number(call, "jobs", 1...Self.jobsMax) ?? kinds.count
        let prefix = try call.value("prefix") ?? "sim"
        cast = (0..<count).map {
            let kind = kinds[$0 % kinds.count]
            return ("\(prefix)-\(kind)-\($0 / kinds.count + 1)", kind)
        }
        do throws(JobIDFault) {
            for each in cast { _ = try JobID(checking: each.job) }
        } catch { throw Failure(.usage, "--prefix: \(error.message)") }
        rate = try Self.number(call, "rate", 1...Self.rateMax).map(Double.init)
        seed = UInt64(try Self.number(call, "seed", 0...Int.max) ?? 1)
        limit = try call.value("for").map { (text) throws(Failure) in
            guard let limit = TimeSpan.read(text), limit > .zero else {
                throw Failure(.usage, "--for: expected a time such as 30s, 10m or 8h")
            }
            return limit
        }
    }

    private static func kinds(_ names: [String]) throws(Failure) -> [DemoPlot] {
        var kinds: [DemoPlot] = []
        for name in names {
            guard let kind = DemoPlot(rawValue: name) else {
                let hint = nearest(to: name, among: DemoPlot.allCases.map(\.rawValue))
                throw Failure(
                    .usage,
                    "--kinds: no such kind: \(PrintableText.plain(name))"
                        + (hint.map { "; did you mean \($0)?" } ?? ""))
            }
            kinds.append(kind)
        }
        return kinds.isEmpty ? DemoPlot.allCases : kinds
    }

    private static func number(
        _ call: Call, _ option: String, _ allowed: ClosedRange<Int>
    ) throws(Failure) -> Int? {
        guard let text = try call.value(option) else { return nil }
        guard let number = Int(text), allowed.contains(number) else {
            let bound = allowed.upperBound == .max ? "" : " to \(allowed.upperBound)"
            throw Failure(
                .usage, "--\(option): expected a whole number from \(allowed.lowerBound)\(bound)")
        }
        return number
    }
}
