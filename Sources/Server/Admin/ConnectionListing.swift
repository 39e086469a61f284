// ConnectionListing is what an operator is told of one connection. It is made when somebody asks, of what the
// connection has anyway: nobody pays for it who is not looked at.
//
// Invariant: a row is at most `rowBytesMax` long, whatever names a token or a client may bring.

import Fleet
import Hub
import JSON
import Jobs
import Loop
import Tokens
import Wire

enum ConnectionKind: String {
    case webSocket = "websocket"
    case eventStream = "sse"
    case longPoll = "long_poll"
}

struct ConnectionListing {
    static let subscriptionsMax = 10
    /// Of the jobs that a connection is being read; looking at each is a look into the hub.
    static let behindJobsMax = 100
    static let nameBytesMax = 512
    static let rowBytesMax = 24_576

    let kind: ConnectionKind
    let caller: Caller
    var grant: Grant?
    var form: FrameForm?
    /// The first few.
    var subscriptions: [Subject] = []
    var subscriptionCount = 0
    var owedBytes = 0
    var stalledFor = Duration.zero
    var behindEvents = 0

    func json(of node: NodeName) -> [UInt8] {
        var json = JSONWriter(reserving: 512)
        json.beginObject()
        json.key("id")
        json.string(ConnectionID(node: node, serial: caller.serial).description)
        json.key("node")
        json.string(node.text)
        json.key("kind")
        json.string(kind.rawValue)
        write("subject", grant?.subject, to: &json)
        write("issuer", grant?.issuer, to: &json)
        json.key("address")
        json.string(caller.address.description)
        json.key("since")
        json.string(caller.since.description)
        write(
            "protocol", form.map { ($0.isMessagePack ? Language.messagePack : .json).rawValue },
            to: &json)
        json.key("compressed")
        json.bool(form?.isDeflated ?? false)
        json.key("subscriptions")
        json.beginObject()
        json.key("count")
        json.integer(subscriptionCount)
        write("jobs", "job_id", to: &json)
        write("feeds", "feed", to: &json)
        write("queues", "queue", to: &json)
        json.endObject()
        json.key("owed_bytes")
        json.integer(owedBytes)
        json.key("stalled_ms")
        json.integer(stalledFor.nanoseconds / 1_000_000)
        json.key("behind_events")
        json.integer(behindEvents)
        json.endObject()
        return json.bytes
    }

    private func write(_ key: String, _ member: String, to json: inout JSONWriter) {
        json.key(key)
        json.beginArray()
        for each in subscriptions where each.member == member { json.string(each.name) }
        json.endArray()
    }

    private func write(_ key: String, _ name: String?, to json: inout JSONWriter) {
        json.key(key)
        guard let name else { return json.null() }
        guard name.utf8.count > Self.nameBytesMax else { return json.string(name) }
        json.string(String(decoding: name.utf8.prefix(Self.nameBytesMax), as: UTF8.self) + "…")
    }
}

extension Worker {
    /// How many events the follower has not been handed yet.
    fileprivate func behind(_ follower: FollowerID, on jobs: some Sequence<JobID>) -> Int {
        jobs.prefix(ConnectionListing.behindJobsMax).reduce(0) {
            $0 + hub.behind(on: $1, follower)
        }
    }

    fileprivate func stalled(_ stream: Stream) -> Duration {
        stream.owedSince.map { max(loop.now - $0, .zero) } ?? .zero
    }
}

extension Session {
    /// nil before a token has said who it is.
    var grant: Grant? { if case .open(let grant) = phase { grant } else { nil } }

    /// nil when it is as good as gone.
    var listing: ConnectionListing? {
        guard !isClosing else { return nil }
        var listing = ConnectionListing(kind: .webSocket, caller: caller, grant: grant, form: form)
        var subjects = own.map { [Subject.job($0)] } ?? []
        let most = ConnectionListing.subscriptionsMax
        subjects += views?.byQueue.keys.prefix(most).map { .queue($0) } ?? []
        subjects += followed.prefix(most).map { .job($0) }
        listing.subscriptions = Array(subjects.prefix(most))
        listing.subscriptionCount = followedCount
        listing.owedBytes = stream.owedBytes
        listing.stalledFor = worker.stalled(stream)
        listing.behindEvents = worker.behind(id, on: reading?.members ?? [])
        return listing
    }
}

extension SSEStream {
    var kind: ConnectionKind { .eventStream }

    var listing: ConnectionListing? {
        guard !isClosing else { return nil }
        return ConnectionListing(
            kind: kind, caller: caller, grant: grant, subscriptions: [subject],
            subscriptionCount: 1, owedBytes: stream.owedBytes,
            stalledFor: worker.stalled(stream), behindEvents: worker.behind(id, on: reading))
    }
}

extension LongPoll {
    var kind: ConnectionKind { .longPoll }
    var subject: Subject { .job(job) }

    var listing: ConnectionListing? {
        guard !isClosing else { return nil }
        return ConnectionListing(
            kind: kind, caller: caller, grant: grant, subscriptions: [subject],
            subscriptionCount: 1)
    }
}
