// Looks at what Redis keeps of jobs: those that were named, or all it can find, by the keys and by the list.
//
// Jobs go through in slices, a few questions in flight, so that a Redis in use is not held up; each job is
// read at one instant. Nothing is changed.

import Feed
import Jobs
import Loop
import Redis
import Settings

final class Verification {
    /// Jobs of one slice; keys asked of one SCAN.
    static let sliceMax = 64
    private static let scanCount = 1_000

    let address: RedisAddress
    private(set) var jobs = 0
    private(set) var findings: [Finding] = []
    private let names: RecordedNames
    private let errand: RedisErrand
    private var waiting: [String] = []
    private var known: Set<String> = []

    init(_ settings: Settings) throws(Failure) {
        do throws(RedisURLFault) {
            address = try RedisAddress(parsing: settings.redisURL.text)
        } catch { throw Failure(.usage, "redis-url: \(error)") }
        names = RecordedNames(prefix: settings.keyPrefix, database: address.database)
        errand = try RedisErrand(settings)
    }

    /// Keeps what is wrong, and with `tellsAll` what is well too.
    func run(_ named: [String], tellsAll: Bool) throws(Failure) {
        add(named)
        try errand.run { [self] commands in
            if named.isEmpty { scan("0", commands, tellsAll) } else { check(commands, tellsAll) }
        }
        findings.sort { ($0.name, $0.found) < ($1.name, $1.found) }
    }

    private func add(_ names: [String]) {
        for name in names where known.insert(name).inserted { waiting.append(name) }
    }

    private func scan(_ cursor: String, _ commands: RedisCommands, _ tellsAll: Bool) {
        let words = ["SCAN", cursor, "MATCH", "\(names.root)job:*", "COUNT", "\(Self.scanCount)"]
        ask(commands, words) { [self] reply in
            guard case .array(let parts) = reply, parts.count == 2, let next = parts[0].text,
                case .array(let keys) = parts[1]
            else { return strange() }
            add(keys.compactMap { $0.text.flatMap(job) })
            if next == "0" { list("0", commands, tellsAll) } else { scan(next, commands, tellsAll) }
        }
    }

    private func list(_ cursor: String, _ commands: RedisCommands, _ tellsAll: Bool) {
        ask(commands, ["ZSCAN", names.root + "jobs", cursor, "COUNT", "\(Self.scanCount)"]) {
            [self] reply in
            guard case .array(let parts) = reply, parts.count == 2, let next = parts[0].text,
                case .array(let members) = parts[1]
            else { return strange() }
            add(stride(from: 0, to: members.count, by: 2).compactMap { members[$0].text })
            if next == "0" { check(commands, tellsAll) } else { list(next, commands, tellsAll) }
        }
    }

    private func job(of key: String) -> String? {
        for end in [":state", ":events"] where key.hasSuffix(end) {
            return String(key.dropFirst(names.root.count + 4).dropLast(end.count))
        }
        return nil
    }

    private func check(_ commands: RedisCommands, _ tellsAll: Bool) {
        let slice = waiting.suffix(Self.sliceMax)
        waiting.removeLast(slice.count)
        guard !slice.isEmpty else { return errand.finish() }
        var left = slice.count
        for name in slice {
            let keys = [
                names.state("job:\(name)"), names.events("job:\(name)"), names.root + "jobs",
            ]
            commands.evaluate(
                HistoryReading.script, keys: keys.map { Array($0.utf8) },
                arguments: [name, "\(HistoryReading.several)"].map { Array($0.utf8) }
            ) { [self] answer in
                take(answer) { [self] reply in
                    guard let reading = HistoryReading(reply, of: name) else { return strange() }
                    jobs += 1
                    findings += reading.findings.filter { tellsAll || $0.level != .ok }
                    left -= 1
                    if left == 0 { check(commands, tellsAll) }
                }
            }
        }
    }

    private func ask(
        _ commands: RedisCommands, _ words: [String], _ use: @escaping (RedisReply) -> Void
    ) {
        commands.send(words.map { Array($0.utf8) }) { [self] in take($0, use) }
    }

    private func take(_ answer: RedisCommands.Answer, _ use: (RedisReply) -> Void) {
        switch answer {
        case .success(.error(let text)): errand.finish(Failure(.failed, "Redis answered: \(text)"))
        case .success(let reply): use(reply)
        case .failure(let fault): errand.finish(errand.failure(fault))
        }
    }

    private func strange() { errand.finish(Failure(.failed, "an answer that no Redis gives")) }
}
