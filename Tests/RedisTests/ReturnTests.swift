// How soon a connection is back after Redis is.

import Loop
import Support
import Testing

@testable import Redis

@Suite("A subscription that was lost")
struct ReturnTests {
    @Test("is back soon after Redis is, however long that was away")
    func comesBack() throws {
        let server = try RedisServer()
        let (scene, subscriber) = try subscribed(to: server, options: RedisOptions())
        server.stop()
        try scene.run("twelve tries") { scene.pauses.count == 12 }
        try server.start()
        try scene.runUntil(.ready)
        #expect(scene.pauses.allSatisfy { $0 <= .milliseconds(250) })
        stop(subscriber)
    }

    @Test("tries again at once when it is told that somebody else reached Redis")
    func retriesNow() throws {
        let server = try RedisServer()
        let (scene, subscriber) = try subscribed(to: server, options: .patient)
        subscriber.ask { $0.retryNow() }
        server.stop()
        _ = try scene.runUntilLost()
        try server.start()
        subscriber.ask { $0.retryNow() }
        try hearsAgain(server, scene)
        #expect(scene.losses.count == 1)
        stop(subscriber)
    }

    @Test("does not wait long for a connect that nobody answers")
    func blackHole() throws {
        let silent = try SilentPort()
        let begun = Instant.now()
        let scene = try Scene()
        let address = RedisAddress(endpoint: .tcp(host: "127.0.0.1", port: silent.port))
        let subscriber = scene.subscriber(address, RedisOptions())
        #expect(try scene.runUntilLost() == .timedOut(.connect))
        #expect(Instant.now() - begun < RedisOptions().connectTimeout)
        stop(subscriber)
    }
}
