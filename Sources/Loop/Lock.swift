// A pthread mutex. Not Synchronization's, for which the thread sanitizer reports races that are
// none.

import CLinux

/// `unsafe` is sound because the mutex has one address from `init` to `deinit`, and nobody can
/// hold a value that is not copyable after its `deinit`.
@safe
struct Lock: ~Copyable, @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>

    init() {
        unsafe mutex = .allocate(capacity: 1)
        unsafe pthread_mutex_init(mutex, nil)
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    func withLock<Result>(_ body: () -> Result) -> Result {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return body()
    }
}
