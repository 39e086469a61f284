// Rehearsal runs every operation of the recording script once, with the words that a bridge sends, on keys of its
// own that are gone at once. A look at a Redis so tells whether bridges can record there.
//
// What always holds: nothing outside its own names is read or written; `reply` is called once, when all is gone.

import Jobs
import Loop
import Redis

public final class Rehearsal {
    public struct Fault: Error {
        public let operation: String
        /// What came instead of an answer.
        public let said: String
    }

    private struct Act {
        let operation: String
        let words: CommandWords
        let isAnswer: (RedisReply) -> Bool
    }

    public static let script = ScriptCalls.script
    /// What a bridge sends besides the script's own commands.
    public static let commands = ["EVALSHA", "EVAL", "ZREVRANGEBYSCORE", "UNSUBSCRIBE"]

    /// All of it begins with the prefix of real keys, as rights do.
    private let names: RecordedNames
    private let calls: ScriptCalls
    private let acts: [Act]

    public init(of recorded: RecordedNames, database: Int) throws(JobIDFault) {
        var random = SystemRandomNumberGenerator()
        let prefix = "\(recorded.root)rehearsal:\(Name.random(using: &random))"
        names = RecordedNames(prefix: prefix, database: database)
        calls = ScriptCalls(
            me: .random(using: &random), patterns: .random(using: &random), prefix: prefix,
            database: database,
            limits: RecordingLimits(
                stateLife: Self.life, streamLife: Self.life, endedLife: Self.life))
        acts = Self.acts(calls, of: try JobID(checking: Self.job))
    }

    public func run(
        on commands: RedisCommands, _ reply: @escaping (Result<Void, Fault>) -> Void
    ) {
        play(acts[...], on: commands) { [self] outcome in
            let keys = [
                names.ingest, names.state("job:\(Self.job)"), names.events("job:\(Self.job)"),
                names.root + "jobs", names.root + "queue:\(Self.job)",
            ]
            commands.send((["DEL"] + keys).map { Array($0.utf8) }) { _ in reply(outcome) }
        }
    }

    private func play(
        _ acts: ArraySlice<Act>, on commands: RedisCommands,
        _ reply: @escaping (Result<Void, Fault>) -> Void
    ) {
        guard let act = acts.first else { return reply(.success(())) }
        commands.evaluate(Self.script, keys: calls.keys, arguments: act.words) { [self] answer in
            func fail(_ said: String) {
                reply(.failure(Fault(operation: act.operation, said: said)))
            }
            switch answer {
            case .success(.error(let text)): fail("Redis answered: \(text)")
            case .failure(let fault): fail("\(fault)")
            case .success(let said) where act.isAnswer(said):
                let expiry = ["EXPIRE", names.ingest, "\(Self.life.components.seconds)"]
                commands.send(expiry.map { Array($0.utf8) }) { _ in }
                play(acts.dropFirst(), on: commands, reply)
            case .success: fail("an answer that no bridge can use")
            }
        }
    }

    /// One bridge's day: it asks, finds nobody, opens an era, records an event, and so on.
    private static func acts(_ calls: ScriptCalls, of job: JobID) -> [Act] {
        var random = SystemRandomNumberGenerator()
        func name() -> Name { .random(using: &random) }
        let era = name()
        let now = WallClock.milliseconds()
        var reader = EventReader()
        func event(_ status: String) -> PreparedEvent {
            let text =
                #"{"type":"status","data":{"status":"\#(status)","queue":"\#(Self.job)"}}"#
            return reader.read(Array(text.utf8).span, heardAt: WallTime(milliseconds: now))
        }
        func act(
            _ operation: String, _ words: [[UInt8]], isAnswer: @escaping (RedisReply) -> Bool
        ) -> Act { Act(operation: operation, words: CommandWords(words), isAnswer: isAnswer) }
        func stands(at seq: UInt64, _ reply: RedisReply) -> Bool {
            guard case .stands(let standing)? = TouchAnswer(reply)?.jobs.first else { return false }
            return standing.cursor.seq == seq && standing.entries.count == Int(seq)
        }

        let pulse = PulseCall(number: 1, token: nil, countsUs: false, connection: 0)
        let open = OpenCall(
            token: era, expected: Expected(era: nil, last: 0), heardFor: .zero, thereMax: 0,
            isOverSilence: false)
        let answer = AnswerCall(era: era, marks: [(token: name(), ordinal: 0)])
        let record = RecordCall(
            era: era, first: 1,
            events: [QueuedEvent(job: job, event: event("running"), heardAt: 0)],
            isTail: false, connection: 0, resending: 0)
        let wish = FollowedJobs.Wish(
            job: job, kind: .whole, behind: nil, followedSince: .now(), ticket: 1)
        return [
            act("where", calls.ask(era, random: name(), now: now)) { $0 == .integer(0) },
            act("pulse", calls.pulse(pulse, random: name(), now: now)) {
                ScriptCalls.pulseAnswer(.success($0))?.present == 0
            },
            act("open", calls.open(open, random: name(), now: now)) { $0.text == "YES" },
            act("answer", calls.answer(answer, random: name(), now: now)) {
                ScriptCalls.recordAnswer(.success($0)) == .ok(era: era, last: 0)
            },
            Act(operation: "record", words: calls.record(record, token: name(), now: now)) {
                ScriptCalls.recordAnswer(.success($0)) == .ok(era: era, last: 1)
            },
            Act(
                operation: "durable",
                words: calls.durable(
                    [event("running")], of: job, producer: Self.job, number: 1, token: name(),
                    now: now)
            ) { ScriptCalls.durableAnswer($0)?.seqs == [2] },
            act("follow", calls.follow([wish], at: .now(), random: name(), now: now)) {
                stands(at: 2, $0)
            },
            act("look", calls.look(job, .all, random: name(), now: now)) { stands(at: 2, $0) },
            act(
                "list",
                calls.look(
                    [job], in: Array("jobs".utf8), fields: ["status"], bytesMax: .max,
                    random: name(), now: now)
            ) { $0 == .array([.array([.bytes(Array(#""running""#.utf8))])]) },
            act(
                "alive",
                calls.alive(
                    from: "-inf", looks: Silence.listedLooksMax, random: name(), now: now)
            ) { ScriptCalls.aliveAnswer(.success($0))?.jobs == [Cursored(job: job, seq: 2)] },
            Act(
                operation: "stall",
                words: calls.stall(
                    [Cursored(job: job, seq: 2)], event("stalled"), random: name(), now: now)
            ) { $0 == .integer(1) },
        ]
    }

    private static let job = "rehearsed"
    /// Should the connection break in the middle, what is left goes by itself.
    private static let life = Duration.seconds(10)
}

// What else of recording can be learnt without doing it.
extension Rehearsal {
    /// What `ingest` says under `patterns` of bridges that listen to these.
    public static func patterns(of sources: [Source]) -> String { Name.ofSources(sources).text }

    /// Where a bridge that records nothing hears itself, if it may.
    public static func probeChannel(prefix: String, database: Int) -> String {
        Probe(prefix: prefix, database: database, token: 0).channel
    }
}
