// NameTable finds what a name means without making a String of it: a small hash table, built once.
//
// Invariant: at least every second slot is empty, so that a search always ends.

struct NameTable<Meaning: Sendable>: Sendable {
    /// Where a name stands in `letters`, and its meaning; no name is empty, so 0 letters is no name.
    private struct Slot: Sendable {
        var start: UInt16 = 0
        var count: UInt16 = 0
        var row: Int32 = -1
    }

    private var slots: [Slot]
    private var letters: [UInt8] = []
    private let meanings: [Meaning]

    /// Of equal names the first counts.
    init(_ rows: [(name: String, meaning: Meaning)]) {
        var slotCount = 16
        while slotCount < rows.count * 4 { slotCount *= 2 }
        slots = Array(repeating: Slot(), count: slotCount)
        meanings = rows.map(\.meaning)
        for (row, name) in rows.map({ Array($0.name.utf8) }).enumerated()
        where find(name.span, 0..<name.count) == nil {
            var index = name.span.nameHash(0..<name.count) & (slotCount - 1)
            while slots[index].row >= 0 { index = (index + 1) & (slotCount - 1) }
            slots[index] = Slot(
                start: UInt16(letters.count), count: UInt16(name.count), row: Int32(row))
            letters += name
        }
    }

    func find(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Meaning? {
        var index = bytes.nameHash(range) & (slots.count - 1)
        while slots[index].row >= 0 {
            let slot = slots[index]
            if Int(slot.count) == range.count, matches(bytes, range.lowerBound, slot) {
                return meanings[Int(slot.row)]
            }
            index = (index + 1) & (slots.count - 1)
        }
        return nil
    }

    private func matches(_ bytes: Span<UInt8>, _ at: Int, _ slot: Slot) -> Bool {
        for offset in 0..<Int(slot.count) {
            guard bytes[at + offset] == letters[Int(slot.start) + offset] else { return false }
        }
        return true
    }
}

extension Span<UInt8> {
    /// Enough to tell our own few names apart. A sender who makes them collide gains nothing: what it
    /// sends is looked up, never stored.
    func nameHash(_ range: Range<Int>) -> Int {
        guard !range.isEmpty else { return 0 }
        let first = Int(self[range.lowerBound])
        let middle = Int(self[range.lowerBound + range.count / 2])
        let last = Int(self[range.upperBound - 1])
        return range.count &* 5 ^ first &* 3 ^ middle &* 11 ^ last &* 29
    }
}
