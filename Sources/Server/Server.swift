// Server starts one loop per core and returns when the last one has ended.
//
// Loop 0 runs on the calling thread: it owns the feed and hears the signals. SIGTERM and SIGINT drain,
// SIGHUP reads the certificate again. A second SIGTERM does not wait for the grace to pass.

import Feed
import Hub
import Jobs
import Loop
import Redis
import Settings
import Telemetry
import Tokens
import Wire

public struct Server {
    public static let version = "0.1.0"

    private let house: House
    private let address: RedisAddress
    private let options: RedisOptions
    private let patterns: [ChannelPattern]

    public init(_ settings: Settings, log: Log) throws(StartFault) {
        let loops = settings.loops == 0 ? min(Loop.coreCount, LoopSet.loopsMax) : settings.loops
        guard loops <= LoopSet.loopsMax else { throw .setting("loops: at most \(LoopSet.loopsMax)") }
        do throws(RedisURLFault) {
            address = try RedisAddress(parsing: settings.redisURL.text)
        } catch {
            throw .setting("redis-url: \(error)")
        }
        patterns = settings.patterns.compactMap { ChannelPattern($0) }
        guard patterns.count == settings.patterns.count else {
            throw .setting("patterns: each needs exactly one *, for the job id")
        }
        options = RedisOptions(settings)
        do throws(SystemError) {
            var mailboxes: [Mailbox<WorkerMail>] = []
            for _ in 0..<loops { mailboxes.append(try Mailbox()) }
            house = House(
                settings: settings, listen: try ListenAddress(settings.listen),
                metrics: Metrics(
                    loops: loops, version: Self.version,
                    startedAt: Double(WallClock.milliseconds()) / 1_000),
                log: log, mailboxes: mailboxes)
        } catch {
            throw .system(error)
        }
    }

    /// Serves until it has been told to stop and everybody was sent away.
    public func run(whenListening: (Int) -> Void = { _ in }) throws(StartFault) {
        let first = try Worker(index: 0, house: house)
        try first.listen()
        let threads = try startOthers(port: first.port)
        first.start(makeFeed(for: first))
        try first.hearSignals()
        whenListening(first.port)
        house.log.info("listening", ["address": "\(house.settings.listen)", "port": "\(first.port)", "loops": "\(house.mailboxes.count)"])
        first.run()
        for thread in threads { thread.join() }
        house.log.info("stopped")
    }
}
