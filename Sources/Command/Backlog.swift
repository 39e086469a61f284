// What a command said and Redis has not taken yet: the job's start, its lines in order, and its end.
//
// Lines that come while others wait join them in one event. Where there are too many the oldest go, and how many
// is told in their place. The start and the end always stay.
// Invariant: bytes <= bytesMax.

import Jobs

struct Backlog {
    struct Lines: Equatable {
        let stream: LogStream
        /// When the first was said.
        let time: WallTime
        var lines: [String]
        fileprivate(set) var bytes: Int
    }

    enum Entry: Equatable {
        case start
        case missing(Int)
        case lines(Lines)
        case end
    }

    static let bytesMax = 8 << 20
    /// What an event weighs beside its text, and a line.
    private static let eventBytes = 64
    private static let lineBytes = 24

    private(set) var bytes = 0
    private var owesStart = true
    private var owesEnd = false
    private var missing = 0
    /// From `first` on; what was before has been taken.
    private var waiting: [Lines] = []
    private var first = 0

    var isEmpty: Bool { !owesStart && !owesEnd && missing == 0 && first == waiting.count }
    /// Nothing can be told of it any more, should it be left now.
    var linesLeft: Int { waiting[first...].reduce(missing) { $0 + $1.lines.count } }

    /// A batch as LineBatches makes them.
    mutating func put(_ lines: [String], of stream: LogStream, at time: WallTime) {
        put(lines, stream, time)
        while bytes > Self.bytesMax { missing += takeFirst().lines.count }
    }

    /// No line comes any more.
    mutating func end() { owesEnd = true }

    mutating func next() -> Entry? {
        if owesStart {
            owesStart = false
            return .start
        }
        if missing > 0 {
            defer { missing = 0 }
            return .missing(missing)
        }
        if first < waiting.count { return .lines(takeFirst()) }
        guard owesEnd else { return nil }
        owesEnd = false
        return .end
    }

    /// It was under way when Redis was lost, and may have arrived. To say twice that a job has begun or ended does
    /// no harm, to tell its lines twice does.
    mutating func lose(_ entry: Entry) {
        switch entry {
        case .start: owesStart = true
        case .missing(let count): missing += count
        case .lines(let lines): missing += lines.lines.count
        case .end: owesEnd = true
        }
    }

    private mutating func put(_ lines: [String], _ stream: LogStream, _ time: WallTime) {
        let size = lines.reduce(0) { $0 + $1.utf8.count + Self.lineBytes }
        bytes += size
        if first < waiting.count, let last = waiting.last, last.stream == stream,
            last.lines.count + lines.count <= LineBatches.linesMax,
            last.bytes + size <= LineBatches.batchBytesMax
        {
            waiting[waiting.count - 1].lines += lines
            waiting[waiting.count - 1].bytes += size
        } else {
            bytes += Self.eventBytes
            waiting.append(
                Lines(stream: stream, time: time, lines: lines, bytes: size + Self.eventBytes))
        }
    }

    private mutating func takeFirst() -> Lines {
        let taken = waiting[first]
        bytes -= taken.bytes
        waiting[first].lines = []
        first += 1
        if first == waiting.count || first > Self.takenKept {
            waiting.removeFirst(first)
            first = 0
        }
        return taken
    }

    /// To take out one by one would move all the others each time.
    private static let takenKept = 4_096
}
