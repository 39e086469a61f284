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
        if let subscription, subscription.runID != commands.runID {
            isReconnecting = true
            return subscription.number < commands.number
                ? .reconnectSubscription : .reconnectCommands
        }
        if let call = nextOfTail(at: now, on: commands) { return .record(call) }
        guard subscription != nil else { return nil }
        if isAligned {
            return nextRecord(at: now, on: commands, using: &random).map { .record($0) }
        }
        return tail == nil ? nextWhileLost(at: now, using: &random) : nil
    }

    // MARK: lost

    private mutating func nextWhileLost(
        at now: Instant, using random: inout some RandomNumberGenerator
    ) -> RecorderStep? {
        guard let asking else { return ask(at: now, using: &random) }
        guard let heard = asking.heard else {
            guard asking.isAnswered, now - asking.since >= limits.echoTimeout else { return nil }
            return reconnectSubscription()
        }
        if let sent = asking.openSent {
            guard now - sent >= limits.openPause else { return nil }
            return reconnectSubscription()
        }
        guard let expected = heard.expected else {
            // Somebody opened an era and fell silent before it told us where we are in it.
            guard now - heard.at >= limits.openPause + jitter(&random) else { return nil }
            stopAsking()
            return ask(at: now, using: &random)
        }
        let isNobodyThere = asking.isAlone || isKeeping && expected.era == nil
        guard isNobodyThere || now - heard.at >= limits.openPause else { return nil }
        self.asking?.openSent = now
        return .open(OpenCall(token: asking.token, expected: expected))
    }

    private mutating func ask(
        at now: Instant, using random: inout some RandomNumberGenerator
    ) -> RecorderStep? {
        guard now >= askNotBefore else { return nil }
        let token = Name.random(using: &random)
        if !isKeeping { queue.removeAll() }
        asking = Asking(token: token, since: now)
        return .ask(token)
    }

    private mutating func reconnectSubscription() -> RecorderStep? {
        isReconnecting = true
        return .reconnectSubscription
    }

    private func jitter(_ random: inout some RandomNumberGenerator) -> Duration {
        limits.openPause * Double.random(in: 0...0.5, using: &random)
    }

    /// How many heard our question; nil where it was not asked after all.
    mutating func answered(ask token: Name, receivers: Int?, at now: Instant) {
        guard asking?.token == token else { return }
        guard let receivers else {
            stopAsking()
            askNotBefore = now + limits.retryPause
            return
        }
        asking?.isAnswered = true
        asking?.isAlone = receivers == 1
    }

    /// True: the era is open, and its MARK is on its way. nil: no answer, or an error.
    mutating func answered(
        open token: Name, isOpen: Bool?, at now: Instant,
        using random: inout some RandomNumberGenerator
    ) {
        guard asking?.token == token, isOpen != true else { return }
        stopAsking()
        askNotBefore = now + (isOpen == nil ? limits.retryPause : jitter(&random))
    }

    // MARK: sending

    private mutating func nextOfTail(at now: Instant, on commands: Link) -> RecordCall? {
        guard let tail, !tail.isSent, now >= sendNotBefore else { return nil }
        self.tail?.isSent = true
        callsInFlight += 1
        let first = tail.queue.first
        return RecordCall(
            era: tail.naming.era, first: first + tail.naming.offset,
            events: batch(of: tail.queue, from: first), marks: [], isTail: true,
            connection: commands.number, resending: resending)
    }

    private mutating func nextRecord(
        at now: Instant, on commands: Link, using random: inout some RandomNumberGenerator
    ) -> RecordCall? {
        guard let naming, callsInFlight < limits.batchesInFlightMax, now >= sendNotBefore else {
            return nil
        }
        let from = max(sentUpTo - naming.offset + 1, queue.first)
        let events = batch(of: queue, from: from)
        let end = events.isEmpty ? count : from + Int64(events.count) - 1
        let due = marks.indices.filter { place in
            let mark = marks[place]
            return mark.count <= end && mark.sent.map { now - $0 >= limits.sendPause } ?? true
        }
        guard !events.isEmpty || !due.isEmpty else { return nil }
        guard isSender || hasWaited(events, due, at: now) else { return nil }
        if !isSender { patience = limits.sendPause * Double.random(in: 1...1.5, using: &random) }
        for place in due { marks[place].sent = now }
        if !events.isEmpty { sentUpTo = end + naming.offset }
        callsInFlight += 1
        return RecordCall(
            era: naming.era, first: from + naming.offset, events: events,
            marks: due.map { (marks[$0].token, marks[$0].count + naming.offset) }, isTail: false,
            connection: commands.number, resending: resending)
    }

    private func batch(of queue: RecorderQueue, from: Int64) -> ArraySlice<QueuedEvent> {
        queue.batch(from: from, entriesMax: limits.batchEventsMax, bytesMax: limits.batchBytesMax)
    }

    /// Whether the sender had its time to do it.
    private func hasWaited(
        _ events: ArraySlice<QueuedEvent>, _ due: [Int], at now: Instant
    ) -> Bool {
        let oldestEvent = events.first.map { Instant(nanoseconds: $0.heardAt) }
        let oldest = ([oldestEvent].compactMap { $0 } + due.map { marks[$0].heard }).min()
        return oldest.map { now - $0 >= patience } ?? false
    }

    mutating func answered(_ call: RecordCall, _ answer: RecordAnswer, at now: Instant) {
        guard call.connection == commands?.number else { return }
        callsInFlight -= 1
        switch answer {
        case .ok(let era, let last): recorded(through: last, of: era)
        case .otherEra where call.isTail: tail = nil
        case .otherEra: if naming?.era == call.era { lose(keep: true) }
        case .hole(let last): foundHole(after: last, call)
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
    private mutating func foundHole(after last: Int64, _ call: RecordCall) {
        guard call.resending == resending else { return }
        resend()
        if call.isTail {
            tail = nil
            return
        }
        guard let naming, naming.era == call.era, !queue.isEmpty else { return }
        // Only lost data can bring it about.
        if queue.first + naming.offset > last + 1, recorded <= last { lose(keep: true) }
    }
}
