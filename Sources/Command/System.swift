// The command line's fence: every call into the system for files, standard streams and the terminal.
//
// EINTR is retried here. `unsafe` marks C strings and buffers that live for one call.

import CLinux

enum System {
    static let input: Int32 = 0
    static let output: Int32 = 1
    static let errors: Int32 = 2

    static func environment() -> [String: String] {
        var found: [String: String] = [:]
        var next = unsafe process_environment()
        while let line = unsafe next?.pointee {
            let text = unsafe String(cString: line)
            if let equals = text.firstIndex(of: "=") {
                found[String(text[..<equals])] = String(text[text.index(after: equals)...])
            }
            unsafe next = next?.advanced(by: 1)
        }
        return found
    }

    static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// Zero where it is no terminal.
    static func columns(_ descriptor: Int32) -> Int { Int(process_terminal_columns(descriptor)) }

    /// All of it, or false: the reader has gone, the disk is full.
    static func write(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe CLinux.write(
                    descriptor, buffer.baseAddress?.advanced(by: written), bytes.count - written)
            }
            if count < 0 {
                if linux_errno() == EINTR { continue }
                guard linux_errno() == EAGAIN else { return false }
                // Somebody made our terminal or pipe non-blocking; we wait all the same.
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = unsafe poll(&waiting, 1, -1)
                continue
            }
            written += count
        }
        return true
    }

    /// What is there, waiting for the first byte; empty at the end. Nil on a failure.
    static func read(_ descriptor: Int32, atMost count: Int) -> [UInt8]? {
        while true {
            var result = 0
            let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
                result = unsafe CLinux.read(descriptor, buffer.baseAddress, count)
                filled = max(result, 0)
            }
            if result >= 0 { return bytes }
            if linux_errno() == EAGAIN {
                var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                _ = unsafe poll(&waiting, 1, -1)
            } else if linux_errno() != EINTR {
                return nil
            }
        }
    }

    /// Whoever started us wants us to go on when the terminal is closed: nohup.
    static var ignoresHangUp: Bool { process_ignores(SIGHUP) != 0 }

    /// Whether a read would not wait.
    static func hasInput(_ descriptor: Int32) -> Bool {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&waiting, 1, 0) == 1
    }

    // MARK: - Files

    static let fileBytesMax = 16 << 20

    static func readFile(_ path: String) throws(FileFault) -> [UInt8] {
        let descriptor = unsafe process_open_for_reading(path)
        guard descriptor >= 0 else { throw .last }
        defer { close(descriptor) }
        return try readAll(descriptor)
    }

    static func readAll(_ descriptor: Int32) throws(FileFault) -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            guard let piece = read(descriptor, atMost: 65_536) else { throw .last }
            if piece.isEmpty { return bytes }
            bytes += piece
            guard bytes.count <= fileBytesMax else { throw FileFault(description: "too large") }
        }
    }

    /// A file that only its owner may read. Nil when there is one already.
    static func createPrivateFile(_ path: String, _ bytes: [UInt8]) throws(FileFault) -> Bool {
        let descriptor = unsafe process_create_private(path)
        guard descriptor >= 0 else {
            if linux_errno() == EEXIST { return false }
            throw .last
        }
        defer { close(descriptor) }
        guard write(bytes, to: descriptor) else { throw .last }
        return true
    }

    /// With all folders above it; readable by their owner only.
    static func makeFolder(_ path: String) throws(FileFault) {
        if unsafe mkdir(path, 0o700) == 0 || linux_errno() == EEXIST { return }
        guard linux_errno() == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex
        else { throw .last }
        try makeFolder(String(path[..<slash]))
        guard unsafe mkdir(path, 0o700) == 0 || linux_errno() == EEXIST else { throw .last }
    }

    static func rename(_ path: String, to new: String) throws(FileFault) {
        guard unsafe process_rename(path, new) == 0 else { throw .last }
    }

    /// A second name for the file. Does nothing where that name is taken.
    static func link(_ path: String, to new: String) throws(FileFault) {
        guard unsafe CLinux.link(path, new) == 0 || linux_errno() == EEXIST else { throw .last }
    }

    static func remove(_ path: String) { _ = unsafe unlink(path) }

    static func isExecutable(_ path: String) -> Bool { unsafe access(path, X_OK) == 0 }

    /// The absolute path of the folder we are in.
    static func currentFolder() -> String {
        var text = [CChar](repeating: 0, count: 4_096)
        guard unsafe getcwd(&text, text.count) != nil else { return "." }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// A lock that lasts until the process ends, however it does. Nil while another process has it.
    static func lock(_ path: String) throws(FileFault) -> FileLock? {
        let descriptor = unsafe process_open_lock(path)
        guard descriptor >= 0 else { throw .last }
        if process_lock(descriptor) == 0 { return FileLock(descriptor: descriptor) }
        let isHeld = linux_errno() == EAGAIN || linux_errno() == EACCES
        let fault = FileFault.last
        close(descriptor)
        guard isHeld else { throw fault }
        return nil
    }

    /// Whether another process has the lock; takes it from nobody.
    static func isLocked(_ path: String) -> Bool {
        let descriptor = unsafe process_open_for_reading(path)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return process_is_locked(descriptor) == 1
    }

    /// Whether nobody else listens on the port. Two bridges may share one on purpose, so the kernel
    /// would let a second one listen without a word.
    static func isPortFree(_ address: String, _ port: UInt16) -> Bool {
        var hints = unsafe addrinfo()
        unsafe hints.ai_flags = AI_NUMERICHOST | AI_PASSIVE
        unsafe hints.ai_socktype = linux_stream_type()
        var found: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(address, String(port), &hints, &found) == 0,
            let first = unsafe found
        else { return true }
        defer { unsafe freeaddrinfo(first) }
        let socket = unsafe linux_stream_socket(first.pointee.ai_family)
        guard socket >= 0 else { return true }
        defer { close(socket) }
        _ = linux_set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1)
        return unsafe bind(socket, first.pointee.ai_addr, first.pointee.ai_addrlen) == 0
            || linux_errno() != EADDRINUSE
    }

    /// A port of the loopback address that nobody uses at this moment, chosen by the kernel.
    static func freePort() -> UInt16? {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let socket = linux_stream_socket(AF_INET)
        guard socket >= 0 else { return nil }
        defer { close(socket) }
        let isBound = unsafe withUnsafeMutableBytes(of: &address) { bytes in
            let pointer = unsafe bytes.assumingMemoryBound(to: sockaddr.self).baseAddress
            return unsafe bind(socket, pointer, size) == 0
                && getsockname(socket, pointer, &size) == 0
        }
        return isBound ? UInt16(bigEndian: address.sin_port) : nil
    }
}

/// Held from when it is made until the process ends.
struct FileLock: Sendable {
    fileprivate let descriptor: Int32
}

struct FileFault: Error, CustomStringConvertible {
    let description: String

    init(description: String) { self.description = description }

    init(code: Int32) {
        var text = [CChar](repeating: 0, count: 128)
        unsafe linux_error_text(code, &text, text.count)
        let bytes = text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:))
        description = String(decoding: bytes, as: UTF8.self)
    }

    /// What the last call failed with.
    static var last: FileFault { FileFault(code: linux_errno()) }
}
