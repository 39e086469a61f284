// A blocking connection for tests: TCP, or TLS over it, every wait bounded. Shares nothing with Loop.

import CLinux
import COpenSSL

/// Why a test's connection failed.
public enum ConnectionFault: Error, Equatable {
    case connectFailed(errno: Int32), tlsFailed(String), timedOut, reset(errno: Int32)
    /// The peer ended the stream, in the middle of something or not.
    case ended
    /// What came is not what the protocol allows.
    case malformed(String)
}

/// How to trust a TLS server.
public struct TestTLS: Sendable {
    public var caFile: String
    public var serverName: String

    public init(caFile: String, serverName: String = "localhost") {
        self.caFile = caFile
        self.serverName = serverName
    }
}

@safe
public final class Connection {
    private let descriptor: Int32
    private var ssl: OpaquePointer?
    private var context: OpaquePointer?
    private var received: [UInt8] = []
    private var pendingStart = 0
    /// Received and not yet taken.
    private var pending: ArraySlice<UInt8> { received[pendingStart...] }

    /// `preamble` is sent before TLS begins. `receiveBufferBytes` makes a client that the kernel stops early, for tests of slow ones.
    public init(
        host: String = "127.0.0.1", port: Int, tls: TestTLS? = nil,
        patienceSeconds: Int = Patience.seconds, receiveBufferBytes: Int32? = nil,
        preamble: [UInt8] = []
    ) throws(ConnectionFault) {
        descriptor = socket(AF_INET, linux_stream_type(), 0)
        guard descriptor >= 0 else { throw .connectFailed(errno: linux_errno()) }
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            set(option, timeval(tv_sec: patienceSeconds, tv_usec: 0))
        }
        linux_set_option(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        if let receiveBufferBytes {
            linux_set_option(descriptor, SOL_SOCKET, SO_RCVBUF, receiveBufferBytes)
        }

        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        guard unsafe inet_pton(AF_INET, host, &address.sin_addr) == 1 else {
            throw .connectFailed(errno: EINVAL)
        }
        let length = socklen_t(MemoryLayout<sockaddr_in>.size)
        // Sound: connect only reads `length` bytes of the address, which lives until it returns.
        let result = unsafe withUnsafePointer(to: &address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, length)
            }
        }
        guard result == 0 else { throw .connectFailed(errno: linux_errno()) }
        try send(preamble)
        if let tls { try startTLS(tls) }
    }

    deinit {
        unsafe SSL_free(ssl)
        unsafe SSL_CTX_free(context)
        CLinux.close(descriptor)
    }

    public func send(_ bytes: [UInt8]) throws(ConnectionFault) {
        var sent = 0
        while sent < bytes.count {
            // Sound: the pointer and the count are of one buffer that outlives the call.
            let count = unsafe bytes.withUnsafeBytes { buffer in
                let rest = unsafe UnsafeRawBufferPointer(rebasing: buffer[sent...])
                return if let ssl = unsafe ssl {
                    unsafe Int(SSL_write(ssl, rest.baseAddress, Int32(clamping: rest.count)))
                } else {
                    unsafe linux_send(descriptor, rest.baseAddress, rest.count)
                }
            }
            guard count > 0 else { throw fault() }
            sent += count
        }
    }

    /// The next bytes, at least one; `.ended` where there are no more.
    public func receive() throws(ConnectionFault) -> [UInt8] {
        if pending.isEmpty { try receiveMore() }
        return take(pending.count)
    }

    public func receive(exactly count: Int) throws(ConnectionFault) -> [UInt8] {
        while pending.count < count { try receiveMore() }
        return take(count)
    }

    /// All up to and with `mark`.
    public func receive(through mark: String) throws(ConnectionFault) -> String {
        let mark = Array(mark.utf8)
        var searched = 0
        while true {
            if let end = pending.end(of: mark, from: searched) {
                return String(decoding: take(end), as: UTF8.self)
            }
            searched = max(0, pending.count - mark.count + 1)
            try receiveMore()
        }
    }

    private func take(_ count: Int) -> [UInt8] {
        defer { pendingStart += count }
        return Array(pending.prefix(count))
    }

    private func receiveMore() throws(ConnectionFault) {
        received.removeFirst(pendingStart)
        pendingStart = 0
        let capacity = 65_536
        var count = 0
        // Sound: as in `send`; the array's count is what the call says it wrote.
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, initialized in
            count =
                if let ssl = unsafe ssl {
                    unsafe Int(SSL_read(ssl, buffer.baseAddress, Int32(capacity)))
                } else {
                    unsafe recv(descriptor, buffer.baseAddress, capacity, 0)
                }
            initialized = max(count, 0)
        }
        guard count != 0 else { throw .ended }
        guard count > 0 else { throw fault() }
        received += bytes
    }

    /// All until the peer ends the stream.
    public func receiveToEnd() throws(ConnectionFault) -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            do throws(ConnectionFault) {
                bytes += try receive()
            } catch {
                guard error == .ended else { throw error }
                return bytes
            }
        }
    }

    /// Ends our direction; the peer sees the end of the stream.
    public func shutDownSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    private func set(_ option: Int32, _ wait: timeval) {
        var wait = wait
        unsafe setsockopt(
            descriptor, SOL_SOCKET, option, &wait, socklen_t(MemoryLayout<timeval>.size))
    }

    private func startTLS(_ tls: TestTLS) throws(ConnectionFault) {
        // OpenSSL writes without MSG_NOSIGNAL; a peer that is gone must not end the test process.
        linux_ignore_sigpipe()
        unsafe context = SSL_CTX_new(TLS_client_method())
        guard unsafe SSL_CTX_load_verify_locations(context, tls.caFile, nil) == 1 else {
            throw .tlsFailed("cannot read \(tls.caFile)")
        }
        unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        unsafe ssl = SSL_new(context)
        unsafe SSL_set1_host(ssl, tls.serverName)
        unsafe SSL_set_fd(ssl, descriptor)
        guard unsafe SSL_connect(ssl) == 1 else {
            let reason = unsafe ERR_reason_error_string(ERR_get_error())
            throw .tlsFailed(unsafe reason.map { unsafe String(cString: $0) } ?? "no handshake")
        }
    }

    private func fault() -> ConnectionFault {
        let code = linux_errno()
        return code == EAGAIN || code == EWOULDBLOCK ? .timedOut : .reset(errno: code)
    }
}

extension ArraySlice<UInt8> {
    /// How many bytes there are up to and with the first `mark` that begins behind so many.
    fileprivate func end(of mark: [UInt8], from searched: Int) -> Int? {
        // Sound: memchr is given what is left of a buffer that lives as long.
        unsafe withUnsafeBytes { buffer in
            var place = searched
            while place + mark.count <= buffer.count, let base = buffer.baseAddress,
                let found = unsafe memchr(base + place, Int32(mark[0]), buffer.count - place)
            {
                place = unsafe UnsafeRawPointer(found) - base
                if unsafe buffer[place...].starts(with: mark) { return place + mark.count }
                place += 1
            }
            return nil
        }
    }
}
