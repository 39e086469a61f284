// The outbox gives back every byte in order, wherever the kernel cuts.

import Testing

@testable import Bytes
@testable import Loop

@Suite("Outbox")
struct OutboxTests {
    static let sizes = [3, 1, 5, 2, 7]

    @Test("goes on at the right byte after a write of any length", arguments: 0...18)
    func cut(at count: Int) {
        var outbox = filled(Self.sizes)
        let all = content(of: outbox)
        outbox.took(count)
        #expect(content(of: outbox) == Array(all.dropFirst(count)))
        #expect(outbox.owedBytes == all.count - count)
        #expect(outbox.isEmpty == (count == all.count))
    }

    @Test("keeps the order when pieces come while others go, a byte at a time")
    func interleaved() {
        var outbox = Outbox()
        let all = pattern(1000)
        var taken: [UInt8] = []
        for start in stride(from: 0, to: all.count, by: 10) {
            outbox.append(SharedBytes(Array(all[start..<start + 10])))
            for _ in 0..<9 {
                taken.append(content(of: outbox)[0])
                outbox.took(1)
            }
        }
        #expect(taken + content(of: outbox) == all)
    }

    @Test("lets a piece go as soon as its last byte is taken")
    func letsGo() {
        var outbox = Outbox()
        weak var first: AnyObject?
        do {
            let piece = SharedBytes([1, 2])
            first = piece.memory
            outbox.append(piece)
            outbox.append(SharedBytes([3]))
        }
        outbox.took(1)
        #expect(first != nil)
        outbox.took(1)
        #expect(first == nil)
    }

    @Test("lists no more pieces than one write may have")
    func gathersUpToTheLimit() {
        let outbox = filled(Array(repeating: 1, count: GatherList.piecesMax + 5))
        let list = GatherList()
        outbox.gather(into: list)
        #expect(list.byteCount == GatherList.piecesMax)
    }

    private func filled(_ sizes: [Int]) -> Outbox {
        var outbox = Outbox()
        var next: UInt8 = 0
        for size in sizes {
            outbox.append(
                SharedBytes(
                    (0..<size).map { _ in
                        next &+= 1
                        return next
                    }))
        }
        return outbox
    }

    private func content(of outbox: Outbox) -> [UInt8] {
        let record = Scratch(capacity: 16_384)
        return Array(record.span(outbox.copy(into: record)).copied)
    }
}
