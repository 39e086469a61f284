// Commands against a real Redis: in order, bounded, and each answered exactly once whatever breaks.

import Loop
import Support
import Testing

@testable import Redis

@Suite("RedisCommands")
struct CommandsTests {
    @Test("answers 10,000 commands sent at once, in order")
    func pipeline() throws {
        let server = try RedisServer()
        let (scene, commands) = try connected(to: server)
        let answer = scene.answer
        commands.ask { commands in
            for _ in 0..<10_000 { commands.send(bytes("INCR", "n"), answer) }
        }
        try scene.run("10,000 answers") { scene.answers.count == 10_000 }
        #expect(scene.answers == (1...10_000).map { .success(.integer(Int64($0))) })
        #expect(commands.commandsInFlight == 0)
    }

    @Test("reads every kind of reply, and Redis' errors as replies")
    func replies() throws {
        let server = try RedisServer()
        let (scene, commands) = try connected(to: server)
        let binary: [UInt8] = [0, 13, 10, 255]
        let answer = scene.answer
        commands.ask {
            $0.send(bytes("SET", "k") + [binary], answer)
            $0.send(bytes("GET", "k"), answer)
            $0.send(bytes("GET", "nothing"), answer)
            $0.send(bytes("LPUSH", "k", "x"), answer)
            $0.send(bytes("EVAL", "return {1, {'a', false}, {}}", "0"), answer)
            $0.send(bytes("EVAL", "return string.rep('x', 10485760)", "0"), answer)
        }
        try scene.run("six answers") { scene.answers.count == 6 }
        #expect(
            scene.answers == [
                .success(.simple("OK")), .success(.bytes(binary)), .success(.null),
                .success(
                    .error("WRONGTYPE Operation against a key holding the wrong kind of value")),
                .success(
                    .array([.integer(1), .array([.bytes([97]), .null]), .array([])])),
                .success(.bytes(Array(repeating: 120, count: 10 << 20))),
            ])
    }

    @Test("speaks to the database and as the user of the URL, over TLS")
    func greeted() throws {
        let server = try RedisServer(
            tls: .on, users: ["user default off", "user jw on >pw +@all ~* &*"])
        var options = RedisOptions.quick
        options.tls.caFile = server.certificates?.certificate("authority")
        let scene = try Scene()
        let url = "rediss://jw:pw@127.0.0.1:\(server.tlsPort)/5"
        let commands = scene.commands(try RedisAddress(parsing: url), options)
        try scene.runUntil(.ready)
        #expect(commands.server?.role == .primary)
        let answer = scene.answer
        commands.ask {
            $0.send(bytes("ACL", "WHOAMI"), answer)
            $0.send(bytes("CLIENT", "INFO"), answer)
        }
        try scene.run("two answers") { scene.answers.count == 2 }
        #expect(scene.answers[0] == .success(.bytes(Array("jw".utf8))))
        #expect(try scene.answers[1].get().text?.contains(" db=5 ") == true)
    }

    @Test("runs a script that Redis does not know yet, forgot, or knows")
    func scripts() throws {
        let server = try RedisServer()
        let (scene, commands) = try connected(to: server)
        let script = RedisScript("return {KEYS[1], ARGV[1], ARGV[2]}")
        let expected = RedisCommands.Answer.success(
            .array([.bytes(Array("k".utf8)), .bytes(Array("a".utf8)), .bytes([0, 255])]))
        for round in 1...3 {
            let answer = scene.answer
            commands.ask {
                $0.evaluate(script, keys: bytes("k"), arguments: bytes("a") + [[0, 255]], answer)
            }
            try scene.run("an answer") { scene.answers.count == round }
            #expect(scene.answers.last == expected)
            if round == 2 { try server.ask("script", "flush") }
        }
        #expect(try server.ask("info", "commandstats").contains("cmdstat_eval:calls=2,"))
    }

    @Test("answers each command exactly once when the connection breaks, and then goes on")
    func broken() throws {
        let server = try RedisServer()
        let (scene, commands) = try connected(to: server)
        let answer = scene.answer
        server.freeze()
        commands.ask { commands in
            for _ in 0..<1_000 { commands.send(bytes("INCR", "n"), answer) }
        }
        server.stop()
        try scene.run("1,000 answers") { scene.answers.count == 1_000 }
        for answer in scene.answers {
            guard case .failure(.connectionLost) = answer else {
                Issue.record("\(answer)")
                return
            }
        }
        try server.start()
        try scene.runUntil(.ready)
        commands.ask { $0.send(bytes("PING"), answer) }
        try scene.run("an answer") { scene.answers.count == 1_001 }
        #expect(scene.answers.last == .success(.simple("PONG")))
    }

    @Test("gives up on a server that hangs with commands owed, and on one that hangs idle")
    func frozen() throws {
        for isIdle in [false, true] {
            let server = try RedisServer()
            var options = RedisOptions.quick
            (options.pingInterval, options.replyTimeout) = (.milliseconds(50), .milliseconds(200))
            let (scene, commands) = try connected(to: server, options: options)
            server.freeze()
            let answer = scene.answer
            if !isIdle { commands.ask { $0.send(bytes("PING"), answer) } }
            #expect(try scene.runUntilLost() == .timedOut(.reply))
            #expect(scene.answers == (isIdle ? [] : [.failure(.timedOut(.reply))]))
            server.thaw()
            try scene.runUntil(.ready)
        }
    }

    @Test("lets go of what an answered command held, though others are always under way")
    func letsGo() throws {
        let server = try RedisServer()
        let (scene, commands) = try connected(to: server)
        let answer = scene.answer
        let flow = commands.ask { Flow($0, commandsMax: 20_000, answer) }
        commands.ask { _ in for _ in 0..<Flow.underWay { flow.sendNext() } }
        try scene.run("20,000 answers") { scene.answers.count == 20_000 }
        // One more while its answer is told.
        #expect(commands.ask { _ in flow.loadsPeak } <= Flow.underWay + 1)
        #expect(commands.ask { _ in flow.loads } == 0)
    }

    @Test("tries again at once when it is told that somebody else reached Redis")
    func retriesNow() throws {
        let server = try RedisServer()
        let (scene, commands) = try connected(to: server, options: .patient)
        server.stop()
        _ = try scene.runUntilLost()
        try server.start()
        commands.ask { $0.retryNow() }
        try scene.runUntil(.ready)
        #expect(scene.losses.count == 1)
    }

    @Test("refuses what is above its limits, and takes what is just below")
    func overflow() throws {
        let server = try RedisServer()
        var options = RedisOptions.quick
        (options.commandsMax, options.commandBytesMax) = (3, 10_000)
        let (scene, commands) = try connected(to: server, options: options)
        let answer = scene.answer
        let known = RedisCommand.encoded(bytes("ECHO", String(repeating: "x", count: 9_000))).count
        let fits = String(repeating: "x", count: 9_000 + 10_000 - known)
        commands.ask { commands in
            for _ in 0..<5 { commands.send(bytes("ECHO", "x"), answer) }
        }
        try scene.run("five answers") { scene.answers.count == 5 }
        #expect(scene.answers.count { $0 == .failure(.overflow) } == 2)
        commands.ask { $0.send(bytes("ECHO", fits), answer) }
        try scene.run("six answers") { scene.answers.count == 6 }
        #expect(scene.answers.last == .success(.bytes(Array(fits.utf8))))
        commands.ask { $0.send(bytes("ECHO", fits + "x"), answer) }
        try scene.run("seven answers") { scene.answers.count == 7 }
        #expect(scene.answers.last == .failure(.overflow))
    }

    @Test("fails at once, but not from within send, where there is no connection")
    func notConnected() throws {
        let scene = try Scene()
        let commands = scene.commands(RedisAddress(endpoint: .unix(path: "/nowhere.sock")), .quick)
        let answer = scene.answer
        let answeredWithin = commands.ask { commands in
            var isAnswered = false
            commands.send(bytes("PING")) {
                isAnswered = true
                answer($0)
            }
            return isAnswered
        }
        #expect(!answeredWithin)
        try scene.run("an answer") { scene.answers == [.failure(.notConnected)] }
    }

    @Test("fails what is in flight when it is stopped, and can be started again")
    func stopped() throws {
        let server = try RedisServer()
        let (scene, commands) = try connected(to: server)
        let answer = scene.answer
        server.freeze()
        commands.ask {
            $0.send(bytes("PING"), answer)
            $0.stop()
        }
        try scene.run("an answer") { scene.answers == [.failure(.stopped)] }
        server.thaw()
        commands.ask { $0.start() }
        try scene.runUntil(.ready)
        // Stopped and started in one go: what was in flight is answered all the same.
        commands.ask {
            $0.send(bytes("PING"), answer)
            $0.stop()
            $0.start()
        }
        try scene.run("an answer and a new connection") {
            scene.answers.count == 2 && scene.events.last == .ready
        }
        #expect(scene.answers.last == .failure(.stopped))
        #expect(commands.commandsInFlight == 0)
    }

    private func connected(
        to server: RedisServer, options: RedisOptions = .quick
    ) throws -> (Scene, Remote<RedisCommands>) {
        let scene = try Scene()
        let commands = scene.commands(try server.address(), options)
        try scene.runUntil(.ready)
        return (scene, commands)
    }
}

/// Keeps some commands under way, each holding a load of its own, and counts the loads that live.
private final class Flow {
    static let underWay = 10

    private final class Load {
        let flow: Flow
        init(_ flow: Flow) {
            self.flow = flow
            flow.loads += 1
            flow.loadsPeak = max(flow.loadsPeak, flow.loads)
        }
        deinit { flow.loads -= 1 }
    }

    private let commands: RedisCommands
    private var commandsLeft: Int
    private let answered: (RedisCommands.Answer) -> Void
    private(set) var loads = 0
    private(set) var loadsPeak = 0

    init(
        _ commands: RedisCommands, commandsMax: Int,
        _ answered: @escaping (RedisCommands.Answer) -> Void
    ) { (self.commands, commandsLeft, self.answered) = (commands, commandsMax, answered) }

    func sendNext() {
        guard commandsLeft > 0 else { return }
        commandsLeft -= 1
        let load = Load(self)
        commands.send(bytes("PING")) { [self] answer in
            withExtendedLifetime(load) { answered(answer) }
            sendNext()
        }
    }
}
