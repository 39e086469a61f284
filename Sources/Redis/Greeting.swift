// What is said first on each connection, and what the answers mean. Pure.
//
// AUTH and SELECT as the URL wants it; PING, which a Redis answers only when it serves (LOADING and
// MASTERDOWN show here); then INFO, for who the server is. INFO alone may be refused: an ACL
// without it costs the run id, not the connection.

import Bytes

/// Whom we are connected to, as far as it told. Two connections whose run ids differ are not at
/// the same Redis.
public struct RedisIdentity: Sendable, Equatable {
    public enum Role: String, Sendable { case primary = "master", replica = "slave" }

    public internal(set) var runID: String?
    var replication: String?
    var predecessor: String?
    public internal(set) var version: String?
    public internal(set) var role: Role?

    /// Names the time in which this server is primary without a break, and all commands have one order.
    /// record.lua says why by these.
    public var reign: String? {
        guard let replication, let predecessor else { return nil }
        return predecessor.contains { $0 != "0" } ? replication : runID
    }
}

struct Greeting {
    private enum Question { case auth, ping, select(Int), info }

    enum Step: Equatable { case more, welcome(RedisIdentity), refused(RedisFault) }

    let commands: [SharedBytes]
    private let questions: [Question]
    private var answered = 0
    private var server = RedisIdentity()

    init(address: RedisAddress) {
        var said: [(Question, SharedBytes)] = []
        if let password = address.password {
            let words = ["AUTH"] + (address.user.map { [$0] } ?? []) + [password]
            said.append((.auth, RedisCommand.encoded(words.map { Array($0.utf8) })))
        }
        said.append((.ping, RedisCommand.encoded("PING")))
        if address.database != 0 {
            let number = address.database
            said.append((.select(number), RedisCommand.encoded("SELECT", String(number))))
        }
        said.append((.info, RedisCommand.encoded("INFO", "server")))
        said.append((.info, RedisCommand.encoded("INFO", "replication")))
        questions = said.map(\.0)
        commands = said.map(\.1)
    }

    mutating func answer(_ reply: RedisReply) -> Step {
        guard answered < questions.count else {
            return .refused(.protocolBroken("an answer to no question"))
        }
        let question = questions[answered]
        answered += 1
        switch (question, reply) {
        case (.info, .bytes): read(reply.text ?? "")
        case (.info, .error): break
        case (_, .error(let text)): return .refused(Self.fault(text, to: question))
        case (.auth, .simple), (.select, .simple), (.ping, .simple("PONG")): break
        default: return .refused(.notRedis("an odd answer to its first command"))
        }
        return answered == questions.count ? .welcome(server) : .more
    }

    private static func fault(_ text: String, to question: Question) -> RedisFault {
        switch question {
        case .auth:
            // Never `text`: it may repeat the password.
            if text.contains("without any password") { return .authNotConfigured }
            let code = text.prefix { $0 != " " }
            if code == "ERR", !text.hasPrefix("ERR invalid password") {
                return .refused("AUTH, with an error; does this version know users?")
            }
            return code == "ERR" ? .wrongPassword : RedisFault(answer: text, needing: "+auth")
        case .ping: return RedisFault(answer: text, needing: "+ping")
        case .select(let number):
            return text.hasPrefix("ERR DB index")
                ? .noSuchDatabase(number) : RedisFault(answer: text, needing: "+select")
        case .info: return RedisFault(answer: text, needing: "+info")
        }
    }

    private mutating func read(_ info: String) {
        for line in info.split(whereSeparator: \.isNewline) {
            let (name, value) = (line.prefix { $0 != ":" }, line.drop { $0 != ":" }.dropFirst())
            switch name {
            case "run_id": server.runID = String(value)
            case "redis_version": server.version = String(value)
            case "master_replid": server.replication = String(value)
            case "master_replid2": server.predecessor = String(value)
            case "role": server.role = RedisIdentity.Role(rawValue: String(value))
            default: break
            }
        }
    }
}
