// Who waits to be let in while other things happen: Redis goes, the server leaves, tokens end, he goes himself.

import CLinux
import Settings
import Support
import Testing

@Suite("Waiting for an owner")
struct WaitingTests {
    private func stream(_ scene: Scene, _ job: String, token: String) throws -> Connection {
        let connection = try scene.connect()
        try connection.sendRequest(
            "/api/v1/jobs/\(job)/events",
            headers: ["Accept: text/event-stream", Token.header(token)])
        return connection
    }

    @Test("without Redis nobody is refused for good: he is told to come again", arguments: [1, 3])
    func redisAway(loops: Int) throws {
        let scene = try Scene(loops: loops) { ($0.history, $0.ownerWait) = (.redis, .seconds(15)) }
        let token = try Token.of(subject: "u1")
        let one = try scene.follow("j", token: token)
        let many = try scene.open(token: token)
        try many.say(subscribe(["j"]))
        let events = try stream(scene, "j", token: token)
        try scene.waitForMetric("jobwire_rights_awaited", 3)
        scene.redis.stop()
        #expect(try one.ending().code == 1013)
        let rejected = try many.hear(until: "rejected").last
        #expect(rejected?.text("code") == "rights_unavailable" && rejected?.job == "j")
        let refused = try events.answer()
        #expect(refused.status == 503 && refused.text.contains("rights_unavailable"))
        for path in ["j", "j/events", "j/log"] {
            let answer = try scene.connect().request(
                "/api/v1/jobs/\(path)", headers: [Token.header(token)])
            #expect(answer.status == 503, "\(path)")
        }
    }

    @Test("a server that leaves tells who waits to come back", arguments: [1, 3])
    func drained(loops: Int) throws {
        let scene = try Scene(loops: loops) { $0.drainGrace = .seconds(30) }
        let token = try Token.of(subject: "u1")
        let one = try scene.follow("j", token: token)
        let events = try stream(scene, "j", token: token)
        try scene.waitForMetric("jobwire_rights_awaited", 2)
        scene.server.signal(SIGTERM)
        #expect(try one.ending().code == 1012)
        #expect(try events.answer().status == 503)
        scene.server.join()
    }

    @Test(
        "a token that ends ends the waiting, and who goes is waited for no more", arguments: [1, 3])
    func ended(loops: Int) throws {
        let scene = try Scene(loops: loops) { $0.tokenLeeway = .zero }
        var others: [Any] = [
            try scene.follow("j", token: try Token.of(subject: "u1")),
            try stream(scene, "j", token: try Token.of(subject: "u1")),
        ]
        let short = try scene.follow("j", token: try Token.of(subject: "u1", for: 15))
        try scene.waitForMetric("jobwire_rights_awaited", 3)
        #expect(try short.ending().code == 4401)
        others.removeAll()
        try scene.waitForMetric("jobwire_rights_awaited", 0)
        try scene.waitForMetric("jobwire_connections", 1)
    }

    @Test("what is said while one waits is answered after the greeting", arguments: [1, 3])
    func early(loops: Int) throws {
        let scene = try Scene(loops: loops)
        let client = try scene.follow("j", token: try Token.of(subject: "u1"))
        try scene.waitForMetric("jobwire_rights_awaited", 1)
        try client.say(#"{"type":"ping","id":1}"#)
        try scene.publish("j", #"{"type":"status","data":{"owner":"u1"}}"#)
        #expect(try client.hear().type == "connected")
        #expect(try client.hear(until: "pong").last?.id as? Int == 1)
    }

    @Test("a token that is revoked meanwhile, or ends, opens nothing", arguments: [1, 3])
    func revoked(loops: Int) throws {
        let scene = try Scene(loops: loops) {
            ($0.tokenLeeway, $0.ownerWait) = (.zero, .seconds(60))
        }
        let socket = try scene.follow("j", token: try Token.of(subject: "u1", id: "t"))
        let events = try stream(scene, "j", token: try Token.of(subject: "u1", id: "t"))
        let short = try stream(scene, "j", token: try Token.of(subject: "u1", for: 15))
        try scene.waitForMetric("jobwire_rights_awaited", 3)
        let answer = try scene.connect().request(
            "/api/v1/revocations", method: "POST",
            headers: [Token.header(try Token.of(scope: .admin))], body: Array(#"{"jti":"t"}"#.utf8))
        #expect(answer.status / 100 == 2, "\(answer.text)")
        #expect(try socket.ending().code == 4401)
        #expect(try events.answer().status == 401)
        #expect([401, 403].contains(try short.answer().status))
    }

    @Test("a stream waits before its first byte, then hears all", arguments: [1, 3])
    func streams(loops: Int) throws {
        let scene = try Scene(loops: loops)
        let connection = try stream(scene, "j", token: try Token.of(subject: "u1"))
        try scene.waitForMetric("jobwire_rights_awaited", 1)
        try scene.publish("j", "1", #"{"type":"status","data":{"owner":"u1"}}"#)
        let head = try connection.answerHead()
        #expect(head.status == 200 && head.header("content-type") == "text/event-stream")
        let first = try connection.receive(through: "\n\n")
        #expect(first.contains(#""type":"connected""#) && first.contains(#""owner":"u1""#))
        #expect(try connection.receive(through: "\n\n").contains(#""seq":1"#))
    }

    @Test("hundreds who wait for as many jobs are looked at together, and let in each by his own")
    func crowd() throws {
        let scene = try Scene(loops: 3) { $0.history = .redis }
        let sockets = try (0..<4).map { client in
            let socket = try scene.open(token: try Token.of(subject: "u\(client)"))
            try socket.say(subscribe((0..<300).map { "j\($0)" }))
            return socket
        }
        try scene.waitForMetric("jobwire_rights_awaited", 1_200)
        for job in 0..<300 {
            try scene.publish("j\(job)", #"{"type":"status","data":{"owner":"u\#(job % 4)"}}"#)
        }
        for (client, socket) in sockets.enumerated() {
            var jobs: Set<String> = []
            _ = try socket.hear {
                if $0.type == "subscribed", let job = $0.job { jobs.insert(job) }
                return jobs.count == 75
            }
            #expect(jobs == Set((0..<300).filter { $0 % 4 == client }.map { "j\($0)" }))
        }
        try scene.waitForMetric("jobwire_rights_awaited", 900)
    }
}
