// Whether Redis can be reached and lets us hear the configured patterns. The first answer decides.

import Loop
import Redis
import Settings

final class ConnectionCheck: RedisSubscriberOwner {
    private let loop: Loop
    private let address: RedisAddress
    private let settings: Settings
    private var failure: Failure?

    init(_ settings: Settings) throws(Failure) {
        self.settings = settings
        do throws(RedisURLFault) {
            address = try RedisAddress(parsing: settings.redisURL.text)
        } catch { throw Failure(.usage, "\(error)") }
        do throws(SystemError) { loop = try Loop() } catch { throw Failure(.failed, "\(error)") }
    }

    func run() throws(Failure) {
        guard !settings.patterns.isEmpty else { return }  // Told as a problem of its own.
        let subscriber = RedisSubscriber(
            loop: loop, address: address, options: RedisOptions(settings),
            patterns: settings.patterns, channels: [], owner: self)
        subscriber.start()
        withExtendedLifetime(subscriber) { loop.run() }
        if let failure { throw failure }
    }

    func subscriberReady(_ subscriber: RedisSubscriber) { loop.stop() }

    func subscriberLost(_ subscriber: RedisSubscriber, _ fault: RedisFault) {
        failure = Failure(fault.exitCode, "\(address): \(fault)")
        loop.stop()
    }

    func subscriber(
        _ subscriber: RedisSubscriber, heard channel: Span<UInt8>, pattern: Int?,
        payload: Span<UInt8>
    ) {}
    func subscriberReadDone(_ subscriber: RedisSubscriber) {}
    func subscriberRetrying(after delay: Duration) {}
}
