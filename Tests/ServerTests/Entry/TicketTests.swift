// Tickets over real bridges: two servers, each with a Redis connection of its own, on one Redis.

import Loop
import Settings
import Support
import Testing
import Tokens

@testable import Server

@Suite("Tickets over bridges")
struct TicketsTests {
    private func bridges(
        loops: Int = 1, _ change: (inout Settings) -> Void = { _ in }
    ) throws -> (Scene, Scene) {
        let one = try Scene(loops: loops, change)
        return (one, try Scene(loops: loops, redis: one.redis, change))
    }

    @Test("a ticket opens every door of any bridge, once", arguments: [1, 3])
    func everyDoor(loops: Int) throws {
        let (one, two) = try bridges(loops: loops)
        let token = try Token.of(jobs: "j1", feeds: "f1", queues: ["q"], scope: .jobsPublish)
        let get = ["jobs", "jobs/j1", "jobs/j1/events", "jobs/j1/log", "feeds/f1/events"]
        for (giver, taker) in [(one, two), (two, one), (one, one)] {
            for path in get {
                let ticket = try giver.ticket(for: token).ticket
                let target = "/api/v1/\(path)?ticket=\(ticket)"
                #expect(try taker.connect().request(target).status == 200, "\(path)")
                for scene in [taker, giver] {
                    let again = try scene.connect().request(target)
                    #expect(again.status == 401 && again.text.contains("ticket_used"), "\(path)")
                }
            }
            for path in ["ws/jobs/j1/updates", "ws/feeds/f1", "ws/queues/q", "ws"] {
                let target = "/api/v1/\(path)?ticket=\(try giver.ticket(for: token).ticket)"
                #expect(
                    try WebSocketClient(port: taker.port, target).hear().type == "connected")
                let again = try WebSocketClient(port: giver.port, target).ending()
                #expect(again.code == 4401 && again.reason == "the ticket was used before")
            }
            let stream = try EventStreamClient(
                taker,
                path: "/api/v1/queues/q/events?ticket=\(try giver.ticket(for: token).ticket)",
                token: nil)
            #expect(try stream.next().heard.type == "connected")
            let posted = try taker.connect().request(
                "/api/v1/jobs/j1/events?ticket=\(try giver.ticket(for: token).ticket)",
                method: "POST",
                body: Array("{}".utf8))
            #expect(posted.status == 200)
        }
        let used = try one.metric(#"jobwire_auth_refusals_total{reason="ticket"}"#)
        #expect(used > 0)
    }

    @Test("of many who bring the same ticket to two bridges at once, one is let in")
    func race() throws {
        let (one, two) = try bridges(loops: 3)
        let token = try Token.of(jobs: "j1")
        for _ in 0..<20 {
            let ticket = try one.ticket(for: token).ticket
            let connections = try (0..<8).map { try ($0 % 2 == 0 ? one : two).connect() }
            for each in connections { try each.sendRequest("/api/v1/jobs/j1?ticket=\(ticket)") }
            let answers = try connections.map { try $0.answer() }
            #expect(answers.count { $0.status == 200 } == 1)
            #expect(answers.count { $0.text.contains("ticket_used") } == 7)
        }
    }

    @Test("each bad ticket is refused with its own reason, by HTTP and over a socket")
    func refusals() throws {
        let scene = try Scene()
        let token = try Token.of(jobs: "j1")
        func kept(_ token: String, until end: Int64 = .max) throws -> String {
            let ticket = try Ticket()
            try keep(scene, ticket, try ticket.sealed(token, until: end))
            return ticket.text
        }
        func broken() throws -> String {
            let ticket = try Ticket()
            try keep(scene, ticket, try Ticket().sealed(token, until: .max))
            return ticket.text
        }
        let another = try Token.of(jobs: "j1", secret: String(repeating: "x", count: 32))
        let table: [(make: () throws -> String, word: String, reason: String)] = [
            ({ "" }, "ticket_malformed", "that is no ticket"),
            ({ "x" }, "ticket_malformed", "that is no ticket"),
            ({ token }, "ticket_malformed", "that is no ticket"),
            ({ try Ticket().text }, "ticket_unknown", "there is no such ticket, or no more"),
            (
                { try kept(token, until: WallClock.milliseconds() - 1) }, "ticket_expired",
                "the ticket has ended"
            ),
            (broken, "ticket_broken", "the ticket's token can't be read"),
            (
                { try kept(Token.of(jobs: "j1", for: -3_600)) }, "token_expired",
                "the token has expired"
            ),
            ({ try kept(another) }, "token_bad_signature", "the signature does not match"),
            ({ try kept("a.b") }, "token_malformed", "not a token"),
        ]
        for row in table {
            let answer = try scene.ask(row.make())
            #expect(answer.status == 401 && answer.text.contains("\"\(row.word)\""), "\(answer)")
            let ending = try WebSocketClient(
                port: scene.port, "/api/v1/ws?ticket=\(try row.make())"
            ).ending()
            #expect(ending.code == 4401 && ending.reason.hasPrefix(row.reason), "\(ending)")
        }
        #expect(try scene.ask(kept(token)).status == 200)
    }

    /// As a bridge would; in hex, for the command line has no room for all bytes.
    private func keep(_ scene: Scene, _ ticket: Ticket, _ value: [UInt8]) throws {
        let hex = value.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        let script = """
            return redis.call('SET', KEYS[1], (ARGV[1]:gsub('..', function(pair) \
            return string.char(tonumber(pair, 16)) end)), 'PX', 60000)
            """
        let answer = try scene.redis.ask("EVAL", script, "1", try key(of: ticket), hex)
        try #require(answer.hasPrefix("OK"), "\(answer)")
    }

    private func key(of ticket: Ticket) throws -> String {
        "jobwire:fleet:once:" + String(decoding: try ticket.name(), as: UTF8.self)
    }

    @Test("a ticket is given for a token only, and to who may have it")
    func giving() throws {
        let scene = try Scene {
            ($0.tokenCookie, $0.tokenLeeway) = ("t", .seconds(60))
        }
        let token = try Token.of(jobs: "j1")
        #expect(try scene.ticket(for: token).seconds == 30)
        #expect(try 9...10 ~= scene.ticket(for: Token.of(jobs: "j1", for: 10)).seconds)
        let ticket = try scene.ticket(for: token).ticket
        let cookie = ["Cookie: t=\(token)", "Origin: http://localhost"]
        #expect(
            try scene.connect().request("/api/v1/tickets", method: "POST", headers: cookie).status
                == 200)
        let table: [(target: String, headers: [String], status: Int, word: String)] = [
            ("", [], 401, "token_missing"), ("", [Token.header("x")], 401, "token_malformed"),
            ("?ticket=\(ticket)", [], 403, "token_needed"),
            ("?ticket=\(ticket)&token=\(token)", [], 403, "token_needed"),
            ("", [cookie[0]], 403, "cookie_origin_missing"),
            ("", [cookie[0], "Origin: https://evil.example"], 403, "origin_refused"),
            // Within the leeway: it still opens doors, and begins nothing new.
            ("", [Token.header(try Token.of(jobs: "j1", for: -5))], 401, "token_expired"),
        ]
        for row in table {
            let answer = try scene.connect().request(
                "/api/v1/tickets" + row.target, method: "POST", headers: row.headers)
            #expect(answer.status == row.status && answer.text.contains(row.word), "\(row)")
        }
        #expect(try scene.ask(ticket).status == 200, "nor was the ticket used up by that")
        let session = try scene.connect().request(
            "/api/v1/session?ticket=\(try scene.ticket(for: token).ticket)", method: "POST")
        #expect(session.status == 403 && session.text.contains("token_needed"))
    }

    @Test("so many are given in a while, in all and to one subject")
    func limits() throws {
        let scene = try Scene { ($0.ticketsMax, $0.ticketsPerSubjectMax) = (5, 3) }
        func status(_ subject: String?) throws -> Int {
            try scene.connect().request(
                "/api/v1/tickets", method: "POST",
                headers: [Token.header(try Token.of(jobs: "j1", subject: subject))]
            ).status
        }
        #expect(try (0..<5).map { _ in try status("a") } == [200, 200, 200, 429, 429])
        #expect(try [status(nil), status("b"), status("c")] == [200, 200, 429])
        let refused = try scene.connect().request(
            "/api/v1/tickets", method: "POST", headers: [Token.header(try Token.of(jobs: "j1"))])
        #expect(refused.text.contains("too_many_tickets") && refused.header("retry-after") == "30")

        let now = Instant.now()
        var allowance = TicketAllowance(max: 1, perSubjectMax: 1, at: now)
        let taken = [0, 29_999, 30_000].map {
            allowance.take(for: nil, at: now + .milliseconds($0))
        }
        #expect(taken == [true, false, true])
    }

    @Test("what Redis holds is neither ticket nor token, and no log line has the ticket")
    func secrecy() throws {
        let scene = try Scene()
        let token = try Token.of(jobs: "j1", subject: "somebody")
        let ticket = try scene.ticket(for: token).ticket
        let key = try key(of: try #require(Ticket(ticket)))
        let script = """
            return (redis.call('GET', KEYS[1]):gsub('.', function(letter) \
            local byte = letter:byte() return byte > 31 and byte < 127 and letter or '~' end))
            """
        let kept = try scene.redis.ask("EVAL", script, "1", key)
        #expect(kept.utf8.count > token.utf8.count)
        for part in [ticket] + token.split(separator: ".").map({ String($0.prefix(8)) }) {
            #expect(!kept.contains(part) && !key.contains(part))
        }
        for used in [false, true] {
            let life = try scene.redis.ask("PTTL", key).split(separator: "\n").first.flatMap {
                Int($0)
            }
            #expect(1...60_000 ~= life ?? 0, "\(used)")
            #expect(try scene.ask(ticket).status == (used ? 401 : 200))
        }
        scene.server.stop()
        #expect(!scene.log.lines.contains { $0.contains(ticket) || $0.contains("somebody") })
    }

    @Test("who came with a ticket is who the token says: his end, his refresh, his rights")
    func behaves() throws {
        let scene = try Scene { $0.tokenLeeway = .zero }
        let token = try Token.of(jobs: "j1", subject: "u1", for: 600)
        let socket = try WebSocketClient(
            port: scene.port, "/api/v1/ws?ticket=\(try scene.ticket(for: token).ticket)")
        let connected = try socket.hear()
        #expect(connected.type == "connected" && connected.text("expires_at") != nil)
        try socket.say(subscribe(["j2"]))
        #expect(try socket.hear().text("code") == "forbidden")
        try socket.say(auth(try Token.of(jobs: "j2", subject: "u2"), id: 1))
        #expect(try socket.hear().text("code") == "other_subject")
        try socket.say(auth(try Token.of(jobs: "j2", subject: "u1"), id: 2))
        #expect(try socket.hear().type == "authenticated")
        try socket.say(subscribe(["j2"]))
        #expect(try socket.hear().type == "subscribed")
        let short = try Token.of(jobs: "j1", for: 2)
        let ends = try WebSocketClient(
            port: scene.port, "/api/v1/ws?ticket=\(try scene.ticket(for: short).ticket)")
        #expect(try ends.ending().code == 4401)
    }

    @Test("a ticket of a token that was revoked since opens nothing, on any bridge")
    func revoked() throws {
        let (one, two) = try bridges()
        let token = try Token.of(jobs: "j1", subject: "u1")
        let tickets = try (0..<4).map { _ in try one.ticket(for: token).ticket }
        let revoked = try one.connect().request(
            "/api/v1/revocations", method: "POST",
            headers: [Token.header(try Token.of(scope: .admin))], body: Array(#"{"sub":"u1"}"#.utf8)
        )
        try #require(revoked.status == 200, "\(revoked)")
        for (scene, ticket) in zip([one, two], tickets) {
            try eventually("each loop knows it") {
                try scene.connect().request("/api/v1/jobs/j1", headers: [Token.header(token)])
                    .status != 200
            }
            let answer = try scene.ask(ticket)
            #expect(answer.status == 401 && answer.text.contains("token_revoked"))
        }
        let socket = try WebSocketClient(port: two.port, "/api/v1/ws?ticket=\(tickets[3])")
        #expect(try socket.ending().code == 4401)
        let given = try two.connect().request(
            "/api/v1/tickets", method: "POST", headers: [Token.header(token)])
        #expect(given.status == 401 && given.text.contains("token_revoked"))
    }

    private func auth(_ token: String, id: Int) -> String {
        #"{"type":"auth","data":{"token":"\#(token)"},"id":\#(id)}"#
    }
}

extension Scene {
    func ticket(
        for token: String, headers: [String] = []
    ) throws -> (ticket: String, seconds: Int) {
        let answer = try connect().request(
            "/api/v1/tickets", method: "POST", headers: [Token.header(token)] + headers)
        try #require(answer.status == 200, "\(answer)")
        #expect(answer.header("cache-control") == "no-store")
        let heard = try Heard(answer.text)
        return (
            try #require(heard.top("ticket") as? String),
            try #require(heard.top("expires_in") as? Int)
        )
    }

    func ask(_ ticket: String) throws -> HTTPAnswer {
        try connect().request("/api/v1/jobs/j1?ticket=\(ticket)")
    }
}
