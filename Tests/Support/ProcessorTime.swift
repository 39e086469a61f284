// What something costs, however long it had to wait for the processor.

import Glibc

public func processorTime(of body: () throws -> Void) rethrows -> Duration {
    func used() -> Duration {
        var time = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
    let before = used()
    try body()
    return used() - before
}
