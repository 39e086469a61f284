// Answer is what one thread asks and another one answers, waited for and not for ever.

import Dispatch
import Synchronization

public final class Answer<Value: Sendable>: Sendable {
    private let value = Mutex<Value?>(nil)
    private let isThere = DispatchSemaphore(value: 0)

    public init() {}

    public func give(_ answer: Value) {
        value.withLock { $0 = answer }
        isThere.signal()
    }

    /// nil where none came in time.
    public func take() -> Value? {
        _ = isThere.wait(timeout: Patience.end)
        return value.withLock { $0 }
    }
}
