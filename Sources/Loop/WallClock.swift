// What the calendar says. It orders nothing and measures nothing: see Instant for that.

import CLinux

public enum WallClock {
    /// Milliseconds since 1970.
    public static func milliseconds() -> Int64 {
        var time = timespec()
        // Sound: the kernel fills the struct, and nothing keeps the pointer.
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
