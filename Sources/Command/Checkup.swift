// Looks at a Redis from all sides that matter to a bridge. Asks what CheckupQuestion lists, tries each right by
// itself, rehearses recording, tries each subscription as `serve` would make it, and measures how long an
// answer takes.
//
// What may not be looked at is a finding, too; only a wrong setting of ours ends the checkup.

import Feed
import Fleet
import Jobs
import Loop
import Redis
import Settings

final class Checkup {
    static let pings = 20

    let address: RedisAddress
    private let settings: Settings
    private let sources: [Source]
    private let names: RecordedNames
    private let fleet: FleetKeys
    private var user: String { address.user ?? "default" }
    /// Otherwise nothing is written to Redis, and only the probe is said there.
    private var records: Bool { settings.history == .redis }
    /// That of the primary, as bridges read it when they connect: their channels end with it.
    private var reign: String?
    private var probe: String {
        Rehearsal.probeChannel(prefix: settings.keyPrefix, database: address.database)
    }
    private var findings: [Finding] = []
    private var waits: [Duration] = []

    init(_ settings: Settings) throws(Failure) {
        self.settings = settings
        sources = try settings.checkedSources()
        do throws(RedisURLFault) {
            address = try RedisAddress(parsing: settings.redisURL.text)
        } catch { throw Failure(.usage, "redis-url: \(error)") }
        names = RecordedNames(prefix: settings.keyPrefix, database: address.database)
        fleet = FleetKeys(prefix: settings.keyPrefix, database: address.database)
    }

    func run() throws(Failure) -> [Finding] {
        do throws(Failure) {
            try ask()
        } catch {
            guard error.code != .usage else { throw error }
            return [
                Finding(
                    "connection", .error, error.reason,
                    "Jobwire hears nothing without Redis, and nothing else could be looked at.",
                    mend: [
                        error.lacks.map(acl)
                            ?? "redis-url, redis-ca and the like must be those of a Redis that runs"
                    ])
            ]
        }
        findings.insert(Finding("connection", .ok, "\(address)"), at: 0)
        findings.append(Self.latency(waits))
        for pattern in sources.map(\.pattern.text) {
            try subscribe(
                to: pattern, isPattern: true, rule: "&\(pattern)", .error,
                "Nothing that workers publish there is heard.")
        }
        // Without a reign it is not known which they are; recording then lacks INFO, which has been said.
        for channel in records ? reign.map(names.tried) ?? [] : [probe] {
            try subscribe(
                to: channel, rule: records ? "&\(names.root)*" : "&\(probe)",
                records ? .error : .warning,
                records
                    ? "Bridges can't tell each other what they recorded, so nobody hears anything."
                    : "A bridge can't prove by hearing itself that it hears; PING has to do instead."
            )
        }
        try subscribe(
            to: fleet.channel, rule: "&\(fleet.root)*", .warning,
            "What is told to all bridges does not reach this one, or reaches it late.")
        return findings
    }

    private func acl(_ rules: String) -> String { "ACL SETUSER \(user) \(rules)" }

    /// Everything that one connection can answer.
    private func ask() throws(Failure) {
        let errand = try RedisErrand(settings)
        let rehearsal = try rehearsal()
        try errand.run { [self] commands in
            reign = commands.server?.reign
            for question in CheckupQuestion.all(settings) { ask(question, commands) }
            record(rehearsal, commands) { [self] in
                tell(commands) { [self] in ping(commands, errand) }
            }
        }
    }

    private func rehearsal() throws(Failure) -> Rehearsal {
        do throws(JobIDFault) {
            return try Rehearsal(of: names, database: address.database)
        } catch { throw Failure(.failed, error.message) }
    }

    /// What recording takes, and where all of it is allowed, whether it works.
    private func record(
        _ rehearsal: Rehearsal, _ commands: RedisCommands, _ done: @escaping () -> Void
    ) {
        guard records else { return done() }
        ask(.recording(names), commands) { [self] isAllowed in
            guard isAllowed else { return done() }
            rehearsal.run(on: commands) { [self] outcome in
                findings.append(CheckupQuestion.recording(outcome, names))
                guard let reign else { return done() }
                ask(.patterns(names, sources, reign: reign), commands, done)
            }
        }
    }

    /// What telling other bridges takes, likewise.
    private func tell(_ commands: RedisCommands, _ done: @escaping () -> Void) {
        ask(.fleet(fleet), commands) { [self] isAllowed in
            guard isAllowed else { return done() }
            ask(.fleet(fleet), commands, done)
        }
    }

    private func ask(
        _ question: CheckupQuestion, _ commands: RedisCommands, _ done: @escaping () -> Void = {}
    ) {
        send(question.attempts, commands) { [self] answers in
            findings.append(question.finding(answers, user: user))
            done()
        }
    }

    private func ask(
        _ rights: Rights, _ commands: RedisCommands, _ done: @escaping (_ isAllowed: Bool) -> Void
    ) {
        send(rights.attempts, commands) { [self] answers in
            let lacking = rights.finding(answers, user: user)
            if let lacking { findings.append(lacking) }
            done(lacking == nil)
        }
    }

    private func send(
        _ attempts: [Attempt], _ commands: RedisCommands,
        _ done: @escaping ([RedisCommands.Answer]) -> Void
    ) {
        var answers: [RedisCommands.Answer] = []
        for attempt in attempts {
            send(attempt.words, commands) { answer in
                answers.append(answer)
                if answers.count == attempts.count { done(answers) }
            }
        }
    }

    private func send(
        _ words: [String], _ commands: RedisCommands,
        _ reply: @escaping (RedisCommands.Answer) -> Void
    ) { commands.send(words.map { Array($0.utf8) }, reply) }

    private func ping(_ commands: RedisCommands, _ errand: RedisErrand) {
        let start = Instant.now()
        commands.send([Array("PING".utf8)]) { [self] answer in
            if case .failure(let fault) = answer { return errand.finish(errand.failure(fault)) }
            waits.append(Instant.now() - start)
            // The first waited for the answers to all the questions before it.
            guard waits.count > Self.pings else { return ping(commands, errand) }
            waits.removeFirst()
            errand.finish()
        }
    }

    static func latency(_ waits: [Duration]) -> Finding {
        let sorted = waits.sorted()
        let (middle, worst) = (sorted[sorted.count / 2], sorted[sorted.count - 1])
        let found = "PING takes \(milliseconds(middle)) ms, \(milliseconds(worst)) ms at worst"
        guard middle >= .milliseconds(10) || worst >= .milliseconds(100) else {
            return Finding("latency", .ok, found)
        }
        return Finding(
            "latency", .warning, found,
            "Every event is late by as much: Redis is far away, overloaded, or busy with slow commands.",
            mend: ["SLOWLOG GET 10", "LATENCY DOCTOR"])
    }

    private static func milliseconds(_ span: Duration) -> Double {
        (span / .milliseconds(1) * 100).rounded() / 100
    }

    /// `rule` allows the pattern or channel. It is asked for only where it is known to be missing: Redis refuses a whole
    /// ACL SETUSER for one channel that `&*` allows already.
    private func subscribe(
        to name: String, isPattern: Bool = false, rule: String, _ level: Finding.Level,
        _ means: String
    ) throws(Failure) {
        do throws(Failure) {
            try ConnectionCheck(
                settings, patterns: isPattern ? [name] : [], channels: isPattern ? [] : [name]
            ).run()
            findings.append(Finding("subscribe", .ok, name))
        } catch {
            guard error.code != .usage else { throw error }
            let rules = error.lacks.map { $0.hasPrefix("&") ? rule : $0 }
            findings.append(
                Finding(
                    "subscribe", level, "\(name): \(error.reason)", means,
                    mend: rules.map { [acl($0)] } ?? []))
        }
    }
}
