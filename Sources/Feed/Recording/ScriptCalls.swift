// ScriptCalls writes the arguments of record.lua and reads its answers; the order is said there.

import Jobs
import Loop
import Redis

struct ScriptCalls {
    static let script = RedisScript(RecordSource.text)

    let me: Name
    /// What this bridge counts: its patterns.
    let patterns: Name
    let names: RecordedNames
    private let database: [UInt8]
    private let limits: [[UInt8]]
    private let entriesMax: Int

    init(me: Name, patterns: Name, prefix: String, database: Int, limits: RecordingLimits) {
        self.me = me
        self.patterns = patterns
        names = RecordedNames(prefix: prefix, database: database)
        self.database = bytes(database)
        self.limits =
            [bytes(limits.perJob.eventsMax), bytes(limits.perJob.bytesMax)]
            + [limits.stateLife, limits.streamLife, limits.endedLife].map {
                bytes($0.components.seconds)
            }
        entriesMax = limits.perJob.eventsMax
    }

    var keys: [[UInt8]] { [bytes(names.ingest)] }

    private func call(
        _ what: String, token: Name, now: Int64, _ rest: [[UInt8]]
    ) -> [[UInt8]] {
        [bytes(what), bytes(token.text), database, bytes(now)] + limits + rest
    }

    func record(_ record: RecordCall, token: Name, now: Int64) -> CommandWords {
        let head = [
            bytes(me.text), bytes(record.era.text), bytes(record.first), bytes(record.events.count),
        ]
        var words = CommandWords(call("record", token: token, now: now, head))
        words.reserve(record.events.reduce(0) { $0 + $1.bytes + Self.eventBytes })
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

    func ask(_ token: Name, random: Name, now: Int64) -> [[UInt8]] {
        call(
            "where", token: random, now: now,
            [bytes(token.text), bytes(me.text), bytes(patterns.text)])
    }

    func answer(_ answer: AnswerCall, random: Name, now: Int64) -> [[UInt8]] {
        let marks = answer.marks.flatMap { [bytes($0.token.text), bytes($0.ordinal)] }
        return call(
            "answer", token: random, now: now,
            [bytes(answer.era.text), bytes(patterns.text)] + marks)
    }

    func open(_ open: OpenCall, random: Name, now: Int64) -> [[UInt8]] {
        call(
            "open", token: random, now: now,
            [
                bytes(open.token.text), bytes(me.text), bytes(patterns.text),
                bytes(open.expected.era?.text ?? ""), bytes(open.expected.last),
                bytes(open.heardFor.wholeMicroseconds), bytes(open.thereMax ?? -1),
            ])
    }

    func pulse(_ pulse: PulseCall, random: Name, now: Int64) -> [[UInt8]] {
        call("pulse", token: random, now: now, [bytes(me.text), bytes(pulse.number)])
    }

    static func pulseAnswer(_ answer: RedisCommands.Answer) -> PulseAnswer? {
        guard case .success(.array(let parts)) = answer, parts.count == 3,
            let reign = parts[0].text, case .integer(let present) = parts[2]
        else { return nil }
        return PulseAnswer(
            reign: reign, isPrimary: parts[1].text == "master", present: Int(clamping: present))
    }

    /// Jobs that loops follow, brought into the present era.
    func follow(
        _ wishes: [FollowedJobs.Wish], at time: Instant, random: Name, now: Int64
    ) -> [[UInt8]] {
        let part: HistoryPart =
            switch wishes.first?.kind {
            case .check, nil: .standing
            case .brief: .before(.max, count: Opening.briefEntriesMax)
            case .whole, .missed: .all
            }
        let jobs = wishes.flatMap { wish in
            [
                bytes(wish.job.stem),
                bytes((time - wish.followedSince).wholeMicroseconds),
                wish.behind.map { bytes($0.description) } ?? [],
            ]
        }
        return touch("follow", part, jobs, random, now)
    }

    func look(_ job: JobID, _ part: HistoryPart, random: Name, now: Int64) -> [[UInt8]] {
        touch("look", part, [bytes(job.stem)], random, now)
    }

    private func touch(
        _ how: String, _ part: HistoryPart, _ jobs: [[UInt8]], _ random: Name, _ now: Int64
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
            "touch", token: random, now: now,
            [
                bytes(how), bytes(wanted.count), bytes(wanted.end), bytes(wanted.low),
                bytes(wanted.high),
            ] + jobs)
    }

    /// Events of one job, stored all or none; a producer's number is stored once.
    func durable(
        _ events: [PreparedEvent], of job: JobID, producer: String, number: Int, token: Name,
        now: Int64
    ) -> CommandWords {
        let head = [bytes(producer), bytes(number), bytes(events.count)]
        var words = CommandWords(call("durable", token: token, now: now, head))
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
            bytes("ZREVRANGEBYSCORE"), bytes(names.root) + list, bytes(from), bytes("-inf"),
            bytes("WITHSCORES"), bytes("LIMIT"), bytes("0"), bytes(count),
        ]
    }

    func look(
        _ jobs: [JobID], in list: [UInt8], fields: [String], bytesMax: Int, random: Name,
        now: Int64
    ) -> [[UInt8]] {
        call(
            "look", token: random, now: now,
            [list, bytes(bytesMax), bytes(fields.count)] + fields.map { bytes($0) }
                + jobs.map { bytes($0.text) })
    }

    /// Which of the next so many listed jobs may be told to be stalled.
    func alive(
        from score: String, looks: Int, random: Name, now: Int64
    ) -> [[UInt8]] {
        call(
            "alive", token: random, now: now,
            [bytes(score), bytes(looks), Self.idle])
    }

    /// Gives the event to those of the jobs that have had no other one since.
    func stall(
        _ silent: [Cursored], _ event: PreparedEvent, random: Name, now: Int64
    ) -> CommandWords {
        var head = [Self.idle, bytes(silent.count)]
        for each in silent { head += [bytes(each.job.stem), bytes(each.seq)] }
        var words = CommandWords(call("stall", token: random, now: now, head))
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

extension Duration {
    fileprivate var wholeMicroseconds: Int64 { nanoseconds / 1_000 }
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
