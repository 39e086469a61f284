// EventsPage is a part of a job's history, oldest first: a request and an opening in, a page out.
//
// Invariants: between two events of a page, and between two pages, no number is missing unless `gap`, a
// gap in its place or the request's own `types` says so. `next` is where the next page begins: for
// `after`, or for `before` where only that was asked; nil where nothing more can ever be there.

import Hub
import JSON
import Jobs
import Wire

struct EventsPage {
    /// So much of events is put on one page, unless one alone is more.
    static let bytesMax = 1_048_576

    let job: JobID
    let epoch: Epoch?
    private(set) var events: [Update] = []
    private(set) var next: Cursor?
    private(set) var gap: Gap?

    var isEmpty: Bool { events.isEmpty && gap == nil }

    init(_ opening: Opening, _ request: EventsRequest) {
        job = opening.job
        epoch = opening.epoch
        let kept = opening.updates
        let first = kept.first?.seq ?? opening.seq + 1
        let begin = begin(request, opening)
        let end = end(request, opening)
        if gap == nil, begin < min(first, end), !request.isBackward {
            gap = missing(begin, to: min(first, end) - 1)
        }
        let from = Int(min(max(begin, first), opening.seq + 1) - first)
        let to = max(from, Int(max(end, first) - first))
        let window = kept[from..<max(from, min(to, kept.count))]
        if request.isBackward {
            let taken = take(window.reversed(), request)
            events.reverse()
            guard taken == window.count else {
                next = Cursor(epoch: epoch, seq: window[window.endIndex - taken].seq)
                return
            }
            if gap == nil, first > 1, end > 1 { gap = missing(1, to: min(first, end) - 1) }
        } else {
            let taken = take(window, request)
            // Where the history breaks off in the middle there is more behind.
            let isWhole = taken == window.count && window.last.map { $0.seq + 1 >= end } ?? true
            guard epoch != nil, request.before == nil || !isWhole else { return }
            let last = isWhole ? opening.seq : window[window.startIndex + taken - 1].seq
            next = Cursor(epoch: epoch, seq: last)
        }
    }

    /// The first number asked for.
    private mutating func begin(_ request: EventsRequest, _ opening: Opening) -> UInt64 {
        guard let after = request.after else { return 1 }
        guard let seq = place(after, in: opening), seq <= opening.seq else {
            gap = Gap(from: nil, to: nil, reason: .epochChanged, epoch: epoch)
            return 1
        }
        return seq + 1
    }

    /// The number behind the last one asked for.
    private mutating func end(_ request: EventsRequest, _ opening: Opening) -> UInt64 {
        guard let before = request.before else { return opening.seq + 1 }
        guard let seq = place(before, in: opening) else {
            gap = Gap(from: nil, to: nil, reason: .epochChanged, epoch: epoch)
            return opening.seq + 1
        }
        return min(max(seq, 1), opening.seq + 1)
    }

    /// The cursor's number in the present epoch; what was after a fork is not in it.
    private func place(_ cursor: Cursor, in opening: Opening) -> UInt64? {
        if cursor.epoch == nil || cursor.epoch == opening.epoch { return cursor.seq }
        return opening.forks.lastIndex { $0.epoch == cursor.epoch }.map { index in
            opening.forks[index...].reduce(cursor.seq) { min($0, $1.seq) }
        }
    }

    /// Takes what is wanted until the page is full; answers how many it looked at.
    private mutating func take(_ window: some Sequence<Update>, _ request: EventsRequest) -> Int {
        var (looks, bytes) = (0, 0)
        for update in window {
            guard events.count < request.limit, bytes < Self.bytesMax else { break }
            looks += 1
            guard request.wants(update) else { continue }
            events.append(update)
            bytes += update.frame.count
        }
        return looks
    }

    private func missing(_ from: UInt64, to: UInt64) -> Gap {
        Gap(from: from, to: to, reason: .trimmed, epoch: epoch)
    }

    /// `{epoch, events, next, gap?}`
    func json() -> [UInt8] {
        var json = JSONWriter(reserving: events.reduce(256) { $0 + $1.frame.count })
        json.beginObject()
        json.key("epoch")
        if let epoch { json.string(epoch.text) } else { json.null() }
        json.key("events")
        json.beginArray()
        for event in events {
            let frame = event.frame
            json.raw(Frames.payload(of: frame))
        }
        json.endArray()
        json.key("next")
        if let next { json.string(next.description) } else { json.null() }
        if let gap {
            json.key("gap")
            json.gap(gap)
        }
        json.endObject()
        return json.bytes
    }
}

extension JSONWriter {
    fileprivate mutating func gap(_ gap: Gap) {
        beginObject()
        for (name, seq) in [("from", gap.from), ("to", gap.to)] {
            key(name)
            if let seq { integer(seq) } else { null() }
        }
        key("reason")
        string(gap.reason.rawValue)
        key("epoch")
        if let epoch = gap.epoch { string(epoch.text) } else { null() }
        endObject()
    }
}

extension Gap {
    /// Where a page has what a follower will not be sent: only a replay's limit leaves out what is kept.
    func eventsPath(of job: JobID) -> String? {
        guard reason == .replayLimit || reason == .slowConsumer, let from, let to, let epoch else {
            return nil
        }
        let path =
            switch job.kind {
            case .job: "/api/v1/jobs/\(percentEncoded(job.text))/events"
            case .feed: "/api/v1/feeds/\(percentEncoded(job.text))/events"
            }
        return "\(path)?after=\(epoch):\(from - 1)&before=\(epoch):\(to + 1)"
    }
}

/// For one segment of a path: all but letters, digits and `-._~` is escaped.
func percentEncoded(_ text: String) -> String {
    var encoded = ""
    for byte in text.utf8 {
        let scalar = Unicode.Scalar(byte)
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "_"), UInt8(ascii: "~"):
            encoded.unicodeScalars.append(scalar)
        default:
            encoded += byte < 16 ? "%0" : "%"
            encoded += String(byte, radix: 16, uppercase: true)
        }
    }
    return encoded
}
