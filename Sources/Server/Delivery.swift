// Delivery carries out what the hub decided at the end of a tick: frames of a job are joined once and
// the block is shared by all who follow it in the same form.
//
// Invariant: a frame is translated and compressed at most once in this loop, whoever asks first.

import Bytes
import Hub
import Jobs
import Loop
import Telemetry
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
    /// Answers who has fallen behind, and was sent nothing.
    func deliver(_ delivery: Delivery) -> [FollowerID] {
        var made = InlineArray<4, Blocks?>(repeating: nil)
        var overHTTP: [FollowerID] = []
        var fallen: [FollowerID] = []
        for follower in delivery.live {
            guard let session = session(follower) else {
                overHTTP.append(follower)
                continue
            }
            guard session.hasRoom else {
                session.fallBehind(on: delivery.job)
                fallen.append(follower)
                continue
            }
            let place = session.form.rawValue
            let blocks = made[place] ?? joined(delivery, session.form)
            made[place] = blocks
            session.deliver(blocks.first.frames, upTo: blocks.first.last)
            for block in blocks.others { session.deliver(block.frames, upTo: block.last) }
        }
        deliver(delivery, toHTTP: overHTTP, &fallen)
        count(
            delivery.entries.count * (delivery.live.count - fallen.count),
            heardAt: delivery.entries[0].update.heardAt)
        for selection in delivery.filtered { deliver(selection, of: delivery, &fallen) }
        return fallen
    }

    private func deliver(
        _ selection: Delivery.Selection, of delivery: Delivery, _ fallen: inout [FollowerID]
    ) {
        let session = session(selection.follower)
        let hasRoom = session?.hasRoom ?? httpFollowers[selection.follower]?.hasRoom ?? true
        if !hasRoom, !selection.entries.isEmpty {
            session?.fallBehind(on: delivery.job)
            httpFollowers[selection.follower]?.fallBehind(on: delivery.job)
            return fallen.append(selection.follower)
        }
        let standing = selection.standsAt.map {
            ServerMessage.live(.job(delivery.job), epoch: delivery.entries[0].update.epoch, seq: $0)
        }
        // What was held is late because that was asked for.
        let heardAt = delivery.wasHeld ? nil : delivery.entries[0].update.heardAt
        count(selection.entries.count, heardAt: heardAt)
        guard let session else {
            return deliver(selection, of: delivery, standing: standing)
        }
        if let beginning = beginning(of: delivery) { session.send(beginning) }
        for entry in selection.entries {
            session.deliver(frame(of: entry, session.form), upTo: entry)
        }
        if let standing { session.send(standing) }
    }

    /// What tells a follower that something is missing. It is counted as told.
    func frame(of gap: Gap, in job: JobID) -> SharedBytes {
        metrics.gaps.add(GapLabel(gap.reason))
        return EventFrame.gap(
            job: job, epoch: gap.epoch, from: gap.from, to: gap.to, reason: gap.reason,
            events: gap.eventsPath(of: job))
    }

    func frame(of entry: Entry, _ form: FrameForm) -> SharedBytes {
        switch form {
        case .json: return entry.update.frame
        case .deflatedJSON: return compressed(entry.update.frame, &entry.compressed)
        case .messagePack: return translated(entry).frame
        case .deflatedMessagePack:
            let translation = translated(entry)
            return compressed(translation.frame, &translation.compressed)
        }
    }

    private func compressed(_ frame: SharedBytes, _ made: inout Entry.Compressed) -> SharedBytes {
        switch made {
        case .frame(let compressed): return compressed
        case .notWorthIt: return frame
        case .notTried:
            let compressed = deflater.compressed(frame)
            made = compressed.map { .frame($0) } ?? .notWorthIt
            return compressed ?? frame
        }
    }

    private func translated(_ entry: Entry) -> Entry.Translation {
        if let translation = entry.messagePack { return translation }
        let translation = Entry.Translation(MessagePack.frame(entry.update.frame))
        entry.messagePack = translation
        return translation
    }

    /// What a client hears before the first event of an epoch.
    func beginning(of delivery: Delivery) -> SharedBytes? {
        delivery.beginsEpoch.map {
            ServerMessage.live(.job(delivery.job), epoch: $0, seq: 0)
        }
    }

    private func joined(_ delivery: Delivery, _ form: FrameForm) -> Blocks {
        func frame(_ entry: Entry) -> SharedBytes { self.frame(of: entry, form) }
        let beginning = beginning(of: delivery).map {
            form.isMessagePack ? MessagePack.frame($0) : $0
        }
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

    private func count(_ messages: Int, heardAt: Int64?) {
        metrics.messagesOut.add(messages)
        if let heardAt, messages > 0 { delivered.append((heardAt, messages)) }
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
