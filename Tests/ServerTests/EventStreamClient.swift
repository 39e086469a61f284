// A reader of `text/event-stream`, written from the standard's rules and from nothing of ours.

import Support
import Testing

final class EventStreamClient {
    struct Message {
        /// The field of this message; what a browser would send back is `lastID`.
        var id: String?
        var heard: Heard
    }

    let connection: Connection
    let head: HTTPAnswer
    private(set) var lastID: String?
    private(set) var heartbeats = 0

    convenience init(
        _ scene: Scene, _ job: String, _ query: String = "", of kind: String = "jobs",
        token: String? = nil,
        lastID: String? = nil, headers: [String] = [], over connection: Connection? = nil
    ) throws {
        try self.init(
            scene, path: "/api/v1/\(kind)/\(job)/events" + (query.isEmpty ? "" : "?\(query)"),
            token: try token ?? Token.of(jobs: job), lastID: lastID, headers: headers,
            over: connection)
    }

    init(
        _ scene: Scene, path: String, token: String?, lastID: String? = nil,
        headers: [String] = [], over connection: Connection? = nil
    ) throws {
        self.connection = try connection ?? scene.connect()
        self.lastID = lastID
        try self.connection.sendRequest(
            path,
            headers: ["Accept: text/event-stream"] + (token.map { [Token.header($0)] } ?? [])
                + headers
                + (lastID.map { ["Last-Event-ID: \($0)"] } ?? []))
        head = try self.connection.answerHead()
        try #require(head.status == 200, "\(head)")
        try #require(head.header("content-type") == "text/event-stream")
    }

    func next() throws -> Message {
        let (id, text) = try nextText()
        return Message(id: id, heard: try Heard(text))
    }

    func nextText() throws -> (id: String?, text: String) {
        while true {
            var message: (id: String?, lines: [String]) = (nil, [])
            for line in try connection.receive(through: "\n\n").split(separator: "\n") {
                if line.hasPrefix(":") { heartbeats += 1 }
                try #require(heartbeats < 200, "nothing but comments: it should have ended")
                if line.hasPrefix("id: ") { message.id = String(line.dropFirst(4)) }
                if line.hasPrefix("data: ") { message.lines.append(String(line.dropFirst(6))) }
                #expect(!line.hasPrefix("event"), "messages have no name")
            }
            lastID = message.id ?? lastID
            guard !message.lines.isEmpty else { continue }
            return (message.id, message.lines.joined(separator: "\n"))
        }
    }

    /// All up to and with the first that is wanted.
    @discardableResult
    func hear(until isWanted: (Heard) -> Bool) throws -> [Heard] {
        var heard: [Heard] = []
        repeat { heard.append(try next().heard) } while !isWanted(heard[heard.count - 1])
        return heard
    }

    /// All that still comes, until the server ends the stream.
    func ending() throws -> [Heard] {
        var texts: [String] = []
        do { while true { texts.append(try nextText().text) } } catch ConnectionFault.ended {}
        return try texts.map(Heard.init)
    }
}
