extension RedisIdentity { public var reign: String? { runID } }
extension RedisSubscriber {
    public func subscribe(_ channel: String) {}
    public func unsubscribe(_ channel: String) {}
    public func retryNow() {}
    public convenience init(loop: Loop, address: RedisAddress, options: RedisOptions, patterns: [String], channels: (RedisIdentity) -> [String], owner: any RedisSubscriberOwner) {
        self.init(loop: loop, address: address, options: options, patterns: patterns, channels: [], owner: owner)
    }
}
extension RedisCommands { public func retryNow() {} }
import Loop
