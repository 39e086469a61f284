// ClientMessageReader makes a ClientMessage of a client's JSON, or says by name why not.

import JSON
import Jobs

/// One for each loop: its scratch is used again for every message.
public struct ClientMessageReader: Sendable {
    /// The most jobs that one message may name.
    public let jobsMax: Int
    private var outline = JSONOutline()
    private var id: RequestID?

    public static let queueBytesMax = 128
    /// Top level, `data`, the elements of `jobs`, and the members of those.
    private static let levels = 4

    public init(jobsMax: Int = 1_000) { self.jobsMax = jobsMax }

    /// The same messages in MessagePack.
    public mutating func read(
        messagePack bytes: Span<UInt8>
    ) throws(ClientRefusal) -> ClientMessage {
        let json: [UInt8]
        do throws(MessagePackFault) { json = try MessagePackReader.json(bytes) } catch {
            throw ClientRefusal(
                code: "bad_message",
                message: "not MessagePack: \(error.rule.rawValue) at byte \(error.offset)", id: nil)
        }
        return try read(json.span)
    }

    public mutating func read(_ bytes: Span<UInt8>) throws(ClientRefusal) -> ClientMessage {
        id = nil
        do throws(JSONFault) {
            try outline.read(bytes, levels: Self.levels)
        } catch {
            throw refusal("bad_message", "not JSON: \(error.rule.rawValue) at byte \(error.offset)")
        }
        guard outline.kind == .object else { throw refusal("bad_message", "not a JSON object") }
        id = try requestID(bytes)
        switch try string("type", or: "event", bytes) {
        case "ping": return .ping(id)
        case "subscribe", "subscribe-to-job", "subscribe-to-queue":
            let data = try data(bytes)
            let follows = try follows(bytes, data)
            let only = follows.count == 1 ? follows[0].subject : nil
            let options = try options(bytes, data, about: only)
            return .subscribe(SubscribeRequest(follows, options: options, id: id))
        case "unsubscribe", "unsubscribe-from-job", "unsubscribe-from-queue":
            let subjects = try follows(bytes, data(bytes)).map(\.subject)
            return .unsubscribe(UnsubscribeRequest(subjects, id: id))
        case "auth":
            guard let token = try string("token", bytes, data(bytes)) else {
                throw refusal("bad_message", "data.token is missing")
            }
            return .auth(token: token, id)
        case nil: throw refusal("bad_message", "type is missing")
        default:
            throw refusal("unknown_type", "type is none of ping, subscribe, unsubscribe, auth")
        }
    }
}

// What a request is about.
extension ClientMessageReader {
    private func follows(
        _ bytes: Span<UInt8>, _ data: Int
    ) throws(ClientRefusal) -> [SubscribeRequest.Follow] {
        var found: [SubscribeRequest.Follow] = []
        if let job = member("job_id", bytes, data) ?? member("jobId", bytes, data) {
            found.append(.init(.job(try jobID(job, bytes))))
        }
        if let jobs = member("jobs", bytes, data) {
            for element in try elements(of: jobs, "jobs", max: jobsMax, code: "too_many_jobs") {
                found.append(try follow(element, bytes))
            }
        }
        if let feed = member("feed", bytes, data) {
            found.append(.init(.job(try jobID(feed, bytes, .feed))))
        }
        let queue = try string("queue", or: "queueName", bytes, data)
        if let queue {
            guard 1...Self.queueBytesMax ~= queue.utf8.count else {
                throw refusal("bad_queue", "a queue's name has 1 to \(Self.queueBytesMax) bytes")
            }
            found.append(.init(.queue(queue)))
        }
        guard !found.isEmpty else {
            throw refusal("bad_message", "data names no job_id, jobs, queue or feed")
        }
        // One answer each: of what is named twice, the last counts.
        var seen: Set<Subject> = []
        return found.reversed().filter { seen.insert($0.subject).inserted }.reversed()
    }

    /// An element of `jobs`: an id or `{id, after}`.
    private func follow(
        _ element: Int, _ bytes: Span<UInt8>
    ) throws(ClientRefusal) -> SubscribeRequest.Follow {
        guard outline.members[element].kind == .object else {
            return .init(.job(try jobID(element, bytes)))
        }
        guard let job = member("id", bytes, element) else {
            throw refusal("bad_message", "an element of jobs has no id")
        }
        let subject = Subject.job(try jobID(job, bytes))
        return .init(subject, after: try cursor(bytes, element, about: subject))
    }

    /// `subject` is the only one the request names, so that a refusal can say which it was.
    private func options(
        _ bytes: Span<UInt8>, _ data: Int, about subject: Subject?
    ) throws(ClientRefusal) -> FollowOptions {
        var options = FollowOptions()
        options.after = try cursor(bytes, data, about: subject)
        if let history = member("history", bytes, data) {
            let text = scalar(history, bytes)
            options.history = try checked(about: subject) { () throws(FollowFault) in
                try FollowOptions.history(text)
            }
        }
        if let types = member("types", bytes, data) {
            let names = try typeNames(types, bytes)
            options.types = try checked(about: subject) { () throws(FollowFault) in
                try FollowOptions.types(names)
            }
        }
        if let rate = member("progress_hz", bytes, data) {
            let hertz = bytes.jsonDouble(outline.members[rate].value)
            options.progressPerSecondMax = try checked(about: subject) { () throws(FollowFault) in
                try FollowOptions.rate(hertz ?? 0)
            }
        }
        return options
    }

    /// A list of names, or one text with commas as in a query.
    private func typeNames(
        _ types: Int, _ bytes: Span<UInt8>
    ) throws(ClientRefusal) -> [String] {
        if let text = bytes.jsonString(outline.members[types].value) {
            return text.split(separator: ",").map(String.init)
        }
        var names: [String] = []
        for element in try elements(
            of: types, "types", max: FollowOptions.typesMax, code: "bad_types")
        {
            guard let name = bytes.jsonString(outline.members[element].value) else {
                throw refusal("bad_types", FollowFault.typesMalformed.message)
            }
            names.append(name)
        }
        return names
    }

    private func cursor(
        _ bytes: Span<UInt8>, _ outer: Int, about subject: Subject?
    ) throws(ClientRefusal) -> Cursor? {
        guard let after = member("after", bytes, outer) else { return nil }
        let text = scalar(after, bytes)
        return try checked(about: subject) { () throws(FollowFault) in
            try FollowOptions.cursor(text)
        }
    }

    private func jobID(
        _ index: Int, _ bytes: Span<UInt8>, _ kind: JobID.Kind = .job
    ) throws(ClientRefusal) -> JobID {
        let member = outline.members[index]
        // Integers are ids too: many systems count their jobs.
        guard member.kind == .string || bytes.jsonInteger(member.value) != nil else {
            throw refusal("bad_job_id", "a job id is a string or an integer")
        }
        do throws(JobIDFault) {
            return try JobID(checking: scalar(index, bytes), kind: kind)
        } catch {
            throw refusal("bad_job_id", error.message(of: kind))
        }
    }
}

// Members by name. `outer` is the index of the object they are in; a member that is null is not there.
extension ClientMessageReader {
    private func member(_ name: String, _ bytes: Span<UInt8>, _ outer: Int? = nil) -> Int? {
        outline.index(of: name, in: bytes, inside: outer).flatMap {
            outline.members[$0].kind == .null ? nil : $0
        }
    }

    private func data(_ bytes: Span<UInt8>) throws(ClientRefusal) -> Int {
        guard let data = member("data", bytes) else {
            throw refusal("bad_message", "data is missing")
        }
        guard outline.members[data].kind == .object else {
            throw refusal("bad_message", "data is not an object")
        }
        return data
    }

    private func string(
        _ name: String, or other: String? = nil, _ bytes: Span<UInt8>, _ outer: Int? = nil
    ) throws(ClientRefusal) -> String? {
        guard let index = member(name, bytes, outer) else {
            return try other.flatMap { (other) throws(ClientRefusal) in
                try string(other, bytes, outer)
            }
        }
        guard let text = bytes.jsonString(outline.members[index].value) else {
            throw refusal("bad_message", "\(name) is not a string")
        }
        return text
    }

    /// A string's text, anything else as it is spelled.
    private func scalar(_ index: Int, _ bytes: Span<UInt8>) -> String {
        let value = outline.members[index].value
        return bytes.jsonString(value) ?? bytes.text(value)
    }

    private func elements(
        of array: Int, _ name: String, max: Int, code: String
    ) throws(ClientRefusal) -> [Int] {
        guard outline.members[array].kind == .array else {
            throw refusal("bad_message", "\(name) is not an array")
        }
        let depth = outline.members[array].depth + 1
        let inside = outline.members[(array + 1)...].prefix { $0.depth >= depth }
        let elements = inside.indices.filter { inside[$0].depth == depth }
        guard elements.count <= max else {
            throw refusal(code, "\(name) has more than \(max) elements")
        }
        return elements
    }

    private func requestID(_ bytes: Span<UInt8>) throws(ClientRefusal) -> RequestID? {
        guard let index = member("id", bytes) else { return nil }
        let member = outline.members[index]
        guard member.kind != .object, member.kind != .array,
            member.value.count <= RequestID.bytesMax
        else { throw refusal("bad_id", "id is a scalar of at most \(RequestID.bytesMax) bytes") }
        return RequestID(copying: bytes.extracting(member.value))
    }

    private func checked<T>(
        about subject: Subject?, _ read: () throws(FollowFault) -> T
    ) throws(ClientRefusal) -> T {
        do throws(FollowFault) {
            return try read()
        } catch {
            throw refusal(error.code, error.message, about: subject)
        }
    }

    private func refusal(
        _ code: String, _ message: String, about subject: Subject? = nil
    ) -> ClientRefusal {
        ClientRefusal(code: code, message: message, about: subject, id: id)
    }
}
