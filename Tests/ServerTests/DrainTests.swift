// Stopping, and certificates that are renewed while everybody stays connected.

import CLinux
import Dispatch
import Settings
import Support
import Testing

@Suite("Stopping and reloading")
struct DrainTests {
    @Test(
        "on SIGTERM everybody is sent away with 1012, nobody new comes in, and the server ends",
        arguments: [1, 3])
    func drain(loops: Int) throws {
        let scene = try Scene(loops: loops) { $0.drainGrace = .seconds(10) }
        let clients = try (0..<60).map { try scene.follow("j\($0 % 7)") }
        for client in clients { try client.hear(until: "live") }
        let idle = try scene.connect()
        #expect(try idle.request("/healthz").status == 200)
        // A request that has begun is answered, and knows of the end.
        let begun = try scene.connect()
        try begun.sendRequest("/readyz", headers: ["Content-Length: 1"])
        let upgrading = try scene.connect()
        try upgrading.sendRequest("/metrics", headers: ["Content-Length: 1"])
        try scene.waitForMetric("jobwire_connections", 60 + 1 + 2 + 1)

        scene.server.signal(SIGTERM)
        try scene.log.wait(for: "draining")
        #expect(try idle.receiveToEnd().isEmpty)
        try begun.send(Array("x".utf8))
        let answer = try begun.answer()
        #expect(answer.status == 503 && answer.text.contains(#""draining":true"#))
        #expect(answer.header("connection") == "close")
        #expect(throws: ConnectionFault.self) {
            while true { _ = try scene.connect().request("/healthz") }
        }
        for client in clients {
            #expect(
                try client.ending()
                    == .init(code: 1012, reason: "restarting, come back with jitter"))
        }
        try upgrading.send(Array("x".utf8))
        #expect(try upgrading.answer().status == 200)
        scene.server.join()
        #expect(scene.log.count("stopped") == 1)
        #expect(scene.log.count(closedWith: 1012) == 60)
    }

    @Test("they are sent away in batches over half the grace, not all in one moment")
    func batches() throws {
        let scene = try Scene(loops: 3) { $0.drainGrace = .seconds(2) }
        let clients = try (0..<60).map { _ in try scene.open() }
        let begin = DispatchTime.now()
        scene.server.signal(SIGINT)
        var seconds: [Double] = []
        for client in clients {
            #expect(try client.ending().code == 1012)
            seconds.append(
                Double(DispatchTime.now().uptimeNanoseconds - begin.uptimeNanoseconds) / 1e9)
        }
        #expect(seconds.max() ?? 0 > 0.4, "spread over about a second")
        scene.server.join()
    }

    @Test("whatever the grace, everybody hears 1012 before the end", arguments: [0, 1, 30, 100])
    func shortGrace(milliseconds: Int) throws {
        let scene = try Scene(loops: 3) { $0.drainGrace = .milliseconds(milliseconds) }
        let clients = try (0..<50).map { _ in try scene.open() }
        scene.server.signal(SIGTERM)
        for client in clients { #expect(try client.ending().code == 1012) }
        scene.server.join()
    }

    @Test("a second SIGTERM does not wait for the grace")
    func secondSignal() throws {
        let scene = try Scene(loops: 3) { $0.drainGrace = .seconds(3_600) }
        let clients = try (0..<50).map { _ in try scene.open() }
        scene.server.signal(SIGTERM)
        try scene.log.wait(for: "draining")
        scene.server.signal(SIGTERM)
        scene.server.join()
        #expect(scene.log.count("stopping_at_once") == 1)
        withExtendedLifetime(clients) {}
    }

    @Test("without anybody connected the server ends at once")
    func nobody() throws {
        let scene = try Scene(loops: 3) { $0.drainGrace = .seconds(3_600) }
        scene.server.signal(SIGTERM)
        scene.server.join()
    }

    @Test(
        "SIGHUP takes a renewed certificate for new clients, and keeps the old one if it is spoiled"
    )
    func reload() throws {
        let certificates = try Certificates()
        let scene = try Scene(loops: 3) { $0.serve(certificates) }
        func trust(_ name: String) -> TestTLS {
            TestTLS(caFile: certificates.certificate("authority"), serverName: name)
        }
        let early = try scene.follow(
            "j1", over: Connection(port: scene.port, tls: trust("server.test")))
        try early.hear(until: "live")
        try certificates.replace("server", with: "renewed")
        scene.server.signal(SIGHUP)
        try scene.log.wait(for: "certificate_reloaded")
        for _ in 0..<6 {
            let renewed = try Connection(port: scene.port, tls: trust("renewed.test"))
            #expect(try renewed.request("/healthz").status == 200)
        }
        try certificates.spoil("server")
        scene.server.signal(SIGHUP)
        try scene.log.wait(for: "certificate_not_reloaded")
        let still = try Connection(port: scene.port, tls: trust("renewed.test"))
        #expect(try still.request("/healthz").status == 200)
        try scene.publish("j1", "1")
        #expect(try early.hear(throughSeq: 1).count > 0, "who was connected stays so")
    }

    @Test("SIGHUP without a certificate changes nothing")
    func nothingToReload() throws {
        let scene = try Scene()
        scene.server.signal(SIGHUP)
        try scene.log.wait(for: "nothing_to_reload")
        #expect(try scene.connect().request("/healthz").status == 200)
    }
}

@Suite("Starting")
struct StartTests {
    @Test("on a Unix socket one loop serves, whatever was asked for")
    func unixSocket() throws {
        let folder = try TemporaryFolder()
        let scene = try Scene(loops: 3) { $0.listen = "unix:\(folder.path)/jobwire.sock" }
        #expect(scene.log.lines.contains { $0.contains(" listening ") && $0.contains("loops=1") })
        scene.server.stop()
        #expect(scene.log.count("loop_failed") == 0)
    }

    @Test("what an operator got wrong is said by name, and nothing starts")
    func faults() throws {
        let redis = try RedisServer()
        let scene = try Scene(redis: redis)
        let table: [(change: (inout Settings) -> Void, word: String)] = [
            ({ $0.tokenSecret = Secret("") }, "token-secret: none is configured"),
            ({ $0.tokenSecret = Secret("short") }, "token-secret: the token secret has 5 bytes"),
            ({ $0.redisURL = Secret("http://x") }, "redis-url"),
            ({ $0.listen = "nonsense" }, "listen"),
            ({ $0.listen = "127.0.0.1:99999" }, "listen"),
            ({ $0.listen = "203.0.113.1:0" }, "listen: cannot listen"),
            ({ $0.loops = 65 }, "loops: at most 64"), ({ $0.patterns = ["job"] }, "patterns"),
            ({ $0.tlsCertificate = "/nowhere.pem" }, "tls-certificate"),
        ]
        for row in table {
            var settings = Settings()
            settings.listen = "127.0.0.1:0"
            settings.loops = 1
            settings.redisURL = Secret(redis.url)
            settings.tokenSecret = Secret(Token.secret)
            row.change(&settings)
            do {
                _ = try RunningServer(settings)
                Issue.record("it started without \(row.word)")
            } catch let failure as RunningServer.Failure {
                #expect(failure.text.hasPrefix(row.word))
            }
        }
        #expect(try scene.connect().request("/healthz").status == 200)
    }
}
