// Outbox holds what a stream was given to send and the kernel has not taken yet, in order.
//
// Most ticks send one piece to a stream, so the first piece lies inline and needs no array.
//
// Invariant: `owedBytes` is the sum of all pieces less `firstTaken`; without a first piece there is
// no other; what lies before `restStart` was sent and let go.

import Bytes

struct Outbox {
    private(set) var owedBytes = 0
    private var first: SharedBytes?
    /// How much of the first piece is gone.
    private var firstTaken = 0
    private var rest: [SharedBytes?] = []
    private var restStart = 0
    /// Whether there was ever a rest before.
    private var hasHadRest = false

    var isEmpty: Bool { first == nil }

    mutating func append(_ bytes: SharedBytes) {
        precondition(bytes.count > 0, "an empty piece would never be taken")
        owedBytes += bytes.count
        if first == nil { first = bytes } else { rest.append(bytes) }
    }

    /// Lists as many pieces as one write may have.
    func gather(into list: GatherList) {
        guard let first else { return }
        list.add(first, from: firstTaken)
        for index in rest.indices[restStart...] {
            guard !list.isFull, let piece = rest[index] else { return }
            list.add(piece, from: 0)
        }
    }

    /// Copies as many bytes as one TLS record may have, and returns their count.
    func copy(into record: Scratch) -> Int {
        guard let first else { return 0 }
        var filled = record.copy(first, from: firstTaken, to: 0)
        for index in rest.indices[restStart...] where filled < record.capacity {
            guard let piece = rest[index] else { break }
            filled += record.copy(piece, from: 0, to: filled)
        }
        return filled
    }

    /// Lets go of the first `count` bytes owed.
    mutating func took(_ count: Int) {
        precondition(count <= owedBytes)
        owedBytes -= count
        guard owedBytes > 0 else { return reset() }
        var left = firstTaken + count
        while let piece = first, left >= piece.count {
            left -= piece.count
            first = rest[restStart]
            rest[restStart] = nil
            restStart += 1
        }
        firstTaken = left
        // A stream that is always a little behind must not keep the holes of all it ever sent.
        if restStart >= Self.holesMax, restStart * 2 >= rest.count {
            rest.removeFirst(restStart)
            restStart = 0
        }
    }

    /// Keeps only a piece that was taken in part, for the peer would not know where it ends, and those
    /// that begin within the first `offered` bytes.
    mutating func dropQueued(keeping offered: Int) {
        guard let first, firstTaken > 0 || offered > 0 else { return drop() }
        var kept = first.count - firstTaken
        var end = restStart
        while kept < offered, end < rest.count, let piece = rest[end] {
            kept += piece.count
            end += 1
        }
        rest.removeSubrange(end...)
        owedBytes = kept
    }

    mutating func drop() {
        owedBytes = 0
        reset()
    }

    private mutating func reset() {
        first = nil
        firstTaken = 0
        restStart = 0
        guard !rest.isEmpty else { return }
        rest.removeAll(keepingCapacity: hasHadRest && rest.capacity <= Self.capacityKeptMax)
        hasHadRest = true
    }

    private static let holesMax = 64
    /// A stream that gets several pieces in a tick for the second time will again: the first time may have
    /// been a greeting, whose memory goes back, as a burst's does.
    private static let capacityKeptMax = 16
}
