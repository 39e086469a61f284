// Looks at a Redis from all sides that matter to a bridge. Asks what CheckupQuestion lists, tries each
// subscription as `serve` would make it, and measures how long an answer takes.
//
// What may not be looked at is a finding, too; only a wrong setting of ours ends the checkup.

import Fleet
import Loop
import Redis
import Settings

final class Checkup {
    static let pings = 20

    let address: RedisAddress
    private let settings: Settings
    private var findings: [Finding] = []
    private var waits: [Duration] = []

    init(_ settings: Settings) throws(Failure) {
        self.settings = settings
        do throws(RedisURLFault) {
            address = try RedisAddress(parsing: settings.redisURL.text)
        } catch { throw Failure(.usage, "redis-url: \(error)") }
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
                    mend: ["redis-url, redis-ca and the like must be those of a Redis that runs"])
            ]
        }
        findings.insert(Finding("connection", .ok, "\(address)"), at: 0)
        findings.append(Self.latency(waits))
        let channel = "\(settings.keyPrefix):control:\(address.database)"
        for pattern in try settings.checkedSources().map(\.pattern.text) {
            findings.append(try subscription("+psubscribe", pattern, patterns: [pattern]))
        }
        findings.append(try subscription("+subscribe", channel, channels: [channel]))
        let fleet = FleetKeys(prefix: settings.keyPrefix, database: address.database).channel
        findings.append(
            try subscription(
                "+subscribe", fleet, channels: [fleet],
                means: "What is told to all bridges does not reach this one, or reaches it late."))
        return findings
    }

    /// Everything that one connection can answer.
    private func ask() throws(Failure) {
        let errand = try RedisErrand(settings)
        try errand.run { [self] commands in
            for question in CheckupQuestion.all(settings, database: address.database) {
                ask(question, commands)
            }
            ping(commands, errand)
        }
    }

    private func ask(_ question: CheckupQuestion, _ commands: RedisCommands) {
        var answers: [RedisCommands.Answer] = []
        for command in question.commands {
            commands.send(command.map { Array($0.utf8) }) { [self] answer in
                answers.append(answer)
                guard answers.count == question.commands.count else { return }
                findings.append(question.finding(answers, user: address.user ?? "default"))
            }
        }
    }

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

    private func subscription(
        _ rule: String, _ name: String, patterns: [String] = [], channels: [String] = [],
        means: String =
            "Bridges can't tell each other what they recorded, nor prove that they hear."
    ) throws(Failure) -> Finding {
        do throws(Failure) {
            try ConnectionCheck(settings, patterns: patterns, channels: channels).run()
            return Finding("subscribe", .ok, name)
        } catch {
            guard error.code != .usage else { throw error }
            let isOurs = patterns.isEmpty
            return Finding(
                "subscribe", isOurs ? .warning : .error, "\(name): \(error.reason)",
                isOurs
                    ? means
                    : "Nothing that workers publish there is heard.",
                mend: error.code == .refused
                    ? ["ACL SETUSER \(address.user ?? "default") \(rule) &\(name)"] : [])
        }
    }
}
