// Delivery carries out what the hub decided at the end of a tick: frames of a job are joined once and
// the block is shared by all who follow it, as it is or compressed.
//
// Invariant: a frame is compressed at most once in this loop, whoever asks first.

import Bytes
import Hub
import Jobs
import Loop
import Wire

/// What is shared by a job's followers in a tick: one block, unless there is very much.
private struct Blocks {
    /// A block of joined frames is no longer than this, unless one frame alone is.
    static let bytesMax = 65_536

    private(set) var first: SharedBytes
    private(set) var others: [SharedBytes] = []

    init(first: SharedBytes) { self.first = first }

    init(joining frames: [SharedBytes]) {
        var blocks: [SharedBytes] = []
        var start = 0
        var bytes = 0
        for index in frames.indices {
            if bytes + frames[index].count > Self.bytesMax, index > start {
                blocks.append(SharedBytes(joining: frames[start..<index], count: bytes))
                (start, bytes) = (index, 0)
            }
            bytes += frames[index].count
        }
        first = SharedBytes(joining: frames[start...], count: bytes)
        guard let begun = blocks.first else { return }
        others = blocks.dropFirst() + [first]
        first = begun
    }
}

extension Worker {
    func deliver(_ delivery: Delivery) {
        guard let last = delivery.entries.last else { return }
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
            session.deliver(blocks.first, upTo: last)
            for block in blocks.others { session.deliver(block, upTo: last) }
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
        if delivery.entries.count == 1, beginning == nil {
            return Blocks(first: frame(delivery.entries[0]))
        }
        return Blocks(joining: (beginning.map { [$0] } ?? []) + delivery.entries.map(frame))
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
