// Several clients at once, each on a thread of its own. A thread's fault is the test's.

import Loop
import Synchronization

final class Crowd {
    private let faults = Faults()
    private var threads: [LoopThread] = []

    private final class Faults: Sendable {
        let first = Mutex<(any Error)?>(nil)
    }

    func add(_ body: @escaping @Sendable () throws -> Void) throws {
        let faults = faults
        threads.append(
            try LoopThread.start(name: "client") {
                do { try body() } catch { faults.first.withLock { $0 = $0 ?? error } }
            })
    }

    /// Waits for all.
    func join() throws {
        for thread in threads { thread.join() }
        threads = []
        if let fault = faults.first.withLock({ $0 }) { throw fault }
    }

    deinit { for thread in threads { thread.join() } }
}
