// What the kernel says about this process, as the process_* metrics every dashboard knows. Only
// what is cheap to get: nothing here walks a list of descriptors.
//
// `unsafe` is sound here: each call writes to a local value whose address it gets for that call.

import Glibc

public struct ProcessReadings: Sendable {
    let cpuSeconds: Double
    let residentBytes: UInt64
    let virtualBytes: UInt64
    let descriptorsMax: UInt64

    public static func read() -> ProcessReadings? {
        var usage = rusage()
        var limit = rlimit()
        guard unsafe getrusage(RUSAGE_SELF.rawValue, &usage) == 0,
            unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0,
            let pages = memoryPages()
        else { return nil }
        let pageBytes = UInt64(sysconf(Int32(_SC_PAGESIZE)))
        return Self(
            cpuSeconds: usage.ru_utime.seconds + usage.ru_stime.seconds,
            residentBytes: pages.resident * pageBytes, virtualBytes: pages.all * pageBytes,
            descriptorsMax: UInt64(limit.rlim_cur))
    }

    func write(startedAt: Double, _ text: inout String) {
        let rows: [(String, String, String, String)] = [
            ("process_cpu_seconds_total", "counter", "CPU time spent", "\(cpuSeconds)"),
            ("process_resident_memory_bytes", "gauge", "Memory in use", "\(residentBytes)"),
            ("process_virtual_memory_bytes", "gauge", "Memory mapped", "\(virtualBytes)"),
            ("process_max_fds", "gauge", "Descriptors that may be open", "\(descriptorsMax)"),
            ("process_start_time_seconds", "gauge", "When it began, since 1970", "\(startedAt)"),
        ]
        for (name, type, help, value) in rows {
            writeHead(name, type, help, &text)
            text += "\(name) \(value)\n"
        }
    }

    /// The first two numbers of /proc/self/statm.
    private static func memoryPages() -> (all: UInt64, resident: UInt64)? {
        let descriptor = unsafe open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = unsafe Glibc.read(descriptor, &bytes, bytes.count)
        guard count > 0 else { return nil }
        let words = String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: " ")
        guard words.count > 1, let all = UInt64(words[0]), let resident = UInt64(words[1]) else {
            return nil
        }
        return (all, resident)
    }
}

extension timeval {
    fileprivate var seconds: Double { Double(tv_sec) + Double(tv_usec) / 1_000_000 }
}
