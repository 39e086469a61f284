// The memory a loop lends to all its streams in turn: bytes just received or about to be sent over
// TLS, the pieces of one gather write, the events of one wait.
//
// Invariant: nothing in here outlives the call it was filled for. `unsafe` marks pointers into
// memory that lives as long as the object and is indexed below its capacity.

import Bytes
import CLinux

@safe
final class Scratch {
    let capacity: Int
    @unsafe let base: UnsafeMutablePointer<UInt8>

    init(capacity: Int) {
        self.capacity = capacity
        unsafe base = .allocate(capacity: capacity)
        unsafe base.initialize(repeating: 0, count: capacity)
    }

    deinit { unsafe base.deallocate() }

    /// Nil when there is nothing yet, zero when there will be nothing more.
    func receive(
        from descriptor: borrowing Descriptor, atMost count: Int
    ) throws(SystemError) -> Int? {
        try unsafe descriptor.receive(into: base, count: min(count, capacity))
    }

    /// The same, and the bytes stay where they are.
    func peek(
        _ descriptor: borrowing Descriptor, atMost count: Int
    ) throws(SystemError) -> Int? {
        try unsafe descriptor.receive(
            into: base, count: min(count, capacity), flags: Int32(MSG_PEEK))
    }

    /// The first `count` bytes, until the scratch is filled again.
    @_lifetime(borrow self)
    func span(_ count: Int) -> Span<UInt8> {
        precondition(count <= capacity)
        let span = unsafe Span(_unsafeStart: UnsafePointer(base), count: count)
        return unsafe _overrideLifetime(span, borrowing: self)
    }

    /// Copies what fits of `bytes` to `offset` and returns how much that was.
    func copy(_ bytes: SharedBytes, from start: Int, to offset: Int) -> Int {
        let count = min(bytes.count - start, capacity - offset)
        unsafe (base + offset).update(from: bytes.base + start, count: count)
        return count
    }
}

extension Array<UInt8> {
    /// Appends `bytes` from `start` on in one copy.
    mutating func append(_ bytes: Span<UInt8>, from start: Int) {
        unsafe bytes.withUnsafeBufferPointer { source in
            unsafe append(contentsOf: UnsafeBufferPointer(rebasing: source[start...]))
        }
    }
}

/// The pieces of one gather write. Whoever adds a piece keeps it alive until the write.
@safe
final class GatherList {
    private let pieces: UnsafeMutablePointer<iovec>
    private var count = 0
    private(set) var byteCount = 0

    init() { unsafe pieces = .allocate(capacity: Self.piecesMax) }
    deinit { unsafe pieces.deallocate() }

    var isFull: Bool { count == Self.piecesMax }

    func add(_ bytes: SharedBytes, from start: Int) {
        precondition(!isFull)
        let length = bytes.count - start
        unsafe pieces[count] = iovec(iov_base: bytes.base + start, iov_len: length)
        count += 1
        byteCount += length
    }

    /// Sends what was added and forgets it. Nil means that the kernel takes nothing now.
    func send(to descriptor: borrowing Descriptor) throws(SystemError) -> Int? {
        defer { (count, byteCount) = (0, 0) }
        if count == 1 {
            let only = unsafe pieces[0]
            guard let base = unsafe only.iov_base else { return 0 }
            return try unsafe descriptor.send(
                base.assumingMemoryBound(to: UInt8.self), count: only.iov_len)
        }
        return try unsafe descriptor.send(pieces, count: count)
    }

    /// The kernel's limit, IOV_MAX.
    static let piecesMax = 1024
}

/// What one epoll_wait found.
@safe
final class EventBuffer {
    private let events: UnsafeMutablePointer<epoll_event>
    private let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
        unsafe events = .allocate(capacity: capacity)
    }

    deinit { unsafe events.deallocate() }

    func wait(on epoll: borrowing Descriptor, milliseconds: Int32) -> Int {
        let found = unsafe epoll_wait(epoll.raw, events, Int32(capacity), milliseconds)
        // A signal is not an event: the loop just begins another tick.
        precondition(found >= 0 || linux_errno() == EINTR, "epoll was misused")
        return max(Int(found), 0)
    }

    subscript(index: Int) -> (token: PollToken, readiness: Readiness) {
        precondition(index < capacity)
        let token = unsafe linux_epoll_token(events + index)
        return (PollToken(token), Readiness(rawValue: unsafe events[index].events))
    }
}
