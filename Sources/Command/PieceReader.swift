// Reads a descriptor on a thread of its own, because a read may wait for ever, and hands on what it read in pieces,
// the last one empty. It reads on only when it is told to, so that memory stays bounded and a slow taker slows
// the writer down instead.
//
// Invariant: of each reader one piece at most is on its way.

import CLinux
import Loop
import Synchronization

final class PieceReader: Sendable {
    private static let pieceBytesMax = 65_536

    private let source: Int32
    private let credit = linux_eventfd()
    private let waits = Atomic<Bool>(false)

    /// True while there is nothing to read, and nothing that was read is still on its way.
    var isIdle: Bool { waits.load(ordering: .acquiring) && !System.hasInput(source) }

    /// What is read is also written to `copy`, before it is handed on. When nobody reads that any more the source
    /// is closed, so that its writer learns of it as it would without us.
    static func start(
        _ name: String, from source: Int32, copyTo copy: Int32? = nil,
        _ take: @escaping @Sendable ([UInt8]) -> Void
    ) throws(SystemError) -> PieceReader {
        let reader = PieceReader(source)
        _ = try LoopThread.start(name: name) { reader.read(copy, take) }
        return reader
    }

    private init(_ source: Int32) { self.source = source }

    /// Once for each piece.
    func goOn() { _ = System.write([1, 0, 0, 0, 0, 0, 0, 0], to: credit) }

    private func read(_ copy: Int32?, _ take: ([UInt8]) -> Void) {
        var copy = copy
        while true {
            waits.store(true, ordering: .releasing)
            let bytes = System.read(source, atMost: Self.pieceBytesMax) ?? []
            waits.store(false, ordering: .releasing)
            if let open = copy, !System.write(bytes, to: open) {
                // A terminal that was closed or a full disk are no reason to end the writer.
                guard linux_errno() != EPIPE else { break }
                copy = nil
            }
            guard !bytes.isEmpty else { return take([]) }
            take(bytes)
            _ = System.read(credit, atMost: 8)
        }
        close(source)
        take([])
    }
}
