// RecorderQueue holds what was heard and is not known to be recorded, in the order of its ordinals.
//
// Invariant: the kept entries carry the counts first, first + 1, … without holes; `bytes` is what they
// weigh together.

import Jobs

/// A worker's message as it waits for its number. One that belongs to no job counts all the same:
/// every bridge counts what it hears, whatever it can make of it.
struct QueuedEvent: Sendable {
    let job: JobID?
    let event: PreparedEvent?
    let heardAt: Int64
    let bytes: Int

    init(job: JobID?, event: PreparedEvent?, heardAt: Int64) {
        self.job = job
        self.event = event
        self.heardAt = heardAt
        bytes = Self.overheadBytes + (event.map { $0.rest.count + $0.change.byteCount } ?? 0)
    }

    private static let overheadBytes = 128
}

struct RecorderQueue: Sendable {
    private var kept: [QueuedEvent] = []
    private var head = 0
    /// The count of the oldest entry.
    private(set) var first: Int64 = 1
    private(set) var bytes = 0

    var isEmpty: Bool { head == kept.count }
    var count: Int { kept.count - head }
    var last: Int64 { first + Int64(count) - 1 }
    var oldest: QueuedEvent? { isEmpty ? nil : kept[head] }

    mutating func append(_ event: QueuedEvent, count: Int64) {
        if isEmpty { first = count }
        precondition(count == last + 1, "a queue has no holes")
        kept.append(event)
        bytes += event.bytes
    }

    mutating func drop(through count: Int64) {
        while !isEmpty, first <= count {
            bytes -= kept[head].bytes
            head += 1
            first += 1
        }
        // Moving the rest down once in a while bounds both the memory and the cost of an entry.
        if head == kept.count || head > 64 && head > kept.count / 2 {
            kept.removeSubrange(..<head)
            head = 0
        }
    }

    mutating func removeAll() { self = RecorderQueue() }

    /// Up to so many entries and about so many bytes, from `count` on, where there are any.
    func batch(from count: Int64, entriesMax: Int, bytesMax: Int) -> ArraySlice<QueuedEvent> {
        guard !isEmpty, count <= last else { return [] }
        let start = head + Int(max(count, first) - first)
        var (end, weight) = (start, 0)
        while end < kept.count, end - start < entriesMax, weight < bytesMax {
            weight += kept[end].bytes
            end += 1
        }
        return kept[start..<end]
    }
}
