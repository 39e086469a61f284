// What was heard, recorded and delivered of one job while `jobwire verify --for` looked on, and where the
// three first differ. Pure: what happened goes in, findings come out.
//
// Events are compared by the hash of their own bytes, which are prepared as the bridge prepares them. Where
// the worker gave no time the bridge adds the one at which it heard; then all before it is compared.

import Jobs

struct VerifyBook {
    enum Entry: Equatable {
        case event(hash: Int, hashWithoutTime: Int)
        /// A gap that the history tells.
        case gap
    }

    /// Of events heard on the workers' channel, in order.
    private(set) var heard: [Int] = []
    private(set) var delivered: [UInt64: Entry] = [:]
    /// Numbers for which the follower was sent a gap.
    private var gaps: [ClosedRange<UInt64>] = []
    /// The first number that could be delivered; nil before the follower was told of the job.
    private(set) var first: UInt64?
    /// The number that is due; nil where any may come.
    private var due: UInt64?
    /// Where a gap of unknown end began.
    private var openGap: UInt64?
    private(set) var last: UInt64 = 0
    private var disorder: String?
    /// The numbering began anew: what came before is compared no more.
    private(set) var isAnew = false

    /// What ends a prepared event whose worker gave no time, heard at the beginning of 1970.
    static let noTime = Array(",\"timestamp\":\"1970-01-01T00:00:00.000Z\"}".utf8)
    /// The time itself, its quote and the brace.
    private static let timeBytes = 26

    static func hash(heard rest: [UInt8]) -> Int {
        rest.suffix(noTime.count).elementsEqual(noTime)
            ? hash(rest.dropLast(timeBytes)) : hash(rest[...])
    }

    private static func hash(_ rest: ArraySlice<UInt8>) -> Int {
        var hasher = Hasher()
        hasher.combine(rest)
        return hasher.finalize()
    }

    /// Of an event as it was recorded or delivered.
    static func entry(_ rest: ArraySlice<UInt8>) -> Entry {
        .event(hash: hash(rest), hashWithoutTime: hash(rest.dropLast(timeBytes)))
    }

    mutating func hear(_ hash: Int) { heard.append(hash) }

    /// The follower was told of the job: its next event has this number.
    mutating func begin(at seq: UInt64) {
        first = min(first ?? seq, seq)
        due = seq
    }

    mutating func deliver(_ seq: UInt64, _ entry: Entry) {
        if let from = openGap, seq > from { gaps.append(from...(seq - 1)) }
        openGap = nil
        if let due, seq != due, disorder == nil {
            disorder = "\(seq) was delivered where \(due) was due"
        }
        first = first ?? seq
        delivered[seq] = entry
        (due, last) = (seq + 1, max(last, seq))
    }

    mutating func skip(from: UInt64?, to: UInt64?) {
        guard let to, to >= from ?? to else {
            openGap = from ?? due
            due = nil
            return
        }
        let start = from ?? due ?? to
        first = first.map { min($0, start) }
        gaps.append(start...max(to, start))
        (due, last) = (to + 1, max(last, to))
    }

    mutating func startOver() {
        self = VerifyBook()
        isAnew = true
    }

    var eventsDelivered: Int { delivered.values.count { $0 != .gap } }

    /// As far as the follower can tell, all that was heard has come.
    var isSettled: Bool { delivered.count >= heard.count }
}

// What differs.
extension VerifyBook {
    struct Comparison: Equatable {
        var recorded = 0
        /// Heard, not recorded, and told by a gap.
        var told = 0
        /// The first difference; nil where there is none.
        var difference: String?
    }

    /// `recorded` is the history from `first` on, its first number `from`; nil where none is kept: then what
    /// was delivered stands for it.
    func compared(with recorded: [Entry]?, from: UInt64) -> Comparison {
        var found = Comparison()
        found.recorded = (recorded ?? []).count { $0 != .gap }
        // What has been trimmed meanwhile is known from what was delivered, but for what lay in gaps.
        var history: [Entry] = []
        var next = first
        for seq in delivered.keys.sorted() where recorded == nil || seq < from {
            if let next, seq > next { history.append(.gap) }
            if let entry = delivered[seq] { history.append(entry) }
            next = seq + 1
        }
        if recorded != nil, let next, next < from { history.append(.gap) }
        history += recorded ?? []
        let place = recorded == nil ? "delivered" : "recorded"
        found.difference = missing(in: history, place, &found.told)
        if let recorded { found.difference = found.difference ?? undelivered(recorded, from: from) }
        found.difference = found.difference ?? disorder
        return found
    }

    /// Each heard event has its place in the history before that of the one behind it; where some have none,
    /// a gap must stand there.
    private func missing(in history: [Entry], _ place: String, _ told: inout Int) -> String? {
        var places: [Int: [Int]] = [:]
        var gapsUntil = [0]
        for (index, entry) in history.enumerated() {
            gapsUntil.append(gapsUntil[index] + (entry == .gap ? 1 : 0))
            guard case .event(let hash, let withoutTime) = entry else { continue }
            places[hash, default: []].append(index)
            if withoutTime != hash { places[withoutTime, default: []].append(index) }
        }
        var end = history.count
        var lost = 0
        var difference: String?
        for (ordinal, hash) in heard.enumerated().reversed() {
            while let found = places[hash]?.last, found >= end { places[hash]?.removeLast() }
            guard let found = places[hash]?.last else {
                lost += 1
                continue
            }
            if lost > 0, gapsUntil[end] > gapsUntil[found] {
                told += lost
            } else if lost > 0 {
                difference = Self.words((ordinal + 1, lost), place: place)
            }
            (end, lost) = (found, 0)
        }
        guard lost > 0 else { return difference }
        guard gapsUntil[end] == 0 else {
            told += lost
            return difference
        }
        return Self.words((0, lost), place: place)
    }

    private static func words(_ lost: (ordinal: Int, count: Int), place: String) -> String {
        "of the events heard, number \(lost.ordinal + 1)"
            + (lost.count > 1 ? " and \(lost.count - 1) behind it" : "") + " was not \(place)"
    }

    private func undelivered(_ history: [Entry], from: UInt64) -> String? {
        guard first != nil else {
            return isAnew || history.isEmpty ? nil : "nothing of it was delivered"
        }
        for (index, entry) in history.enumerated() {
            let seq = from + UInt64(index)
            switch (entry, delivered[seq]) {
            case (_, let sent?):
                guard entry == sent else { return "\(seq) was not delivered as it is recorded" }
            case (_, nil):
                guard gaps.contains(where: { $0.contains(seq) }) else {
                    return "\(seq) is recorded and was not delivered"
                }
            }
        }
        return nil
    }
}
