// Broadcast is an operator's word to those who follow something, or to everybody: read from the body of a
// request or from another bridge's message, told as a `notice`.
//
// Its text is text: escaped, and never looked at. A member that is not known, that is there twice or that is
// null is refused, since whoever misspells `job_id` does not mean everybody. Nor is a code taken that the
// server gives its own notices, so nobody who hears one need ask whose it is.

import Bytes
import Hub
import JSON
import Jobs
import Wire

struct Broadcast: Equatable, Sendable {
    /// Unicode's code points.
    static let messageScalarsMax = 2_000
    static let codeBytesMax = 64
    static let codeUsual = "broadcast"
    /// Of our notices, of those to come, and of what closes a connection.
    static let codesKept = [
        "auth", "draining", "jobwire", "keys", "redis", "revocations", "rights", "ticket", "token",
    ]

    let message: String
    var level = NoticeLevel.info
    var code = Self.codeUsual
    /// nil: everybody.
    var target: Subject?

    init(_ body: Span<UInt8>) throws(Close) {
        var outline = JSONOutline()
        do throws(JSONFault) { try outline.read(body) } catch {
            throw .badRequest("the body is no JSON: \(error.rule) at byte \(error.offset)")
        }
        guard outline.kind == .object else { throw .badRequest("the body is a JSON object") }
        var seen: Set<String> = []
        var message: String?
        for member in outline.members {
            let name = body.jsonText(member.key)
            guard seen.insert(name).inserted else {
                throw .badRequest("a member is there twice")
            }
            guard let text = body.jsonString(member.value) else {
                throw .badRequest("each member is a string")
            }
            switch name {
            case "message": message = text
            case "level":
                guard let level = NoticeLevel(rawValue: text) else {
                    throw .badRequest("level is info, warning or error")
                }
                self.level = level
            case "code": code = try Self.checked(code: text)
            case "job_id", "feed", "queue":
                guard target == nil else {
                    throw .badRequest(
                        "a broadcast is about one job_id, feed or queue, or about none")
                }
                target = try Self.target(name, text)
            default:
                throw .badRequest(
                    "the members are message, level, code, and one of job_id, feed and queue")
            }
        }
        guard let message, 1...Self.messageScalarsMax ~= message.unicodeScalars.count else {
            throw .badRequest("message has 1 to \(Self.messageScalarsMax) characters")
        }
        self.message = message
    }

    private static func target(_ name: String, _ text: String) throws(Close) -> Subject {
        guard name != "queue" else {
            guard 1...ClientMessageReader.queueBytesMax ~= text.utf8.count else {
                throw .badRequest(
                    "a queue's name has 1 to \(ClientMessageReader.queueBytesMax) bytes")
            }
            return .queue(text)
        }
        let kind: JobID.Kind = name == "feed" ? .feed : .job
        do throws(JobIDFault) { return .job(try JobID(checking: text, kind: kind)) } catch {
            throw .badRequest(error.message(of: kind))
        }
    }

    private static func checked(code: String) throws(Close) -> String {
        let isWord = code.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
                UInt8(ascii: "_"):
                true
            default: false
            }
        }
        guard isWord, 1...codeBytesMax ~= code.utf8.count else {
            throw .badRequest("code is 1 to \(codeBytesMax) of a-z, 0-9 and _")
        }
        guard NoticeCode(rawValue: code) == nil,
            !codesKept.contains(where: { code == $0 || code.hasPrefix($0 + "_") })
        else { throw .badRequest("this code is the server's own") }
        return code
    }

    /// As it was read.
    var json: [UInt8] {
        var json = JSONWriter(reserving: message.utf8.count + 128)
        json.beginObject()
        json.key("message")
        json.string(message)
        json.key("level")
        json.string(level.rawValue)
        json.key("code")
        json.string(code)
        if let target {
            json.key(target.member)
            json.string(target.name)
        }
        json.endObject()
        return json.bytes
    }

    var notice: SharedBytes {
        ServerMessage.broadcast(level, code: code, message: message, about: target)
    }
}

extension Worker {
    /// Tells those of this loop, and answers how many there were. Who owes more than he may is about to be
    /// closed, and is spared.
    func deliver(_ broadcast: Broadcast) -> Int {
        let notice = broadcast.notice
        var reached = 0
        func tell(_ follower: FollowerID) {
            let isTold =
                session(follower)?.hear(broadcast: notice)
                ?? httpFollowers[follower]?.hear(broadcast: notice) ?? false
            if isTold { reached += 1 }
        }
        switch broadcast.target {
        case .job(let job): for follower in hub.followers(of: job) { tell(follower) }
        case .queue(let queue):
            for place in sessions.indices where sessions[place]?.views?.byQueue[queue] != nil {
                tell(FollowerID(index: Int32(place)))
            }
            for case let stream as SSEStream in httpFollowers.values
            where stream.subject == .queue(queue) {
                tell(stream.id)
            }
        case nil:
            for place in sessions.indices { tell(FollowerID(index: Int32(place))) }
        }
        return reached
    }
}

extension Session {
    func hear(broadcast: SharedBytes) -> Bool {
        guard isGreeted, case .open = phase, stream.owedBytes <= worker.settings.outboxBytesMax
        else { return false }
        send(broadcast)
        return true
    }
}

extension SSEStream {
    func hear(broadcast: SharedBytes) -> Bool {
        guard isGreeted, !isClosing, stream.owedBytes <= worker.settings.outboxBytesMax else {
            return false
        }
        notify(broadcast)
        return true
    }
}

extension LongPoll {
    /// It hears events only.
    func hear(broadcast: SharedBytes) -> Bool { false }
}
