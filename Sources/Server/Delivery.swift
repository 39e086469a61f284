// Delivery carries out what the hub decided at the end of a tick: frames of a job are joined once and
// the block is shared by all who follow it, as it is or compressed.
//
// Invariant: a frame is compressed at most once in this loop, whoever asks first.

import Bytes
import Hub
import Jobs
import Loop
import Wire

/// Frames that go out as one, and the entry that they end with.
private struct Block {
    /// No longer than this, unless one frame alone is.
    static let bytesMax = 65_536

    let frames: SharedBytes
    let last: Entry
}

/// What is shared by a job's followers in a tick: one block, unless there is very much.
private struct Blocks {
    let first: Block
    var others: [Block] = []
}

extension Worker {
    func deliver(_ delivery: Delivery) {
        var plain: Blocks?
        var compressed: Blocks?
        for follower in delivery.live {
            guard let session = session(follower) else { continue }
            let blocks: Blocks
            if session.deflates {
                blocks = compressed ?? joined(delivery, compressed: true)
                compressed = blocks
            } else {
                blocks = plain ?? joined(delivery, compressed: false)
                plain = blocks
            }
            session.deliver(blocks.first.frames, upTo: blocks.first.last)
            for block in blocks.others { session.deliver(block.frames, upTo: block.last) }
        }
        count(
            delivery.entries.count * delivery.live.count,
            heardAt: delivery.entries[0].update.heardAt)
        for selection in delivery.filtered { deliver(selection, of: delivery) }
    }

    private func deliver(
        _ selection: Delivery.Selection, of delivery: Delivery
    ) {
        guard let session = session(selection.follower) else { return }
        if let beginning = beginning(of: delivery) { session.send(beginning) }
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

    /// What a client hears before the first event of an epoch.
    private func beginning(of delivery: Delivery) -> SharedBytes? {
        delivery.beginsEpoch.map {
            ServerMessage.live(.job(delivery.job), epoch: $0, seq: 0)
        }
    }

    private func joined(_ delivery: Delivery, compressed isCompressed: Bool) -> Blocks {
        func frame(_ entry: Entry) -> SharedBytes {
            isCompressed ? compressed(entry) : entry.update.frame
        }
        let beginning = beginning(of: delivery)
        var last = delivery.entries[0]
        if delivery.entries.count == 1, beginning == nil {
            return Blocks(first: Block(frames: frame(last), last: last))
        }
        var blocks: [Block] = []
        var frames = (beginning.map { [$0] } ?? []) + [frame(last)]
        var bytes = frames.reduce(0) { $0 + $1.count }
        for entry in delivery.entries.dropFirst() {
            let next = frame(entry)
            if bytes + next.count > Block.bytesMax {
                blocks.append(
                    Block(frames: SharedBytes(joining: frames[...], count: bytes), last: last))
                (frames, bytes) = ([], 0)
            }
            frames.append(next)
            bytes += next.count
            last = entry
        }
        blocks.append(Block(frames: SharedBytes(joining: frames[...], count: bytes), last: last))
        return Blocks(first: blocks[0], others: Array(blocks.dropFirst()))
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
