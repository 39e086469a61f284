// What a recorder wants done next, what it is told of it, and its limits.

/// What the shell does next for the recorder.
enum RecorderStep {
    case record(RecordCall)
    /// Tells those that asked where they are.
    case answer(AnswerCall)
    case ask(Name)
    case open(OpenCall)
    /// Proves that commands are run and that what is published arrives, and looks who is there.
    case pulse(PulseCall)
    /// Have Redis count us for something, or no longer.
    case present(Presence.Change)
    /// Close the connection and make it anew: it is not at the server that it should be at.
    case reconnectSubscription
    case reconnectCommands
}

/// Events of one era from an ordinal on.
struct RecordCall {
    let era: Name
    let first: Int64
    var events: ArraySlice<QueuedEvent>
    let isTail: Bool
    /// Of which command connection, and since which resending: answers to older ones mean nothing.
    let connection: Int
    let resending: Int
}

/// Tokens of others, and the ordinals that lie before them.
struct AnswerCall {
    let era: Name
    let marks: [(token: Name, ordinal: Int64)]
}

enum RecordAnswer: Equatable {
    case ok(era: Name, last: Int64)
    /// The first event does not follow the last one recorded.
    case hole(last: Int64)
    /// Another era is open, or none.
    case otherEra
    case failed
}

/// Opens an era named after the token, if nothing was recorded since WHERE told what is expected.
struct OpenCall {
    let token: Name
    let expected: Expected
    /// For how long all has been heard that is to be in it, or was recorded.
    let heardFor: Duration
    /// So many may hold names, ourselves included; nil: whoever does.
    let thereMax: Int?
    /// Somebody was there, and silent for so long that they are given up.
    let isOverSilence: Bool
}

struct PulseCall: Equatable {
    let number: Int64
    /// The question that is out, and whether we are counted among those that hold names.
    let token: Name?
    let countsUs: Bool
    let connection: Int
}

struct PulseAnswer: Equatable {
    let reign: String
    let isPrimary: Bool
    /// How many hold names, or have just opened the era.
    let present: Int
}

/// Where recording stood when WHERE was published. No era: none was open.
struct Expected: Equatable {
    let era: Name?
    let last: Int64
}

struct RecorderLimits: Equatable, Sendable {
    /// What may wait for Redis. Beyond it everything is let go, and a gap told.
    var queueBytesMax = 64 << 20
    var batchEventsMax = 512
    var batchBytesMax = 1 << 20
    var batchesInFlightMax = 2
    /// Who hears WHERE and does not answer for lack of room is asked again.
    var marksMax = 64
    /// So many eras we claim of which we do not know whether they were opened.
    var doubtedMax = 8
    /// How long a bridge that is not the sender waits for somebody else to record.
    var sendPause: Duration = .milliseconds(200)
    /// After an error of Redis.
    var retryPause: Duration = .milliseconds(200)
    /// How long those that are there may be silent, while Redis answers, until they are given up: longer
    /// than a bridge takes to find its command connection dead and to make a new one.
    var openPause: Duration = .seconds(8)
    /// How long we wait for what one that was there, and is gone, still has to record.
    var gonePause: Duration = .milliseconds(300)
    /// Our own question must come back to us within it, or the subscription is elsewhere.
    var echoTimeout: Duration = .seconds(2)
    var pulsePause: Duration = .milliseconds(500)
    /// While we wait for somebody.
    var waitingPulsePause: Duration = .milliseconds(100)
    /// Of the time between two pulses so much counts as waiting: where it was longer, nobody could answer.
    var pulseCountsMax: Duration = .seconds(1)
    /// While bridges with other patterns are there.
    var foreignPause: Duration = .seconds(1)
    /// What is heard must be recorded within it, and a pulse come back, or recording stands still.
    var standstillMax: Duration = .seconds(2)
}
