// Whether Redis can be reached and lets us hear the patterns and channels. The first answer decides.

import Loop
import Redis
import Settings

final class ConnectionCheck: RedisSubscriberOwner {
    private let loop: Loop
    private let address: RedisAddress
    private let settings: Settings
    private let patterns: [String]
    private let channels: [String]
    private var outcome: Result<Void, Failure>?

    /// All that is configured, unless told others.
    init(
        _ settings: Settings, patterns: [String]? = nil, channels: [String] = []
    ) throws(Failure) {
        self.settings = settings
        if let patterns {
            self.patterns = patterns
        } else {
            self.patterns = try settings.checkedSources().map(\.pattern.text)
        }
        self.channels = channels
        do throws(RedisURLFault) {
            address = try RedisAddress(parsing: settings.redisURL.text)
        } catch { throw Failure(.usage, "\(error)") }
        do throws(SystemError) { loop = try Loop() } catch { throw Failure(.failed, "\(error)") }
    }

    func run() throws(Failure) {
        let subscriber = RedisSubscriber(
            loop: loop, address: address, options: RedisOptions(settings),
            patterns: patterns, channels: channels, owner: self)
        subscriber.start()
        withExtendedLifetime(subscriber) { loop.run() }
        try outcome?.get()
    }

    func subscriberReady(_ subscriber: RedisSubscriber) { end(.success(())) }

    func subscriberLost(_ subscriber: RedisSubscriber, _ fault: RedisFault) {
        end(.failure(Failure(fault, at: address)))
    }

    private func end(_ outcome: Result<Void, Failure>) {
        self.outcome = self.outcome ?? outcome
        loop.stop()
    }

    func subscriber(
        _ subscriber: RedisSubscriber, heard channel: Span<UInt8>, pattern: Int?,
        payload: Span<UInt8>
    ) {}
    func subscriberReadDone(_ subscriber: RedisSubscriber) {}
    func subscriberRetrying(after delay: Duration) {}
}
