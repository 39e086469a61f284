// What a recorder wants done next, and what it makes of the answers.
//
// No step is needed for safety: any of them may come late, twice or never. Timers decide only who
// works, and when a silent bridge is given up.

import Loop

extension Recorder {
    /// The next thing to do, until nil. Ask again after whatever was heard or answered, and now and
    /// then as time passes.
    mutating func next(
        at now: Instant, using random: inout some RandomNumberGenerator
    ) -> RecorderStep? {
        guard let commands, !isReconnecting else { return nil }
        if let subscription, subscription.reign != commands.reign {
            isReconnecting = true
            return subscription.number < commands.number
                ? .reconnectSubscription : .reconnectCommands
        }
        if let call = nextPulse(at: now, on: commands) { return .pulse(call) }
        if let isPresent = nextPresence() { return .present(isPresent) }
        if let call = nextOfTail(at: now, on: commands) { return .record(call) }
        guard subscription != nil else { return nil }
        switch standing {
        case .aligned(let naming):
            if leavesOthersWaiting(at: now, naming) {
                lose(keepingNames: false)
                return nextWhileLost(at: now, using: &random)
            }
            if let call = nextAnswer(at: now, naming) { return .answer(call) }
            return nextRecord(at: now, naming, on: commands, using: &random).map { .record($0) }
        case .arriving: return nil
        case .lost: return tail == nil ? nextWhileLost(at: now, using: &random) : nil
        }
    }

    // MARK: sending

    private mutating func nextOfTail(at now: Instant, on commands: Link) -> RecordCall? {
        guard let tail, !tail.isSent, now >= sendNotBefore else { return nil }
        self.tail?.isSent = true
        callsInFlight += 1
        let first = tail.queue.first
        return RecordCall(
            era: tail.naming.era, first: first + tail.naming.offset,
            events: batch(of: tail.queue, from: first), isTail: true,
            connection: commands.number, resending: resending)
    }

    /// Somebody waits for what we do not hold to be recorded, and those that held it are gone, or too slow: then
    /// we know no better than whoever asks.
    private func leavesOthersWaiting(at now: Instant, _ naming: Naming) -> Bool {
        !holdsNext(naming)
            && marks.contains {
                $0.count + naming.offset > recorded && now - $0.heardAt >= limits.standstillMax
            }
    }

    /// Those that ask are told at once, and again where they did not hear it: when it is known to be recorded
    /// up to there, or after a while.
    private mutating func nextAnswer(at now: Instant, _ naming: Naming) -> AnswerCall? {
        var due: [(token: Name, ordinal: Int64)] = []
        for place in marks.indices {
            let ordinal = marks[place].count + naming.offset
            let isReached = recorded >= ordinal
            if let sent = marks[place].sent, marks[place].wasReached || !isReached,
                now - sent < limits.sendPause
            {
                continue
            }
            (marks[place].sent, marks[place].wasReached) = (now, isReached)
            due.append((marks[place].token, ordinal))
        }
        return due.isEmpty ? nil : AnswerCall(era: naming.era, marks: due)
    }

    /// What was asked found another era open.
    mutating func answered(_ call: AnswerCall, _ answer: RecordAnswer) {
        if answer == .otherEra, naming?.era == call.era { lose(keepingNames: true) }
    }

    private mutating func nextRecord(
        at now: Instant, _ naming: Naming, on commands: Link,
        using random: inout some RandomNumberGenerator
    ) -> RecordCall? {
        guard callsInFlight < limits.batchesInFlightMax, now >= sendNotBefore else { return nil }
        let from = max(sentUpTo - naming.offset + 1, queue.first)
        let events = batch(of: queue, from: from)
        guard let oldest = events.first else { return nil }
        guard isSender || now - Instant(nanoseconds: oldest.heardAt) >= patience else { return nil }
        if !isSender { patience = limits.sendPause * Double.random(in: 1...1.5, using: &random) }
        sentUpTo = from + naming.offset + Int64(events.count) - 1
        callsInFlight += 1
        return RecordCall(
            era: naming.era, first: from + naming.offset, events: events, isTail: false,
            connection: commands.number, resending: resending)
    }

    private func batch(of queue: RecorderQueue, from: Int64) -> ArraySlice<QueuedEvent> {
        queue.batch(from: from, entriesMax: limits.batchEventsMax, bytesMax: limits.batchBytesMax)
    }

    mutating func answered(_ call: RecordCall, _ answer: RecordAnswer, at now: Instant) {
        guard call.connection == commands?.number else { return }
        callsInFlight -= 1
        switch answer {
        case .ok(let era, let last): recorded(through: last, of: era)
        case .otherEra where call.isTail: tail = nil
        case .otherEra: if naming?.era == call.era { lose(keepingNames: true) }
        case .hole(let last): foundHole(after: last, call, at: now)
        case .failed:
            sendNotBefore = now + limits.retryPause
            if call.resending == resending { resend() }
        }
    }

    private mutating func recorded(through last: Int64, of era: Name) {
        if let named, named.era == era { drop(through: last, named) }
        guard let naming = tail?.naming, naming.era == era else { return }
        tail?.queue.drop(through: last - naming.offset)
        tail?.isSent = false
        if tail?.queue.isEmpty == true { tail = nil }
    }

    /// An answer to what was sent behind something that failed is stale: that is sent again anyway.
    private mutating func foundHole(after last: Int64, _ call: RecordCall, at now: Instant) {
        guard call.resending == resending else { return }
        resend()
        sendNotBefore = now + limits.retryPause
        if call.isTail {
            tail = nil
            return
        }
        guard let naming, naming.era == call.era, !queue.isEmpty else { return }
        // What comes next was left to others, and they are gone.
        if queue.first + naming.offset > last + 1, recorded <= last { lose(keepingNames: false) }
    }
}
