// The decisions of a connection, without a socket and without time passing.

import Loop
import Testing

@testable import Redis

@Suite("What a connection decides")
struct MachineTests {
    @Test("waits longer after each failure, never above the cap, and short again once proved")
    func backoff() {
        var backoff = Backoff(base: .milliseconds(100))
        let waits = (0..<8).map { _ in backoff.next(upTo: .seconds(5), jitter: 1) }
        #expect(
            waits == [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000].map { .milliseconds($0) })
        for _ in 0..<1_000 {
            #expect(backoff.next(upTo: .seconds(5), jitter: 1) == .seconds(5))
        }
        #expect(backoff.next(upTo: .milliseconds(250), jitter: 1) == .milliseconds(250))
        #expect(backoff.next(upTo: .seconds(5), jitter: 0) == .zero)
        #expect(backoff.next(upTo: .seconds(5), jitter: 0.5) == .milliseconds(2_500))
        backoff.reset()
        #expect(backoff.next(upTo: .seconds(5), jitter: 1) == .milliseconds(100))
    }

    @Test(
        "is never away for long from a Redis that is not there, but spares one that turns it away",
        arguments: [
            (StreamEnd.connectFailed("refused"), Duration.milliseconds(250)),
            (.timedOut, .milliseconds(250)), (.closedByPeer, .milliseconds(250)),
            (.tls("unknown authority"), .seconds(5)),
        ])
    func pauses(end: StreamEnd, longest: Duration) {
        var link = LinkMachine(address: address, options: RedisOptions())
        _ = link.start()
        var pause = Duration.zero
        for _ in 0..<20 {
            guard case .lost(_, let wait) = link.streamClosed(end, jitter: 1) else {
                Issue.record("not lost")
                return
            }
            pause = max(pause, wait)
            #expect(link.waitEnded() == .connect)
        }
        #expect(pause == longest)
    }

    @Test("asks a silent connection, and gives up when it owes an answer for too long")
    func heartbeat() {
        func at(_ seconds: Int64) -> Instant { Instant(nanoseconds: seconds * 1_000_000_000) }
        var options = RedisOptions()
        options.pingInterval = .seconds(10)
        options.replyTimeout = .seconds(4)
        var beat = Heartbeat(options: options, now: at(0))
        #expect(beat.verdict(at: at(0)) == .wait(.seconds(4)))
        #expect(beat.verdict(at: at(9)) == .wait(.seconds(1)))
        #expect(beat.verdict(at: at(10)) == .ping)
        beat.asked(at: at(10))
        #expect(beat.verdict(at: at(13)) == .wait(.seconds(1)))
        beat.heard(at: at(13))
        #expect(beat.verdict(at: at(16)) == .wait(.seconds(1)))
        #expect(beat.verdict(at: at(17)) == .wait(.zero))
        #expect(beat.verdict(at: at(17)) == .silent)
        #expect(beat.verdict(at: at(18)) == .silent)
        beat.heard(at: at(17))
        beat.answered()
        #expect(beat.verdict(at: at(26)) == .wait(.seconds(1)))
        beat.asked(at: at(26))
        beat.asked(at: at(29))
        #expect(beat.verdict(at: at(30)) == .wait(.zero))
        #expect(beat.verdict(at: at(30)) == .silent)
    }

    @Test("reads what lies there before it calls the other side silent")
    func stoodStill() {
        let (begun, woken) = (Instant(nanoseconds: 0), Instant(nanoseconds: .max / 2))
        var beat = Heartbeat(options: RedisOptions(), now: begun)
        beat.asked(at: begun)
        #expect(beat.verdict(at: woken) == .wait(.zero))
        beat.heard(at: woken)
        #expect(beat.verdict(at: woken) == .wait(RedisOptions().replyTimeout))
        #expect(beat.verdict(at: woken + .seconds(9)) == .wait(.zero))
    }

    @Test(
        "asks for what the URL wants, in this order",
        arguments: [
            ("redis://h", ["PING", "INFO server", "INFO replication"]),
            ("redis://:p@h/3", ["AUTH p", "PING", "SELECT 3", "INFO server", "INFO replication"]),
            ("redis://u:p@h", ["AUTH u p", "PING", "INFO server", "INFO replication"]),
        ])
    func greeting(url: String, commands: [String]) throws {
        let greeting = Greeting(address: try RedisAddress(parsing: url))
        let words = greeting.commands.map { command in
            command.span.text.split(separator: "\r\n").dropFirst(2).enumerated()
                .filter { $0.offset % 2 == 0 }.map { String($0.element) }.joined(separator: " ")
        }
        #expect(words == commands)
    }

    @Test(
        "learns run id, version, role and reign, and does without where INFO is refused",
        arguments: [("0000", "abc"), ("00e0", "f0")])
    func learnsServer(predecessor: String, reign: String) {
        let info = [
            "# Server\r\nredis_version:7.0.15\r\nrun_id:abc\r\n",
            "role:slave\r\nmaster_replid:f0\r\nmaster_replid2:\(predecessor)\r\n",
        ]
        var told = Greeting(address: address)
        #expect(told.answer(.simple("PONG")) == .more)
        #expect(told.answer(.bytes(Array(info[0].utf8))) == .more)
        guard case .welcome(let server) = told.answer(.bytes(Array(info[1].utf8))) else {
            Issue.record("not welcome")
            return
        }
        #expect((server.runID, server.version, server.role) == ("abc", "7.0.15", .replica))
        #expect(server.reign == reign)

        var refused = Greeting(address: address)
        _ = refused.answer(.simple("PONG"))
        _ = refused.answer(.error("NOPERM this user has no permissions to run the 'info' command"))
        #expect(refused.answer(.error("NOPERM x")) == .welcome(RedisIdentity()))
    }

    @Test(
        "tells the refusals of a greeting apart",
        arguments: [
            ("redis://h", ["-NOAUTH Authentication required."], RedisFault.authRequired),
            ("redis://h", ["-LOADING Redis is loading the dataset in memory"], .loading),
            ("redis://h", ["-MASTERDOWN Link with MASTER is down"], .masterDown),
            ("redis://h", ["-BUSY Redis is busy running a script."], .busy),
            ("redis://h", ["-NOPERM no"], .noPermission(needs: "+ping")),
            ("redis://h", ["-DENIED\u{1} mode"], .refused("DENIED. mode")),
            ("redis://h", ["+OK"], .notRedis("an odd answer to its first command")),
            ("redis://:p@h", ["-WRONGPASS invalid username-password pair"], .wrongPassword),
            ("redis://:p@h", ["-ERR invalid password"], .wrongPassword),
            (
                "redis://:p@h", ["-ERR AUTH <password> called without any password configured for"],
                .authNotConfigured
            ),
            (
                "redis://u:p@h", ["-ERR unknown command 'AUTH', with args beginning with: 'u' 'p'"],
                .refused("AUTH, with an error; does this version know users?")
            ),
            ("redis://h/99", ["+PONG", "-ERR DB index is out of range"], .noSuchDatabase(99)),
            ("redis://h/1", ["+PONG", "-NOPERM x"], .noPermission(needs: "+select")),
        ])
    func refusals(url: String, answers: [String], fault: RedisFault) throws {
        var greeting = Greeting(address: try RedisAddress(parsing: url))
        var last = Greeting.Step.more
        for answer in answers {
            let text = String(answer.dropFirst())
            last = greeting.answer(answer.hasPrefix("-") ? .error(text) : .simple(text))
        }
        #expect(last == .refused(fault))
    }

    @Test("lives through break and wait, and can be stopped and started at any point")
    func linkLife() {
        var link = LinkMachine(address: address, options: RedisOptions())
        #expect(link.start() == .connect)
        #expect(link.start() == .nothing)
        #expect(
            link.streamClosed(.connectFailed("no"), jitter: 1)
                == .lost(.connectFailed("no"), retryAfter: .milliseconds(100)))
        #expect(link.waitEnded() == .connect)
        #expect(link.streamOpened() == .greet)
        #expect(link.answered(.simple("PONG")) == .nothing)
        #expect(link.answered(.error("NOPERM")) == .nothing)
        #expect(link.answered(.error("NOPERM")) == .opened(RedisIdentity()))
        #expect(link.fail(.timedOut(.reply)) == .close)
        #expect(link.fail(.overflow) == .nothing)
        #expect(
            link.streamClosed(.closedByUs, jitter: 0.5)
                == .lost(.timedOut(.reply), retryAfter: .milliseconds(100)))
        #expect(link.stop() == .ended(startsAgain: false))
        #expect(link.waitEnded() == .nothing)

        #expect(link.start() == .connect)
        #expect(link.stop() == .close)
        #expect(link.stop() == .nothing)
        #expect(link.start() == .nothing)
        #expect(link.streamClosed(.closedByUs, jitter: 1) == .ended(startsAgain: true))
        #expect(link.start() == .connect)
        #expect(link.fail(.overflow) == .close)
        #expect(link.stop() == .nothing)
        #expect(link.streamClosed(.closedByUs, jitter: 1) == .ended(startsAgain: false))
        #expect(link.streamClosed(.closedByUs, jitter: 1) == .nothing)
    }

    @Test(
        "takes nonsense before the greeting for the wrong door, and after it for a broken protocol")
    func wrongDoor() {
        var link = LinkMachine(address: address, options: RedisOptions())
        _ = link.start()
        _ = link.streamOpened()
        var alert = link
        #expect(link.fail(.protocolBroken("got \"H\"")) == .close)
        #expect(
            link.streamClosed(.closedByUs, jitter: 0)
                == .lost(.notRedis("got \"H\""), retryAfter: .zero))
        #expect(
            alert.fail(.protocolBroken("Protocol error, got \"\\x15\" as reply type byte"))
                == .close)
        #expect(
            alert.streamClosed(.closedByUs, jitter: 0) == .lost(.tlsExpected, retryAfter: .zero))
    }

    @Test("names scripts by the SHA-1 that Redis computes")
    func sha1() {
        #expect(SHA1.hex(of: []) == Array("da39a3ee5e6b4b0d3255bfef95601890afd80709".utf8))
        #expect(
            SHA1.hex(of: Array("abc".utf8))
                == Array("a9993e364706816aba3e25717850c26c9cd0d89d".utf8))
        let million = [UInt8](repeating: 97, count: 1_000_000)
        #expect(SHA1.hex(of: million) == Array("34aa973cd4c4daa4f61eeb2bdbad27316534016f".utf8))
    }

    @Test("writes commands with the length of every argument")
    func commands() {
        let bytes = RedisCommand.encoded([[], [13, 10], Array(repeating: 120, count: 100)]).span
            .text
        #expect(
            bytes
                == "*3\r\n$0\r\n\r\n$2\r\n\r\n\r\n$100\r\n\(String(repeating: "x", count: 100))\r\n"
        )
    }

    private let address = RedisAddress(endpoint: .tcp(host: "h", port: 1))
}
