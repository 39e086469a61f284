// What a recorder wants done, what it is told of it, and its limits.

/// What the shell does next for the recorder.
enum RecorderStep {
    case record(RecordCall)
    case ask(Name)
    case open(OpenCall)
    /// Close the connection and make it anew: it is not at the server that it should be at.
    case reconnectSubscription
    case reconnectCommands
}

/// Events of one era from an ordinal on, and the marks that end within them.
struct RecordCall {
    let era: Name
    let first: Int64
    var events: ArraySlice<QueuedEvent>
    let marks: [(token: Name, ordinal: Int64)]
    let isTail: Bool
    /// Of which command connection, and since which resending: answers to older ones mean nothing.
    let connection: Int
    let resending: Int
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
    /// How long a bridge that is not the sender waits for somebody else to record.
    var sendPause: Duration = .milliseconds(300)
    /// After an error of Redis.
    var retryPause: Duration = .milliseconds(200)
    /// More than any stall of a living bridge: after it, nobody else is there.
    var openPause: Duration = .seconds(3)
    /// Our own question must come back to us within it, or the subscription is elsewhere.
    var echoTimeout: Duration = .seconds(2)
}
