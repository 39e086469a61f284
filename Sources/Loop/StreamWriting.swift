// How a stream writes: once per tick, by the loop, everything it can.

import Bytes

extension Stream {
    /// Writes what is owed, as far as the kernel takes it. Calls nobody.
    func flush() {
        isDirty = false
        guard phase != .closed else { return }
        if !outbox.isEmpty, !isBlocked, phase.rawValue >= Phase.open.rawValue {
            if tls == nil { flushPlain() } else { flushRecords() }
        }
        switch phase {
        case .ending: end(.closedByPeer)
        case .finishing where outbox.isEmpty: linger()
        default: break
        }
    }

    private func flushPlain() {
        let list = loop.gatherList
        outbox.gather(into: list)
        let asked = list.byteCount
        do {
            let taken = try list.send(to: descriptor) ?? 0
            outbox.took(taken)
            wrote(taken, isBlocked: taken < asked)
        } catch {
            end(.reset(error))
        }
    }

    /// A record that was refused is offered again from the same bytes, as OpenSSL wants it: the
    /// outbox still begins with them.
    private func flushRecords() {
        guard let tls else { return }
        var taken = 0
        var isBlocked = false
        for _ in 0..<Self.recordsPerTickMax where !outbox.isEmpty && !isBlocked {
            let count = outbox.copy(into: loop.record)
            switch tls.write(loop.record, count: count) {
            case .moved(let moved):
                outbox.took(moved)
                taken += moved
            case .wantsWrite: isBlocked = true
            case .wantsRead: return  // Asked again when something was read and sent.
            case .ended: return end(.closedByPeer)
            case .failed(let reason): return end(.tls(reason))
            }
        }
        wrote(taken, isBlocked: isBlocked)
    }

    /// Settles the books after a write.
    private func wrote(_ count: Int, isBlocked: Bool) {
        self.isBlocked = isBlocked
        if outbox.isEmpty {
            stalledSince = nil
            if owesSinceEarlierTick, phase == .open { loop.drained.append(self) }
            owesSinceEarlierTick = false
        } else {
            // A tick writes only so much; what then remains is no sign of a slow peer.
            if isBlocked {
                if count > 0 || stalledSince == nil { stalledSince = loop.now }
            } else {
                stalledSince = nil
                markDirty()
            }
            owesSinceEarlierTick = true
        }
        updateInterest()
    }

    private func linger() {
        tls?.shutDown()
        descriptor.shutDownWriting()
        if inputEnded { return end(.closedByUs) }
        phase = .lingering
        arm(after: loop.limits.lingerMax)
        updateInterest()
    }

    /// More than this waits for the next tick, so that others have their turn.
    private static var recordsPerTickMax: Int { 4 }
}

// For an owner that gives up on a slow peer.
extension Stream {
    /// Drops what the kernel has not begun on, whole pieces only. Answers how many bytes are still owed.
    public func dropQueued() -> Int {
        outbox.dropQueued(keeping: tls?.offeredBytes ?? 0)
        return outbox.owedBytes
    }
}
