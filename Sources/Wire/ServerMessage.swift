// The control messages of protocol.md, section 3, as whole text frames. None has a top-level `seq`, so
// that no event can pass for one of them. Gaps are entries of a history: EventFrame writes them.

import Bytes
import JSON
import Jobs

/// The state a subscription begins with. Snapshot, numbers and replay are of one moment.
public struct Subscribed: Sendable {
    public var job: JobID
    public var snapshot: Snapshot
    public var watchers: Int
    /// Nil before the job's first event.
    public var epoch: Epoch?
    public var seq: UInt64
    public var replay: Replay

    public init(
        job: JobID, snapshot: Snapshot, watchers: Int, epoch: Epoch?, seq: UInt64, replay: Replay
    ) {
        self.job = job
        self.snapshot = snapshot
        self.watchers = watchers
        self.epoch = epoch
        self.seq = seq
        self.replay = replay
    }
}

/// The jobs that a queue's follower begins with, the newest first. It says nothing of their events: each
/// job's first one comes after the job's own `subscribed`.
public struct SubscribedQueue: Sendable {
    public var queue: String
    public var jobs: [(job: JobID, snapshot: Snapshot, watchers: Int)]
    /// Whether these are all that there are.
    public var isComplete: Bool

    public init(
        queue: String, jobs: [(job: JobID, snapshot: Snapshot, watchers: Int)], isComplete: Bool
    ) {
        self.queue = queue
        self.jobs = jobs
        self.isComplete = isComplete
    }
}

/// What a socket follows by its path.
public enum SubscribedSubject: Sendable {
    case job(Subscribed)
    case queue(SubscribedQueue)

    fileprivate var subject: Subject {
        switch self {
        case .job(let state): .job(state.job)
        case .queue(let state): .queue(state.queue)
        }
    }
}

public enum NoticeLevel: String, Sendable { case info, warning, error }

/// What the server itself says in a notice. Closed, so that nobody else can be given one of its words.
public enum NoticeCode: String, CaseIterable, Sendable {
    case redisLost = "redis_lost"
    case redisBack = "redis_back"
    case tokenExpired = "token_expired"
    case tokenRevoked = "token_revoked"
}

public enum ServerMessage {
    /// The first message on every socket; where the path says what is followed, with all of `subscribed`.
    public static func connected(
        server: String, heartbeatSeconds: Int, expiresAt: WallTime?,
        subscribed: SubscribedSubject? = nil
    ) -> SharedBytes {
        frame("connected", about: subscribed?.subject, id: nil) { data in
            data.key("server")
            data.string(server)
            data.key("heartbeat_seconds")
            data.integer(heartbeatSeconds)
            write(expiresAt, to: &data)
            if let subscribed { write(subscribed, to: &data) }
        }
    }

    public static func subscribed(_ state: Subscribed, id: RequestID?) -> SharedBytes {
        subscribed(.job(state), id: id)
    }

    public static func subscribed(_ state: SubscribedSubject, id: RequestID?) -> SharedBytes {
        frame("subscribed", about: state.subject, id: id) { write(state, to: &$0) }
    }

    public static func live(
        _ subject: Subject, epoch: Epoch?, seq: UInt64, id: RequestID? = nil
    ) -> SharedBytes {
        frame("live", about: subject, id: id) { write(epoch, seq, to: &$0) }
    }

    public static func pong(id: RequestID?) -> SharedBytes { frame("pong", id: id) }

    public static func rejected(
        code: String, message: String, about subject: Subject? = nil, id: RequestID?
    ) -> SharedBytes {
        frame("rejected", about: subject, id: id) { data in
            data.key("code")
            data.string(code)
            data.key("message")
            data.string(message)
        }
    }

    public static func rejected(_ refusal: ClientRefusal) -> SharedBytes {
        rejected(
            code: refusal.code, message: refusal.message, about: refusal.subject, id: refusal.id)
    }

    public static func unsubscribed(
        _ subject: Subject, reason: String, id: RequestID? = nil
    ) -> SharedBytes {
        frame("unsubscribed", about: subject, id: id) { data in
            data.key("reason")
            data.string(reason)
        }
    }

    public static func authenticated(expiresAt: WallTime?, id: RequestID?) -> SharedBytes {
        frame("authenticated", id: id) { write(expiresAt, to: &$0) }
    }

    public static func tokenExpiring(expiresAt: WallTime) -> SharedBytes {
        frame("token_expiring") { write(expiresAt, to: &$0) }
    }

    public static func notice(
        _ level: NoticeLevel, code: NoticeCode, message: String
    ) -> SharedBytes {
        notice(level, code: code.rawValue, message: message, about: nil)
    }

    /// An operator's word; `code` is none of NoticeCode.
    public static func broadcast(
        _ level: NoticeLevel, code: String, message: String, about subject: Subject?
    ) -> SharedBytes {
        notice(level, code: code, message: message, about: subject)
    }

    private static func notice(
        _ level: NoticeLevel, code: String, message: String, about subject: Subject?
    ) -> SharedBytes {
        frame("notice", about: subject) { data in
            data.key("level")
            data.string(level.rawValue)
            data.key("code")
            data.string(code)
            data.key("message")
            data.string(message)
        }
    }

    /// `{"type":…,"job_id":…,"id":…,"data":{…}}`
    static func frame(
        _ type: String, about subject: Subject? = nil, id: RequestID? = nil,
        _ data: (inout JSONWriter) -> Void = { _ in }
    ) -> SharedBytes {
        var writer = JSONWriter(reserving: 256)
        writer.beginObject()
        writer.key("type")
        writer.string(type)
        if let subject {
            writer.key(subject.member)
            writer.string(subject.name)
        }
        if let id {
            writer.key("id")
            writer.raw(id.json.span)
        }
        writer.key("data")
        writer.beginObject()
        data(&writer)
        writer.endObject()
        writer.endObject()
        return Frames.text(writer.bytes.span)
    }

    private static func write(_ state: SubscribedSubject, to data: inout JSONWriter) {
        switch state {
        case .job(let state): write(state, to: &data)
        case .queue(let state): write(state, to: &data)
        }
    }

    private static func write(_ state: SubscribedQueue, to data: inout JSONWriter) {
        data.key("jobs")
        data.beginArray()
        for each in state.jobs {
            data.beginObject()
            each.snapshot.writeMembers(into: &data, job: each.job, watchers: each.watchers)
            data.endObject()
        }
        data.endArray()
        data.key("complete")
        data.bool(state.isComplete)
    }

    private static func write(_ state: Subscribed, to data: inout JSONWriter) {
        state.snapshot.writeMembers(into: &data, job: state.job, watchers: state.watchers)
        write(state.epoch, state.seq, to: &data)
        data.key("replay")
        data.beginObject()
        write("from", state.replay.from, to: &data)
        write("to", state.replay.to, to: &data)
        data.key("count")
        data.integer(state.replay.count)
        data.key("complete")
        data.bool(state.replay.isComplete)
        data.endObject()
    }

    private static func write(_ epoch: Epoch?, _ seq: UInt64, to data: inout JSONWriter) {
        write(epoch, to: &data)
        data.key("seq")
        data.integer(seq)
    }

    static func write(_ epoch: Epoch?, to data: inout JSONWriter) {
        data.key("epoch")
        if let epoch { data.string(epoch.text) } else { data.null() }
    }

    static func write(_ key: String, _ seq: UInt64?, to data: inout JSONWriter) {
        data.key(key)
        if let seq { data.integer(seq) } else { data.null() }
    }

    private static func write(_ expiresAt: WallTime?, to data: inout JSONWriter) {
        data.key("expires_at")
        if let expiresAt { data.string(expiresAt.description) } else { data.null() }
    }
}

extension Subject {
    /// The member that names it, and its name.
    public var member: String {
        switch self {
        case .job(let id): "\(id.kind.member)"
        case .queue: "queue"
        }
    }

    public var name: String {
        switch self {
        case .job(let id): id.text
        case .queue(let name): name
        }
    }
}
