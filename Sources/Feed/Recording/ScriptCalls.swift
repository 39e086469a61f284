// ScriptCalls writes the arguments of record.lua and reads its answers; the order is said there.

import Jobs
import Redis

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

struct ScriptCalls {
    static let script = RedisScript(RecordSource.text)

    let me: Name
    /// What this bridge counts: its patterns.
    let patterns: Name
    let stamped: String
    let control: String
    let root: [UInt8]
    private let ingest: [UInt8]
    private let database: [UInt8]
    private let limits: [[UInt8]]
    private let entriesMax: Int

    init(me: Name, patterns: Name, prefix: String, database: Int, limits: RecordingLimits) {
        self.me = me
        self.patterns = patterns
        stamped = "\(prefix):{p}:stamped:\(database)"
        control = "\(prefix):{p}:control:\(database)"
        root = Array("\(prefix):{p}:".utf8)
        ingest = root + bytes("ingest")
        self.database = bytes(database)
        self.limits =
            [bytes(limits.perJob.eventsMax), bytes(limits.perJob.bytesMax)]
            + [limits.stateLife, limits.streamLife, limits.endedLife].map {
                bytes($0.components.seconds)
            }
        entriesMax = limits.perJob.eventsMax
    }

    var keys: [[UInt8]] { [ingest] }

    private func call(
        _ what: String, runID: String, token: Name, now: Int64, _ rest: [[UInt8]]
    ) -> [[UInt8]] {
        [bytes(what), bytes(runID), bytes(token.text), database, bytes(now)] + limits + rest
    }

    func record(_ record: RecordCall, runID: String, token: Name, now: Int64) -> CommandWords {
        let head = [
            bytes(me.text), bytes(record.era.text), bytes(patterns.text), bytes(record.first),
            bytes(record.marks.count), bytes(record.events.count),
        ]
        var words = CommandWords(call("record", runID: runID, token: token, now: now, head))
        words.reserve(record.events.reduce(0) { $0 + $1.bytes + Self.eventBytes })
        for mark in record.marks {
            words.append(mark.token.text)
            words.append(mark.ordinal)
        }
        for event in record.events { Self.append(event, to: &words) }
        return words
    }

    private static func append(_ queued: QueuedEvent, to words: inout CommandWords) {
        guard let job = queued.job, let event = queued.event else {
            for word in ["", "", "0", "0", "", "a", "0"] { words.append(word) }
            return
        }
        append(event, of: job, to: &words)
    }

    /// Without a job its stem is empty.
    private static func append(
        _ event: PreparedEvent, of job: JobID?, to words: inout CommandWords
    ) {
        let change = event.change
        words.append(job?.kind.stem ?? "", job?.text ?? "")
        words.append(event.rest)
        words.append(change.at.milliseconds)
        words.append(change.logLines)
        words.append(change.attempt.map { String($0) } ?? "")
        words.append(change.statusRule.word, change.ends ? "e" : "")
        words.append(Int64(change.valueCount))
        change.visitValues { field, json in
            words.append(field.name)
            words.append(json)
        }
    }

    /// What an event has beside its own bytes, about.
    private static let eventBytes = 128

    func ask(_ token: Name, runID: String, random: Name, now: Int64) -> [[UInt8]] {
        call(
            "where", runID: runID, token: random, now: now,
            [bytes(token.text), bytes(me.text), bytes(patterns.text)])
    }

    func open(_ open: OpenCall, runID: String, random: Name, now: Int64) -> [[UInt8]] {
        call(
            "open", runID: runID, token: random, now: now,
            [
                bytes(open.token.text), bytes(me.text), bytes(patterns.text),
                bytes(open.expected.era?.text ?? ""), bytes(open.expected.last),
            ])
    }

    func touch(
        _ jobs: [JobID], makes: Bool, _ part: HistoryPart, runID: String, random: Name, now: Int64
    ) -> [[UInt8]] {
        let wanted: (count: Int, end: String, low: String, high: String) =
            switch part {
            case .standing: (-1, "newest", "-", "+")
            case .state: (0, "newest", "-", "+")
            case .all: (entriesMax, "newest", "-", "+")
            case .from(let seq, let before, let count):
                (count, "oldest", "\(seq)", before.map { "\($0 - 1)" } ?? "+")
            case .before(let seq, let count): (count, "newest", "-", "\(seq - 1)")
            }
        return call(
            "touch", runID: runID, token: random, now: now,
            [
                bytes(makes ? "make" : "look"), bytes(wanted.count), bytes(wanted.end),
                bytes(wanted.low), bytes(wanted.high),
            ] + jobs.map { bytes($0.stem) })
    }

    /// Events of one job, stored all or none; a producer's number is stored once.
    func durable(
        _ events: [PreparedEvent], of job: JobID, producer: String, number: Int, runID: String,
        token: Name, now: Int64
    ) -> CommandWords {
        let head = [bytes(producer), bytes(number), bytes(events.count)]
        var words = CommandWords(call("durable", runID: runID, token: token, now: now, head))
        for event in events { Self.append(event, of: job, to: &words) }
        return words
    }

    /// The numbers that the events got, now or the first time; nil for anything else.
    static func durableAnswer(_ reply: RedisReply) -> Published? {
        guard case .array(let parts) = reply, parts.count == 4,
            ["NEW", "OLD"].contains(parts[0].text),
            let epoch = parts[1].text.flatMap({ Epoch(checking: $0) }),
            case .integer(let seq) = parts[2], case .integer(let count) = parts[3],
            1...seq ~= count
        else { return nil }
        return Published(epoch: epoch, seqs: Array(UInt64(seq - count + 1)...UInt64(seq)))
    }

    /// Names and births of a list, the youngest first.
    func names(of list: [UInt8], behind birth: String, count: Int) -> [[UInt8]] {
        let from = birth == "+inf" ? birth : "(" + birth
        return [
            bytes("ZREVRANGEBYSCORE"), root + list, bytes(from), bytes("-inf"),
            bytes("WITHSCORES"), bytes("LIMIT"), bytes("0"), bytes(count),
        ]
    }

    func look(
        _ jobs: [JobID], in list: [UInt8], fields: [String], bytesMax: Int, runID: String,
        random: Name, now: Int64
    ) -> [[UInt8]] {
        call(
            "look", runID: runID, token: random, now: now,
            [list, bytes(bytesMax), bytes(fields.count)] + fields.map { bytes($0) }
                + jobs.map { bytes($0.text) })
    }

    /// Which of the next so many listed jobs may be told to be stalled.
    func alive(
        from score: String, looks: Int, runID: String, random: Name, now: Int64
    ) -> [[UInt8]] {
        call(
            "alive", runID: runID, token: random, now: now,
            [bytes(score), bytes(looks), Self.idle])
    }

    /// Gives the event to those of the jobs that have had no other one since.
    func stall(
        _ silent: [Cursored], _ event: PreparedEvent, runID: String, random: Name, now: Int64
    ) -> CommandWords {
        var head = [Self.idle, bytes(silent.count)]
        for each in silent { head += [bytes(each.job.stem), bytes(each.seq)] }
        var words = CommandWords(call("stall", runID: runID, token: random, now: now, head))
        Self.append(event, of: nil, to: &words)
        return words
    }

    private static let idle = bytes(
        " " + Silence.idle.map { "\"\($0)\"" }.joined(separator: " ") + " ")

    static func aliveAnswer(
        _ answer: RedisCommands.Answer
    ) -> (jobs: [Cursored], next: String?)? {
        guard case .success(.array(let parts)) = answer, let next = parts.first?.text else {
            return nil
        }
        var jobs: [Cursored] = []
        for place in stride(from: 1, to: parts.count - 1, by: 2) {
            guard let stem = parts[place].text, let job = JobID(stem: Array(stem.utf8).span),
                case .integer(let seq) = parts[place + 1]
            else { continue }
            jobs.append(Cursored(job: job, seq: UInt64(clamping: seq)))
        }
        return (jobs, next.isEmpty ? nil : next)
    }

    static func recordAnswer(_ answer: RedisCommands.Answer) -> RecordAnswer {
        guard case .success(.array(let parts)) = answer else { return .failed }
        switch (parts.first?.text, parts.dropFirst().first) {
        case ("OK", let era?):
            guard let era = era.text.flatMap({ Name(checking: $0) }), parts.count == 4,
                case .integer(let last) = parts[2]
            else { return .failed }
            return .ok(era: era, last: last)
        case ("HOLE", .integer(let last)?): return .hole(last: last)
        case ("ERA", _): return .otherEra
        default: return .failed
        }
    }
}

extension SnapshotChange.StatusRule {
    /// As the script reads it.
    fileprivate var word: String {
        switch self {
        case .always: "a"
        case .unlessFinal: "u"
        case .ifIdle: "i"
        }
    }
}

/// What the keys of a history begin with.
extension JobID {
    init?(stem: Span<UInt8>) {
        for kind in [Kind.job, .feed] where stem.begins(with: kind.stem) {
            try? self.init(checking: stem.extracting(kind.stem.utf8.count...), kind: kind)
            return
        }
        return nil
    }

    var stem: String { kind.stem + text }
}

extension JobID.Kind {
    fileprivate var stem: String {
        switch self {
        case .job: "job:"
        case .feed: "feed:"
        }
    }
}

private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }
private func bytes(_ number: some BinaryInteger) -> [UInt8] { Array(String(number).utf8) }
