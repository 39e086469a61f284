// How a stream reads: into the loop's scratch, within its budget, lent to the owner.

import Bytes

extension Stream {
    /// Reads until the budget is spent or nothing is left; the rest is there in the next tick.
    func receive() {
        var budget = readBudgetBytes
        while budget > 0, isReading {
            let asked = min(budget, loop.scratch.capacity)
            guard let count = receiveOnce(atMost: asked) else { return }
            budget -= count
            if phase == .open { deliver(count) }
            guard phase == .open || phase == .finishing || phase == .lingering else { return }
            // A short read emptied the socket; a TLS record says nothing about what follows it.
            if tls == nil, count < asked { return }
        }
        if tls?.hasPending == true, phase == .open { awaitVisit() }
    }

    /// Nil when there is nothing to deliver, be it not yet or nevermore.
    private func receiveOnce(atMost count: Int) -> Int? {
        if let tls, phase == .open {
            switch tls.read(into: loop.scratch, atMost: count) {
            case .moved(let received): return received
            case .wantsRead: break
            case .wantsWrite:
                isBlocked = true
                updateInterest()
            case .ended: endInput()
            case .failed(let reason): end(.tls(reason))
            }
            return nil
        }
        do {
            let received = try loop.scratch.receive(from: descriptor, atMost: count)
            if received == 0 { endInput() }
            return received == 0 ? nil : received
        } catch {
            end(.reset(error))
            return nil
        }
    }

    private func endInput() {
        inputEnded = true
        switch phase {
        case .open where outbox.isEmpty: end(.closedByPeer)
        case .open:
            phase = .ending
            markDirty()
        case .lingering: end(.closedByUs)
        default: updateInterest()
        }
    }

    /// Lends the owner what it left before and the first `fresh` bytes of the scratch behind it.
    func deliver(_ fresh: Int) {
        let scratch = loop.scratch
        if unread.isEmpty {
            let consumed = lend(scratch.span(fresh))
            guard consumed < fresh, phase == .open else { return }
            unread.append(scratch.span(fresh), from: consumed)
        } else {
            // Taken out while it is lent: the owner may close or hand over meanwhile.
            var lent: [UInt8] = []
            swap(&lent, &unread)
            lent.append(scratch.span(fresh), from: 0)
            let consumed = lend(lent.span)
            guard consumed < lent.count, phase == .open else { return }
            lent.removeFirst(consumed)
            unread = lent
        }
        if unread.count > inputBytesMax { end(.inputTooLong) }
    }

    /// Asks the owner, and each owner it hands over to, as long as there are bytes.
    private func lend(_ bytes: Span<UInt8>) -> Int {
        var consumed = 0
        repeat {
            ownerChanged = false
            guard let owner else { return consumed }
            let left = bytes.count - consumed
            let taken = owner.stream(self, received: bytes.extracting(consumed...))
            precondition((0...left).contains(taken), "more was consumed than lent")
            consumed += taken
        } while ownerChanged && consumed < bytes.count && phase == .open && !isPaused
        return consumed
    }
}
