// Delivery carries out what the hub decided at the end of a tick: frames of a job are joined once and
// the block is shared by all who follow it, as it is or compressed.
//
// Invariant: a frame is compressed at most once in this loop, whoever asks first.

import Bytes
import Hub
import Jobs
import Loop
import Wire

extension Worker {
    /// A block of joined frames is no longer than this, unless one frame alone is.
    static let blockBytesMax = 65_536

    func deliver(_ delivery: Delivery) {
        let beginning = delivery.beginsEpoch.map {
            ServerMessage.live(.job(delivery.job), epoch: $0, seq: 0)
        }
        var plain: [Block]?
        var compressed: [Block]?
        for follower in delivery.live {
            guard let session = session(follower) else { continue }
            let blocks: [Block]
            if session.deflates {
                blocks = compressed ?? joined(beginning, delivery.entries, compressed(_:))
                compressed = blocks
            } else {
                blocks = plain ?? joined(beginning, delivery.entries, \.update.frame)
                plain = blocks
            }
            for block in blocks { session.deliver(block.frames, upTo: block.last) }
        }
        count(
            delivery.entries.count * delivery.live.count,
            heardAt: delivery.entries[0].update.heardAt)
        for selection in delivery.filtered { deliver(selection, of: delivery, beginning) }
    }

    private func deliver(
        _ selection: Delivery.Selection, of delivery: Delivery, _ beginning: SharedBytes?
    ) {
        guard let session = session(selection.follower) else { return }
        if let beginning { session.send(beginning) }
        for entry in selection.entries {
            session.deliver(
                session.deflates ? compressed(entry) : entry.update.frame, upTo: entry)
        }
        if let seq = selection.standsAt {
            session.send(
                ServerMessage.live(
                    .job(delivery.job), epoch: delivery.entries[0].update.epoch, seq: seq))
        }
        guard let first = selection.entries.first else { return }
        count(selection.entries.count, heardAt: first.update.heardAt)
    }

    func compressed(_ entry: Entry) -> SharedBytes {
        switch entry.compressed {
        case .frame(let frame): return frame
        case .notWorthIt: return entry.update.frame
        case .notTried:
            let frame = deflater.compressed(entry.update.frame)
            entry.compressed = frame.map { .frame($0) } ?? .notWorthIt
            return frame ?? entry.update.frame
        }
    }

    private typealias Block = (frames: SharedBytes, last: Entry)

    private func joined(
        _ beginning: SharedBytes?, _ entries: [Entry], _ frame: (Entry) -> SharedBytes
    ) -> [Block] {
        var blocks: [Block] = []
        var frames = beginning.map { [$0] } ?? []
        var bytes = beginning?.count ?? 0
        for (index, entry) in entries.enumerated() {
            let next = frame(entry)
            if index > 0, bytes + next.count > Self.blockBytesMax {
                blocks.append((SharedBytes(joining: frames[...], count: bytes), entries[index - 1]))
                (frames, bytes) = ([], 0)
            }
            frames.append(next)
            bytes += next.count
        }
        guard let last = entries.last else { return [] }
        let isAlone = frames.count == 1
        blocks.append((isAlone ? frames[0] : SharedBytes(joining: frames[...], count: bytes), last))
        return blocks
    }

    private func count(_ messages: Int, heardAt: Int64) {
        metrics.messagesOut.add(messages)
        delivered.append((heardAt, messages))
    }

    /// From reading an event off Redis to the write that carried it to its followers.
    func countLatency() {
        guard !delivered.isEmpty else { return }
        let now = Instant.now().nanoseconds
        for (heardAt, messages) in delivered {
            metrics.publishToWrite.observe(nanoseconds: now - heardAt, times: messages)
        }
        delivered.removeAll(keepingCapacity: true)
    }
}
