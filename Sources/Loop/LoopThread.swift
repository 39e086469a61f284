// A thread for one loop. It starts with every signal blocked: signals arrive through `onSignals`.

import CLinux

public struct LoopThread: Sendable {
    private let thread: pthread_t

    /// Linux shows the first 15 bytes of the name.
    public static func start(
        name: String, _ body: @escaping @Sendable () -> Void
    ) throws(SystemError) -> LoopThread {
        let work = Work(name: String(decoding: name.utf8.prefix(15), as: UTF8.self), body: body)
        // Sound: the thread takes back the one reference that is handed over here.
        let context = unsafe Unmanaged.passRetained(work)
        var thread = pthread_t()
        let code = unsafe linux_start_thread(&thread, runWork, context.toOpaque())
        guard code == 0 else {
            unsafe context.release()
            throw SystemError(call: .thread, code: code)
        }
        return LoopThread(thread: thread)
    }

    /// Waits for the body to return. Once, and not from the thread itself.
    public func join() {
        let code = pthread_join(thread, nil)
        precondition(code == 0, "a thread is joined once, by another")
    }

    /// Nobody will join.
    func detach() { pthread_detach(thread) }
}

private final class Work: Sendable {
    let name: String
    let body: @Sendable () -> Void
    init(name: String, body: @escaping @Sendable () -> Void) {
        (self.name, self.body) = (name, body)
    }
}

private func runWork(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context = unsafe context else { return nil }
    let work = unsafe Unmanaged<Work>.fromOpaque(context).takeRetainedValue()
    unsafe linux_name_thread(work.name)
    work.body()
    return nil
}
