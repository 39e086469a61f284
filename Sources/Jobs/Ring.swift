// Ring keeps the latest numbered entries of one job, in order, within a count and a byte limit.
//
// Invariant: the kept entries are contiguous: entry(at: seq) is at index seq - firstSeq.

/// What a ring can keep: something with a place in a history and a weight.
public protocol Numbered {
    var seq: UInt64 { get }
    var byteCount: Int { get }
}

public struct RingLimits: Equatable, Sendable {
    public var eventsMax: Int
    public var bytesMax: Int

    public init(eventsMax: Int = 1_000, bytesMax: Int = 1_048_576) {
        self.eventsMax = eventsMax
        self.bytesMax = bytesMax
    }
}

public struct Ring<Entry: Numbered> {
    private var kept: [Entry] = []
    private var head = 0
    /// The number of the entry at `head`: to ask that entry means to wait for memory long gone cold.
    private var headSeq: UInt64 = 0
    public private(set) var bytes = 0

    public init() {}

    public var count: Int { kept.count - head }
    public var isEmpty: Bool { count == 0 }
    public var entries: ArraySlice<Entry> { kept[head...] }
    public var firstSeq: UInt64? { isEmpty ? nil : headSeq }
    public var lastSeq: UInt64? { isEmpty ? nil : headSeq + UInt64(count) - 1 }

    /// Appends the entry that follows the last one, and lets go of the oldest beyond the limits.
    /// Answers how many bytes the ring grew (or shrank) by.
    @discardableResult
    public mutating func append(
        _ entry: Entry, within limits: RingLimits, lettingGo: ((Entry) -> Void)? = nil
    ) -> Int {
        if isEmpty { headSeq = entry.seq }
        precondition(entry.seq == headSeq + UInt64(count), "a ring has no holes")
        let before = bytes
        kept.append(entry)
        bytes += entry.byteCount
        while count > limits.eventsMax || (bytes > limits.bytesMax && !isEmpty) {
            bytes -= kept[head].byteCount
            lettingGo?(kept[head])
            head += 1
            headSeq += 1
        }
        // Moving the rest down once in a while keeps both the memory and the cost per entry bounded.
        if head > 32 && head > kept.count / 2 || head == kept.count {
            kept.removeSubrange(..<head)
            head = 0
        }
        return bytes - before
    }

    /// The entries from `seq` on; what lies before the first one kept is simply not there.
    public func entries(from seq: UInt64) -> ArraySlice<Entry> {
        guard let firstSeq, let lastSeq, seq <= lastSeq else { return kept[kept.endIndex...] }
        return kept[(head + Int(max(seq, firstSeq) - firstSeq))...]
    }

    public mutating func removeAll() { self = Ring() }

    /// Lets go of what comes behind `seq`.
    public mutating func removeAll(behind seq: UInt64) {
        while let lastSeq, lastSeq > seq, let last = kept.popLast() { bytes -= last.byteCount }
        if isEmpty { self = Ring() }
    }
}

extension Update: Numbered {
    public var byteCount: Int { frame.count }
}
