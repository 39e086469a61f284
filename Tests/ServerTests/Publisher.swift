// A worker that publishes to Redis, by the protocol's plain words, as fast as Redis takes it.

import Support

final class Publisher {
    private let connection: Connection

    init(port: Int) throws { connection = try Connection(port: port) }

    /// Returns when Redis has taken all.
    func publish(_ payloads: [String], to job: String) throws {
        try publish(payloads.map { Array($0.utf8) }, channel: "job:\(job):updates")
    }

    func publish(_ payloads: [[UInt8]], channel: String) throws {
        var words: [UInt8] = []
        for payload in payloads {
            words += "*3\r\n$7\r\nPUBLISH\r\n$\(channel.utf8.count)\r\n\(channel)\r\n".utf8
            words += "$\(payload.count)\r\n".utf8
            words += payload
            words += "\r\n".utf8
        }
        try connection.send(words)
        for _ in payloads {
            let reply = try connection.receive(through: "\r\n")
            guard reply.hasPrefix(":") else { throw ConnectionFault.malformed(reply) }
        }
    }
}
