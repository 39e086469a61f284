// The fence: every call into the kernel that moves bytes, connections or events.
//
// Rules of the fence: EINTR is retried here and seen nowhere else. "Would block" is nil, a value.
// What the world can do to us is thrown as a SystemError. What only our own fault can bring
// about (a closed or wrong descriptor, a wild pointer) traps, in release too.
//
// `unsafe` here marks pointers that live for one call: to locals, or to memory whose owner is
// held by the caller while the call runs.

import CLinux

enum Kernel {
    /// Runs `call` until no signal interrupts it. Nil means that it would block.
    @inline(__always)
    static func retrying(
        _ name: SystemError.Call, _ call: () -> Int
    ) throws(SystemError) -> Int? {
        while true {
            let result = call()
            if result >= 0 { return result }
            let code = linux_errno()
            if code == EINTR { continue }
            if code == EAGAIN { return nil }
            precondition(
                code != EBADF && code != EFAULT && code != ENOTSOCK, "a descriptor was misused")
            throw SystemError(call: name, code: code)
        }
    }

    /// For calls that never block, or where blocking is a failure like any other.
    static func require(
        _ name: SystemError.Call, _ call: () -> Int32
    ) throws(SystemError) -> Int32 {
        guard let result = try retrying(name, { Int(call()) }) else {
            throw SystemError(call: name, code: EAGAIN)
        }
        return Int32(truncatingIfNeeded: result)
    }

    static func close(_ raw: Int32) {
        // Linux closes even when it reports EINTR; only a wrong descriptor is our fault.
        let failed = CLinux.close(raw) < 0
        precondition(!failed || linux_errno() != EBADF, "a descriptor was closed twice")
    }

    static func monotonicNanoseconds() -> Int64 {
        var time = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    static func text(of code: Int32) -> String {
        var text = [CChar](repeating: 0, count: 128)
        unsafe linux_error_text(code, &text, text.count)
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    static func ignoreBrokenPipes() { linux_ignore_sigpipe() }

    /// A file that is gone already is as good as removed.
    static func unlink(_ path: String) { _ = unsafe CLinux.unlink(path) }

    static func block(_ signals: [Int32]) {
        let code = unsafe linux_block_signals(signals, signals.count)
        precondition(code == 0, "no such signal")
    }
}

// MARK: - Sockets

extension Descriptor {
    static func socket(for address: SocketAddress) throws(SystemError) -> Descriptor {
        Descriptor(
            owning: try Kernel.require(.socket) { linux_stream_socket(Int32(address.family)) })
    }

    static func socketPair() throws(SystemError) -> (Int32, Int32) {
        var ends: (Int32, Int32) = (-1, -1)
        _ = try Kernel.require(.socket) {
            unsafe withUnsafeMutableBytes(of: &ends) {
                unsafe linux_stream_pair($0.bindMemory(to: Int32.self).baseAddress)
            }
        }
        return ends
    }

    func bind(to address: SocketAddress) throws(SystemError) {
        _ = try Kernel.require(.bind) {
            unsafe address.withPointer { unsafe CLinux.bind(raw, $0, $1) }
        }
    }

    func listen(backlog: Int32) throws(SystemError) {
        _ = try Kernel.require(.listen) { CLinux.listen(raw, backlog) }
    }

    /// Nil when nobody waits. The peer's address costs nothing extra here.
    func accept() throws(SystemError) -> (raw: Int32, peer: SocketAddress)? {
        var peer = SocketAddress()
        let accepted = try Kernel.retrying(.accept) {
            unsafe peer.withMutablePointer { unsafe Int(linux_accept(raw, $0, $1)) }
        }
        guard let accepted else { return nil }
        return (Int32(truncatingIfNeeded: accepted), peer)
    }

    /// Begins to connect; the socket turns writable when it is decided.
    func connect(to address: SocketAddress) throws(SystemError) {
        do {
            _ = try Kernel.require(.connect) {
                unsafe address.withPointer { unsafe CLinux.connect(raw, $0, $1) }
            }
        } catch  where error.code == EINPROGRESS {}
    }

    /// What a finished attempt to connect came to, or what broke the connection.
    func pendingError(of call: SystemError.Call) -> SystemError? {
        let code = linux_get_option(raw, SOL_SOCKET, SO_ERROR)
        return code == 0 ? nil : SystemError(call: call, code: code)
    }

    func set(_ option: Int32, _ value: Int32, level: Int32) throws(SystemError) {
        _ = try Kernel.require(.socket) { linux_set_option(raw, level, option, value) }
    }

    func localAddress() -> SocketAddress {
        var address = SocketAddress()
        _ = unsafe address.withMutablePointer { storage, length in
            unsafe storage.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(raw, $0, length)
            }
        }
        return address
    }

    /// A peer that is already gone is no news: the next read tells.
    func shutDownWriting() { _ = linux_shut_down_writing(raw) }

    func send(_ bytes: UnsafePointer<UInt8>, count: Int) throws(SystemError) -> Int? {
        try Kernel.retrying(.send) { unsafe linux_send(raw, bytes, count) }
    }

    func send(_ pieces: UnsafeMutablePointer<iovec>, count: Int) throws(SystemError) -> Int? {
        try Kernel.retrying(.send) { unsafe linux_gather(raw, pieces, count) }
    }

    /// Zero means that the peer will send no more.
    func receive(
        into bytes: UnsafeMutablePointer<UInt8>, count: Int, flags: Int32 = 0
    ) throws(SystemError) -> Int? {
        try Kernel.retrying(.receive) { unsafe recv(raw, bytes, count, flags) }
    }
}

// MARK: - Other descriptors

extension Descriptor {
    static func spare() throws(SystemError) -> Descriptor {
        Descriptor(owning: try Kernel.require(.open) { linux_open_null() })
    }

    static func eventCounter() throws(SystemError) -> Descriptor {
        Descriptor(owning: try Kernel.require(.eventfd) { linux_eventfd() })
    }

    /// Makes the counter readable.
    func wake() {
        var one: UInt64 = 1
        _ = unsafe write(raw, &one, 8)
    }

    func clearWakes() {
        var count: UInt64 = 0
        _ = unsafe read(raw, &count, 8)
    }

    static func signals(_ signals: [Int32]) throws(SystemError) -> Descriptor {
        Descriptor(
            owning: try Kernel.require(.signalfd) {
                unsafe linux_signalfd(signals, signals.count)
            })
    }

    func nextSignal() -> (signal: Int32, sender: Signals.Sender)? {
        var report = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        guard unsafe read(raw, &report, size) == size else { return nil }
        let isFromKernel = linux_is_from_kernel(report.ssi_code) == 1
        return (Int32(report.ssi_signo), isFromKernel ? .terminal : .process)
    }
}
