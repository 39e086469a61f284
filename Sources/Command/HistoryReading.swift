// What Redis keeps of one job, read at one instant by a script that sends numbers and no events, and what
// is wrong with it. Pure but for the script's text: an answer in, findings out.

import Jobs
import Redis

struct HistoryReading {
    /// Keys: the job's state, its events, and the list. Answers: types of state and stream, epoch, seq, first
    /// and bytes as the state has them, whether the job is in the list; of the stream how many entries, the
    /// first, the last, their bytes, gap entries, holes as pairs and entries that are none of ours. Of the last
    /// three the first few.
    static let script = RedisScript(
        """
        local state, events, jobs = KEYS[1], KEYS[2], KEYS[3]
        local id, several = ARGV[1], tonumber(ARGV[2])
        local types = { redis.call('TYPE', state).ok, redis.call('TYPE', events).ok }
        local kept = { false, false, false, false }
        if types[1] == 'hash' then kept = redis.call('HMGET', state, 'epoch', 'seq', 'first', 'bytes') end
        local count, first, last, bytes = 0, 0, 0, 0
        local gaps, holes, strange = {}, {}, {}
        local from = '-'
        while types[2] == 'stream' do
            local some = redis.call('XRANGE', events, from, '+', 'COUNT', 1000)
            for _, entry in ipairs(some) do
                local seq, rest = string.match(entry[1], '^(%d+)-(%d+)$')
                local kind = entry[2][1]
                from = '(' .. entry[1]
                if rest ~= '0' or #entry[2] ~= 2 or kind ~= 'event' and kind ~= 'gap' then
                    if #strange < several then strange[#strange + 1] = entry[1] end
                else
                    seq = tonumber(seq)
                    if count == 0 then first = seq
                    elseif seq ~= last + 1 and #holes < 2 * several then
                        holes[#holes + 1] = last + 1
                        holes[#holes + 1] = seq - 1
                    end
                    count, last, bytes = count + 1, seq, bytes + #entry[2][2] + 64
                    if kind == 'gap' and #gaps < several then gaps[#gaps + 1] = seq end
                end
            end
            if #some < 1000 then break end
        end
        local score = redis.pcall('ZSCORE', jobs, id)
        return { types[1], types[2], kept[1], kept[2], kept[3], kept[4],
            type(score) == 'string' and 1 or 0, count, first, last, bytes, gaps, holes, strange }
        """)
    static let several = 8

    let job: String
    let stateType: String
    let streamType: String
    let epoch: Epoch?
    let seq: Int64?
    let firstKept: Int64?
    let bytesKept: Int64?
    let isListed: Bool
    let count: Int64
    let first: Int64
    let last: Int64
    let bytes: Int64
    let gaps: [Int64]
    let holes: [Int64]
    let strange: [String]

    init?(_ reply: RedisReply, of job: String) {
        guard case .array(let parts) = reply, parts.count == 14,
            let stateType = parts[0].text, let streamType = parts[1].text
        else { return nil }
        func number(_ part: RedisReply) -> Int64? {
            if case .integer(let number) = part { return number }
            return part.text.flatMap { Int64($0) }
        }
        func numbers(_ part: RedisReply) -> [Int64] {
            if case .array(let parts) = part { parts.compactMap(number) } else { [] }
        }
        self.job = job
        (self.stateType, self.streamType) = (stateType, streamType)
        epoch = parts[2].text.flatMap { Epoch(checking: $0) }
        (seq, firstKept, bytesKept) = (number(parts[3]), number(parts[4]), number(parts[5]))
        isListed = number(parts[6]) == 1
        (count, first) = (number(parts[7]) ?? 0, number(parts[8]) ?? 0)
        (last, bytes) = (number(parts[9]) ?? 0, number(parts[10]) ?? 0)
        (gaps, holes) = (numbers(parts[11]), numbers(parts[12]))
        strange = if case .array(let ids) = parts[13] { ids.compactMap(\.text) } else { [] }
    }

    /// Nothing of the job is there.
    var isAbsent: Bool { stateType == "none" && streamType == "none" }
}

// What is wrong.
extension HistoryReading {
    private static let renews =
        "The job's next event begins a new epoch, and followers are told to forget."
    private static let forgets =
        "DEL its state and its events: the job begins anew, and followers are told"

    /// One finding, `ok` where nothing differs.
    var findings: [Finding] {
        let problems = self.problems
        guard problems.isEmpty else { return problems }
        guard seq != nil else { return [Finding(job, .ok, "nothing recorded")] }
        return [Finding(job, .ok, summary)]
    }

    private var summary: String {
        let kept = count == 0 ? "no event kept any more" : "\(first)…\(last) kept, \(bytes) bytes"
        let told = gaps.isEmpty ? "" : ", gaps told at \(Self.text(gaps))"
        return "\(epoch.map { "\($0):" } ?? "")\(seq ?? 0), \(kept)\(told)"
    }

    private var problems: [Finding] {
        if isAbsent {
            guard isListed else { return [] }
            return [
                problem(
                    .warning, "is listed and has no state",
                    "It has expired or was deleted; it leaves the list when that is read.")
            ]
        }
        guard ["hash", "none"].contains(stateType), ["stream", "none"].contains(streamType) else {
            return [
                problem(
                    .error, "state is a \(stateType), events are a \(streamType)",
                    "Somebody else wrote to a key of Jobwire's: nothing of this job is recorded.",
                    Self.forgets)
            ]
        }
        guard let epoch, let seq else {
            return [
                problem(
                    .error,
                    stateType == "none" ? "events without a state" : "a state without numbers",
                    "What is kept can't be told to anybody. " + Self.renews, Self.forgets)
            ]
        }
        _ = epoch
        return streamProblems(seq)
    }

    private func streamProblems(_ seq: Int64) -> [Finding] {
        var found: [Finding] = []
        if !strange.isEmpty {
            found.append(
                problem(
                    .error, "entries of somebody else: \(strange.joined(separator: ", "))",
                    "Histories are read up to them only, and the next event finds its number taken. "
                        + Self.renews, "XDEL them, before the next event comes"))
        }
        if !holes.isEmpty {
            let ranges = stride(from: 0, to: holes.count - 1, by: 2)
                .map { "\(holes[$0])…\(holes[$0 + 1])" }.joined(separator: ", ")
            found.append(
                problem(
                    .error, "missing in the middle: \(ranges)",
                    "Entries were deleted. Who comes late is told that all up to there is trimmed.")
            )
        }
        if count > 0, last != seq {
            found.append(
                last > seq
                    ? problem(
                        .error, "the state is at \(seq), the events end at \(last)",
                        "The state was set back or is of an older copy. " + Self.renews)
                    : problem(
                        .error, "the state is at \(seq), the events end at \(last)",
                        "The newest events were deleted; who comes late hears a gap in their place."
                    ))
        }
        if holes.isEmpty, strange.isEmpty, last == seq, count > 0 {
            if let firstKept, firstKept != first {
                found.append(
                    problem(
                        .warning, "the events begin at \(first), the state says \(firstKept)",
                        "The oldest were deleted by somebody else or have expired; trimming repairs it."
                    ))
            } else if let bytesKept, bytesKept != bytes {
                found.append(
                    problem(
                        .warning, "the events are \(bytes) bytes, the state says \(bytesKept)",
                        "They are trimmed too early or too late."))
            }
        }
        if !isListed, seq > Int64(gaps.count) {
            found.append(
                problem(
                    .warning, "is not in the list of jobs",
                    "GET /api/v1/jobs leaves it out until its next event."))
        }
        return found
    }

    private func problem(
        _ level: Finding.Level, _ found: String, _ means: String, _ mend: String...
    ) -> Finding {
        Finding(job, level, found, means, mend: mend)
    }

    private static func text(_ seqs: [Int64]) -> String {
        seqs.map(String.init).joined(separator: ", ") + (seqs.count == several ? ", …" : "")
    }
}
