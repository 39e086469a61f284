// What happens while Redis is asked for a ticket, and where it does not answer.

import CLinux
import Settings
import Support
import Testing

@Suite("Waiting for a ticket's token")
struct TicketWaitTests {
    @Test("with Redis away tickets are neither given nor taken, and a token still serves")
    func redisAway() throws {
        let one = try Scene()
        let token = try Token.of(jobs: "j1")
        let ticket = try one.ticket(for: token).ticket
        one.redis.stop()
        try one.log.wait(for: "redis_lost")
        let given = try one.connect().request(
            "/api/v1/tickets", method: "POST", headers: [Token.header(token)])
        #expect(given.status == 503 && given.text.contains("ticket_unavailable"))
        let asked = try one.ask(ticket)
        #expect(asked.status == 503 && asked.text.contains("ticket_unavailable"))
        let client = try WebSocketClient(port: one.port, "/api/v1/ws?ticket=\(ticket)")
        #expect(try client.ending().code == 1013)
        _ = try one.open(token: token)
    }

    @Test("while Redis is slow nothing else is answered, and who leaves or drains is let go")
    func waiting() throws {
        let scene = try Scene {
            ($0.handshakeTimeout, $0.redisReplyTimeout) = (.milliseconds(500), .seconds(60))
        }
        let token = try Token.of(jobs: "j1")
        let tickets = try (0..<3).map { _ in try scene.ticket(for: token).ticket }
        scene.redis.freeze()
        // Pipelined behind it: must not be answered first.
        let pipelined = try scene.connect()
        try pipelined.sendRequest(
            "/api/v1/jobs/j1?ticket=\(tickets[0])",
            trailing: Array("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".utf8))
        var leaving: Connection? = try scene.connect()
        try leaving?.sendRequest("/api/v1/jobs/j1?ticket=\(tickets[1])")
        leaving = nil
        // The wait ends with the time for a handshake; a late answer is nobody's.
        let given = try pipelined.answer()
        #expect(given.status == 503 && given.text.contains("ticket_unavailable"))
        #expect(try pipelined.answer().text == #"{"status":"ok"}"#)
        let socket = try WebSocketClient(
            over: scene.connect(), "/api/v1/ws?ticket=\(tickets[2])", trailing: maskedText("{}"))
        #expect(try socket.ending().code == 1013)
        scene.redis.thaw()
        #expect(try pipelined.request("/healthz").status == 200)
        try scene.waitForMetric("jobwire_connections", 2)
    }

    @Test("a server that leaves while a ticket is looked up says so")
    func draining() throws {
        let scene = try Scene { $0.drainGrace = .seconds(20) }
        let ticket = try scene.ticket(for: try Token.of(jobs: "j1")).ticket
        scene.redis.freeze()
        let socket = try scene.connect()
        try socket.sendRequest(
            "/api/v1/ws?ticket=\(ticket)",
            headers: [
                "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            ])
        // The server has read it when it has read what came later.
        _ = try scene.connect().request("/healthz")
        scene.server.signal(SIGTERM)
        try scene.log.wait(for: "draining")
        scene.redis.thaw()
        let all = String(decoding: try socket.receiveToEnd(), as: UTF8.self)
        #expect(all.contains("101 Switching") && all.contains("restarting, come back with jitter"))
    }
}
