// Where lines leave the process. A reader of our log that stops reading must not stop a loop, so a
// line that standard error would not take at once is dropped and counted.
//
// `unsafe` is sound here: each pointer is to a local value and used within the one call.

import Glibc
import Synchronization

public final class StandardError: Sendable {
    private let descriptor: Int32
    private let lost = Atomic<Int>(0)

    /// Standard error, or in tests a pipe.
    public init(descriptor: Int32 = 2) { self.descriptor = descriptor }

    /// Lines dropped since this was last asked.
    public func takeLost() -> Int { lost.exchange(0, ordering: .relaxed) }

    /// One write(2) for each line. A pipe that polls writable has room for `Log.lineBytesMax`.
    public func write(_ line: [UInt8]) {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        // With its reader gone, a pipe polls writable too, and writing would raise SIGPIPE.
        guard unsafe poll(&waiting, 1, 0) == 1, waiting.revents == Int16(POLLOUT) else {
            return countLost()
        }
        let written = unsafe Glibc.write(descriptor, line, line.count)
        if written != line.count { countLost() }
    }

    private func countLost() { lost.add(1, ordering: .relaxed) }
}

extension Log {
    /// The log of the running service.
    public init(level: Level, format: Format, to target: StandardError = StandardError()) {
        self.init(
            level: level, format: format, clock: wallClock, write: { target.write($0) },
            takeLost: { target.takeLost() })
    }
}

/// Milliseconds since 1970.
@Sendable public func wallClock() -> Int64 {
    var time = timespec()
    guard unsafe clock_gettime(CLOCK_REALTIME, &time) == 0 else { return 0 }
    return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
}
