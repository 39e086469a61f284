// NameTable finds what a name means without making a String of it: a small hash table, built once.
//
// Invariant: at least every second slot is empty, so that a search always ends.

import JSON

struct NameTable<Meaning: Sendable>: Sendable {
    private struct Slot: Sendable {
        let name: [UInt8]
        let meaning: Meaning
    }

    private var slots: [Slot?]

    /// Of equal names the first counts.
    init(_ rows: [(name: String, meaning: Meaning)]) {
        var slotCount = 16
        while slotCount < rows.count * 4 { slotCount *= 2 }
        slots = Array(repeating: nil, count: slotCount)
        for row in rows {
            let name = Array(row.name.utf8)
            var index = name.span.nameHash(0..<name.count) & (slotCount - 1)
            while let slot = slots[index], slot.name != name { index = (index + 1) & (slotCount - 1) }
            if slots[index] == nil { slots[index] = Slot(name: name, meaning: row.meaning) }
        }
    }

    func find(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Meaning? {
        var index = bytes.nameHash(range) & (slots.count - 1)
        while let slot = slots[index] {
            if bytes.equals(range, slot.name) { return slot.meaning }
            index = (index + 1) & (slots.count - 1)
        }
        return nil
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

    func equals(_ range: Range<Int>, _ name: [UInt8]) -> Bool {
        guard range.count == name.count else { return false }
        for offset in name.indices where self[range.lowerBound + offset] != name[offset] {
            return false
        }
        return true
    }
}
