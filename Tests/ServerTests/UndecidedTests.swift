// Rights that are being asked about, and what else happens meanwhile: the old right must not outlive the
// question, nor may who waits be in the way of who need not.

import Dispatch
import Fleet
import Loop
import Settings
import Support
import Synchronization
import Testing
import Tokens

@testable import Server

@Suite("Rights that are not decided yet")
struct UndecidedTests {
    private func status(owner: String, message: String = "") -> String {
        #"{"type":"status","data":{"owner":"\#(owner)","message":"\#(message)"}}"#
    }

    @Test(
        "who asks again for what only an earlier token gave does not keep it while he waits",
        arguments: [1, 3])
    func askedAgain(loops: Int) throws {
        let scene = try Scene(loops: loops) {
            ($0.history, $0.redisPingInterval) = (.redis, .seconds(20))
        }
        try scene.publish("j", status(owner: "u2"))
        try scene.settle("j", at: 1)
        let client = try scene.open(token: try Token.of(jobs: "j", subject: "u1"))
        let claimed = try scene.follow("other", token: try Token.of(jobs: "*"))
        try claimed.hear(until: "live")
        // Nothing is known of the job before all three were said.
        scene.redis.freeze()
        try client.say(subscribe(["j"]))
        let narrow = try Token.of(subject: "u1")
        try client.say(#"{"type":"auth","data":{"token":"\#(narrow)"}}"#)
        for id in 1...3 { try client.say(subscribe(["j"], id: "\(id)")) }
        try client.say(#"{"type":"ping"}"#)
        try client.hear(until: "pong")
        scene.redis.thaw()
        let refused = try client.hear(until: "rejected").last
        #expect(refused?.text("code") == "forbidden" && refused?.id as? Int == 3)
        #expect(try client.hear(until: "unsubscribed").last?.text("reason") == "right_lost")
        try scene.publish("j", status(owner: "u2", message: "secret"))
        try scene.settle("j", at: 2)
        try client.say(#"{"type":"ping"}"#)
        #expect(try client.hear().type == "pong")
    }

    @Test("who is sent away in the middle of a message follows nothing that it names behind")
    func sentAway() throws {
        var settings = Settings()
        (settings.loops, settings.tokenSecret) = (1, Secret(Token.secret))
        let house = try House(settings: settings, loops: 1, log: LogBook().log)
        let port = Mutex(0)
        let isListening = DispatchSemaphore(value: 0)
        let thread = try LoopThread.start(name: "loop") {
            defer { isListening.signal() }
            guard let worker = try? Worker(index: 0, house: house),
                let address = try? ListenAddress(host: "127.0.0.1", port: 0),
                let found = try? worker.listen(on: address)
            else { return }
            worker.revoked.know()
            port.withLock { $0 = found }
            isListening.signal()
            worker.run()
        }
        isListening.wait()
        let client = try WebSocketClient(
            port: port.withLock { $0 }, "/api/v1/ws",
            headers: [Token.header(try Token.of(jobs: "a", subject: "u1"))])
        #expect(try client.hear().type == "connected")
        // As between the signal and its mail to this loop.
        house.isDraining.store(true, ordering: .relaxed)
        try client.say(subscribe(["to-be-looked-at", "a"]))
        #expect(try client.ending().code == 1012)
        try eventually("nobody is connected") {
            house.metrics.sum { $0.connections.value } == 0
        }
        #expect(house.metrics.sum { $0.subscriptions.value } == 0)
        house.postToAll(.stop)
        thread.join()
    }

    @Test("however many wait for jobs to become theirs, an owner gets in at once")
    func crowded() throws {
        let (each, count) = (400, RightsDesk.petitionsMax)
        let scene = try Scene { $0.ownerWait = .seconds(3_600) }
        try scene.publish("mine", status(owner: "u2"))
        try scene.settle("mine", at: 1)
        let names = (0..<each).map { "j\($0)" }
        let clients = try (0..<count / each).map { _ in
            let client = try scene.open(token: try Token.of(subject: "u1"))
            try client.say(subscribe(names))
            return client
        }
        try scene.waitForMetric("jobwire_rights_awaited", count)
        let owner = try Token.of(subject: "u2")
        #expect(try scene.follow("mine", token: owner).hear().type == "connected")
        #expect(clients.count == count / each)
    }

    @Test("a revocation has room where others have ended, though nobody has swept yet")
    func revoked() throws {
        let revoked = RevokedTokens(try Loop(), max: 1)
        revoked.know()
        let now = wallSeconds()
        revoked.add([Revocation(.token(.init("ended")), until: now - 1)])
        revoked.add([Revocation(.token(.init("t")), until: now + 3_600)])
        #expect(throws: TokenFault.revoked) { try revoked.check(Grant(id: "t")) }
        revoked.add([Revocation(.token(.init("one too many")), until: now + 3_600)])
        try revoked.check(Grant(id: "one too many"))
    }
}
