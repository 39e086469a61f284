// Guarded is a value that several loops share, behind a lock. For what happens when a connection begins or
// ends; nothing on the path of an event waits for one.

/// Unchecked, because only the holder of the lock reaches the value.
public final class Guarded<Value>: @unchecked Sendable {
    private let lock = Lock()
    private var value: Value

    public init(_ value: sending Value) { self.value = value }

    public func withLock<Result>(_ body: (inout Value) -> Result) -> Result {
        lock.withLock { body(&value) }
    }
}
