// Server starts one loop per core and returns when the last one has ended.
//
// Loop 0 runs on the calling thread: it owns the feed and hears the signals. SIGTERM and SIGINT drain,
// SIGHUP reads the certificate and the key sets again, or drains as well where the caller wants it; a second
// SIGTERM does not wait for the grace to pass.

import Feed
import Fleet
import Jobs
import Loop
import Redis
import Settings
import Synchronization
import Telemetry

public struct Server {
    public static let version = "0.1.0"

    private let house: House
    private let listen: ListenAddress
    private let redis: RedisAddress
    private let sources: [Source]

    public init(_ settings: Settings, log: Log) throws(StartFault) {
        var loops = settings.loops == 0 ? min(Processor.count, LoopSet.loopsMax) : settings.loops
        guard loops <= LoopSet.loopsMax else {
            throw .setting("loops", "at most \(LoopSet.loopsMax)")
        }
        do throws(RedisURLFault) {
            redis = try RedisAddress(parsing: settings.redisURL.text)
        } catch {
            throw .setting("redis-url", "\(error)")
        }
        do throws(ListenAddressFault) {
            listen = try ListenAddress.parse(settings.listen)
        } catch {
            throw .setting("listen", error.rawValue)
        }
        // A Unix socket has one listener: the kernel shares out only ports.
        if case .unix = listen.endpoint { loops = 1 }
        sources = try settings.heardSources()
        house = try House(settings: settings, loops: loops, log: log)
    }

    /// Serves until it has been told to stop and everybody was sent away. Tells the port it listens on.
    public func run(
        endsOnHangUp: Bool = false, whenListening: (Int) -> Void = { _ in }
    ) throws(StartFault) {
        Signals.block(Shutdown.signals)
        let first = try Worker(index: 0, house: house)
        let port = try first.listen(on: listen)
        let threads = try startOthers(at: port)
        first.feed = feed(for: first)
        first.fleet = fleet(for: first)
        let shutdown = Shutdown(first, endsOnHangUp: endsOnHangUp)
        try shutdown.begin()
        house.log.info(
            "listening",
            [
                "address": .word(listen), "port": .integer(port),
                "loops": .integer(house.mailboxes.count), "version": .text(Self.version),
                "node": .word(house.node),
            ])
        whenListening(port)
        first.feed?.start()
        first.startFleet()
        let keys = try startKeyKeeper()
        let hook = try startRightsHook()
        first.run()
        house.keyKeeper?.stop()
        house.rightsHook?.stop()
        keys?.join()
        hook?.join()
        for thread in threads { thread.join() }
        guard !house.hasFailed.load(ordering: .relaxed) else { throw .loopFailed }
        house.log.info("stopped")
    }

    /// What it tells waits in the mailboxes until the loops run.
    private func startKeyKeeper() throws(StartFault) -> LoopThread? {
        guard let keeper = house.keyKeeper else { return nil }
        do throws(SystemError) {
            return try LoopThread.start(name: "jobwire-keys") { keeper.run() }
        } catch { throw .system(error) }
    }

    private func startRightsHook() throws(StartFault) -> LoopThread? {
        guard let hook = house.rightsHook else { return nil }
        do throws(SystemError) {
            return try LoopThread.start(name: "jobwire-hook") { hook.run() }
        } catch { throw .system(error) }
    }

    private func feed(for worker: Worker) -> any JobFeed {
        let settings = house.settings
        let tell = { [unowned worker] (news: FeedNews) in worker.hear(news) }
        guard settings.history == .redis else {
            return Feed(
                loop: worker.loop, address: redis, options: RedisOptions(settings),
                sources: sources, limits: FeedLimits(settings), tell: tell)
        }
        return RecordedFeed(
            loop: worker.loop, address: redis, options: RedisOptions(settings),
            sources: sources, limits: FeedLimits(settings),
            recorded: RecordedFeedOptions(settings), tell: tell)
    }

    private func fleet(for worker: Worker) -> Fleet {
        let settings = house.settings
        return Fleet(
            loop: worker.loop, address: redis, options: RedisOptions(settings),
            keyPrefix: settings.keyPrefix, node: house.node, limits: FleetLimits(settings)
        ) { [unowned worker] in worker.share($0) }
    }

    /// The other loops share the port that the first one was given.
    private func startOthers(at port: Int) throws(StartFault) -> [LoopThread] {
        var threads: [LoopThread] = []
        guard let address = try? listen.with(port: port) else { return [] }
        for index in house.mailboxes.indices.dropFirst() {
            do throws(SystemError) {
                let house = house
                threads.append(
                    try LoopThread.start(name: "loop-\(index)") {
                        Self.serve(index, house, address)
                    })
            } catch {
                throw .system(error)
            }
        }
        return threads
    }

    private static func serve(_ index: Int, _ house: House, _ address: ListenAddress) {
        defer { house.loopsEnded.add(1, ordering: .relaxed) }
        do throws(StartFault) {
            let worker = try Worker(index: index, house: house)
            _ = try worker.listen(on: address)
            worker.run()
        } catch {
            house.log.error(
                "loop_failed", ["loop": .integer(index), "error": .word(error)])
            house.hasFailed.store(true, ordering: .relaxed)
            house.postToAll(.stop)
        }
    }
}
