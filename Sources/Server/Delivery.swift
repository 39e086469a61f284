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
        guard let last = delivery.entries.last else { return }
        var plain: [SharedBytes]?
        var compressed: [SharedBytes]?
        for follower in delivery.live {
            guard let session = session(follower) else { continue }
            let blocks: [SharedBytes]
            if session.deflates {
                blocks = compressed ?? joined(beginning, delivery.entries.map(compressed(_:)))
                compressed = blocks
            } else {
                blocks = plain ?? joined(beginning, delivery.entries.map(\.update.frame))
                plain = blocks
            }
            for block in blocks { session.deliver(block, upTo: last) }
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

    private func joined(_ beginning: SharedBytes?, _ frames: [SharedBytes]) -> [SharedBytes] {
        let frames = (beginning.map { [$0] } ?? []) + frames
        guard frames.count > 1 else { return frames }
        var blocks: [SharedBytes] = []
        var start = 0
        var bytes = 0
        for index in frames.indices {
            if bytes + frames[index].count > Self.blockBytesMax, index > start {
                blocks.append(SharedBytes(joining: frames[start..<index], count: bytes))
                (start, bytes) = (index, 0)
            }
            bytes += frames[index].count
        }
        blocks.append(SharedBytes(joining: frames[start...], count: bytes))
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
