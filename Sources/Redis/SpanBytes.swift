// What this room asks of a span of bytes.

import CHiredis

extension Span<UInt8> {
    func isEqual(to other: Span<UInt8>) -> Bool {
        guard count == other.count else { return false }
        // Sound: both lie in memory for the call, and memcmp reads `count` bytes of each.
        return unsafe withUnsafeBytes { mine in
            unsafe other.withUnsafeBytes { theirs in
                guard let mine = mine.baseAddress, let theirs = theirs.baseAddress else {
                    return true
                }
                return unsafe memcmp(mine, theirs, count) == 0
            }
        }
    }

    @inline(__always)
    func isEqual(to text: StaticString) -> Bool {
        // Sound: a static string lives for ever, and the counts are compared first.
        guard count == text.utf8CodeUnitCount else { return false }
        return unsafe withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return true }
            return unsafe memcmp(start, text.utf8Start, count) == 0
        }
    }

    var text: String { unsafe withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) } }
}

extension [UInt8] {
    mutating func append(copying span: Span<UInt8>) {
        // Sound: the pointer does not leave the closure.
        unsafe span.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }
}

/// A place to copy bytes to, again and again; it grows as needed.
struct Scratch {
    private var memory: [UInt8] = []
    private var count = 0

    var span: Span<UInt8> { memory.span.extracting(first: count) }

    mutating func hold(_ bytes: Span<UInt8>) {
        count = bytes.count
        if memory.count < count { memory = Array(repeating: 0, count: count) }
        // Sound: both have at least `count` bytes, and do not overlap.
        unsafe memory.withUnsafeMutableBytes { mine in
            unsafe bytes.withUnsafeBytes { unsafe mine.copyMemory(from: $0) }
        }
    }

    /// Gives memory back that only an unusually long content needed.
    mutating func shrink(to bytesKept: Int) {
        if memory.count > bytesKept { self = Scratch() }
    }
}
