// How a recorder that is lost finds its place, or opens an era; and what shows whether recording flows.
//
// Nobody waits for a bridge that is not there: whether one holds names Redis tells at once (Presence.swift).
// Those that are there are waited for, until they have been silent for `openPause` while Redis answered.

import Loop

extension Recorder {
    // MARK: pulses

    mutating func nextPulse(at now: Instant, on commands: Link) -> PulseCall? {
        let isWaiting = !isAligned && subscription != nil
        let pause = isWaiting ? limits.waitingPulsePause : limits.pulsePause
        guard let number = pulses.next(at: now, pause: pause) else { return nil }
        return PulseCall(
            number: number, token: asking?.token, countsUs: presence.has(.there),
            connection: commands.number)
    }

    /// nil: no answer, or an error.
    mutating func answered(_ call: PulseCall, _ answer: PulseAnswer?, at now: Instant) {
        guard let commands, call.connection == commands.number else { return }
        pulses.answered(call.number, isGood: answer != nil)
        guard let answer else { return }
        guard answer.reign == commands.reign else {
            // The server is another primary than it was: what we have been told on it is of the past.
            commandsLost()
            return commandsReady(reign: answer.reign)
        }
        asking?.redisAnswered(at: now, countsMax: limits.pulseCountsMax)
        // Where that has changed meanwhile nobody knows whether we are among the counted.
        guard call.token == asking?.token, presence.isSettled(.there),
            presence.has(.there) == call.countsUs
        else { return }
        let others = answer.present - (call.countsUs ? 1 : 0)
        asking?.count(others: others, at: now)
    }

    // MARK: presence

    /// To hold names, and to open eras.
    private var wantedPlaces: [Place] {
        var places = doubted.map { Place.claim($0) }
        if named != nil || tail != nil { places.append(.there) }
        // That of another's MARK opens nothing.
        if let asking, asking.isOurs { places.append(.claim(asking.token)) }
        return places
    }

    mutating func nextPresence() -> Presence.Change? {
        guard subscription != nil else { return nil }
        return presence.next(wanted: wantedPlaces)
    }

    mutating func presenceConfirmed() {
        presence.confirmed()
        if presence.has(.there) { align() }
    }

    // MARK: lost

    mutating func nextWhileLost(
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
        let isOverSilence = asking.waited >= limits.openPause
        guard let expected = heard.expected else {
            // Somebody opened an era and fell silent before it told us where we are in it.
            if isOverSilence || asking.others == 0 { self.asking = nil }
            return nil
        }
        // Those that kept the same as we did have nothing that we have not.
        let isNobodyThere =
            asking.isNobodyThere(at: now, gonePause: limits.gonePause)
            || isKeeping && expected.era == nil
        guard presence.has(.claim(asking.token)), presence.isSettled(.there),
            isNobodyThere || isOverSilence
        else { return nil }
        self.asking?.openSent = now
        opened = (asking.token, heardSince)
        return .open(
            OpenCall(
                token: asking.token, expected: expected, heardFor: now - heardSince,
                thereMax: asking.others == 0 ? presence.has(.there) ? 1 : 0 : nil,
                isOverSilence: !isNobodyThere))
    }

    private mutating func ask(
        at now: Instant, using random: inout some RandomNumberGenerator
    ) -> RecorderStep? {
        guard now >= askNotBefore, presence.isSettled(.there), presence.has(.there) == isKeeping
        else { return nil }
        let token = Name.random(using: &random)
        asking = Asking(token: token, since: now, isOurs: true)
        return .ask(token)
    }

    private mutating func reconnectSubscription() -> RecorderStep? {
        isReconnecting = true
        return .reconnectSubscription
    }

    /// How many are there, as Redis said when it ran our question; nil where it was not asked after all.
    mutating func answered(ask token: Name, present: Int?, at now: Instant) {
        guard asking?.token == token else { return }
        guard let present else {
            asking = nil
            askNotBefore = now + limits.retryPause
            return
        }
        asking?.isAnswered = true
        let others = present - (isKeeping ? 1 : 0)
        asking?.count(others: others, at: now)
    }

    /// True: the era is open, and its MARK is on its way. nil: no answer, or an error.
    mutating func answered(
        open token: Name, isOpen: Bool?, at now: Instant,
        using random: inout some RandomNumberGenerator
    ) {
        guard asking?.token == token, isOpen != true else { return }
        asking = nil
        askNotBefore = now + limits.retryPause * Double.random(in: 0...1, using: &random)
    }

    // MARK: whether it flows

    /// Whether what is published reaches followers. After a standstill it does once all is recorded that lay before
    /// the pulse that came back.
    func flow(after last: Flow, at now: Instant) -> Flow {
        guard subscription != nil else { return .noSubscription }
        if isAmongOthers { return .otherPatterns }
        guard isAligned else { return .notAligned }
        guard let proved = pulses.provedAt, now - proved < limits.standstillMax else {
            return .noAnswer
        }
        let waiting = (tail?.queue.oldest ?? queue.oldest).map { Instant(nanoseconds: $0.heardAt) }
        guard let waiting else { return .flows }
        if last == .flows { return now - waiting < limits.standstillMax ? .flows : .unrecorded }
        return pulses.heardAt.map { waiting > $0 } ?? false ? .flows : .unrecorded
    }
}
