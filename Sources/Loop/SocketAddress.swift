// Where a socket is: the kernel's own form, and the short form that a stream keeps of its peer.
//
// `unsafe` here marks views of one local `sockaddr_storage` as the family that its first field
// names; the length that goes with it never exceeds the storage.

import CLinux

struct SocketAddress: Sendable {
    private var storage = sockaddr_storage()
    private var length: socklen_t

    /// Empty, for the kernel to fill.
    init() { length = socklen_t(MemoryLayout<sockaddr_storage>.size) }

    /// Nil unless `host` is an address in digits.
    init?(host: String, port: UInt16) {
        var v4 = sockaddr_in()
        var v6 = sockaddr_in6()
        if unsafe inet_pton(AF_INET, host, &v4.sin_addr) == 1 {
            v4.sin_family = sa_family_t(AF_INET)
            v4.sin_port = port.bigEndian
            unsafe self.init(copying: &v4, count: MemoryLayout<sockaddr_in>.size)
        } else if unsafe inet_pton(AF_INET6, host, &v6.sin6_addr) == 1 {
            v6.sin6_family = sa_family_t(AF_INET6)
            v6.sin6_port = port.bigEndian
            unsafe self.init(copying: &v6, count: MemoryLayout<sockaddr_in6>.size)
        } else {
            return nil
        }
    }

    /// Nil when the path is empty, has a zero byte or is longer than the kernel's 107 bytes.
    init?(unixPath path: String) {
        let bytes = Array(path.utf8)
        guard (1...Self.unixPathBytesMax).contains(bytes.count), !bytes.contains(0) else {
            return nil
        }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        unsafe self.init(copying: &address, count: MemoryLayout<sockaddr_un>.size)
    }

    /// `source` must hold `count` bytes; more than fit are none of ours and trap.
    init(copying source: UnsafeRawPointer, count: Int) {
        length = socklen_t(count)
        precondition(count <= MemoryLayout<sockaddr_storage>.size)
        unsafe withUnsafeMutableBytes(of: &storage) {
            unsafe $0.copyMemory(from: UnsafeRawBufferPointer(start: source, count: count))
        }
    }

    var family: Int32 { Int32(storage.ss_family) }
    var isTCP: Bool { family != AF_UNIX }

    func withPointer<Result>(
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        unsafe withUnsafePointer(to: storage) {
            unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, length)
            }
        }
    }

    mutating func withMutablePointer<Result>(
        _ body: (UnsafeMutablePointer<sockaddr_storage>, UnsafeMutablePointer<socklen_t>) -> Result
    ) -> Result {
        unsafe body(&storage, &length)
    }

    /// The form a stream keeps.
    var peer: PeerAddress {
        unsafe withUnsafeBytes(of: storage) { bytes in
            switch family {
            case AF_INET:
                let v4 = unsafe bytes.loadUnaligned(as: sockaddr_in.self)
                return PeerAddress(
                    v4: UInt32(bigEndian: v4.sin_addr.s_addr), port: UInt16(bigEndian: v4.sin_port))
            case AF_INET6:
                let v6 = unsafe bytes.loadUnaligned(as: sockaddr_in6.self)
                let high = unsafe bytes.loadUnaligned(
                    fromByteOffset: Self.v6AddressOffset, as: UInt64.self)
                let low = unsafe bytes.loadUnaligned(
                    fromByteOffset: Self.v6AddressOffset + 8, as: UInt64.self)
                return PeerAddress(
                    v6: UInt64(bigEndian: high), UInt64(bigEndian: low),
                    port: UInt16(bigEndian: v6.sin6_port))
            default:
                return .unix
            }
        }
    }

    private static let v6AddressOffset = 8
    private static let unixPathBytesMax = 107
}

/// Who is at the other end, in 24 bytes. Text is made when asked for.
public struct PeerAddress: Hashable, Sendable, CustomStringConvertible {
    private enum Family: UInt8 { case unix, v4, v6 }

    private let high: UInt64
    private let low: UInt64
    public let port: UInt16
    private let family: Family

    public static let unix = PeerAddress(high: 0, low: 0, port: 0, family: .unix)

    var isV4: Bool { family == .v4 }
    /// Not a Unix socket's.
    public var isIP: Bool { family != .unix }
    /// An IPv4 address lies in the last 32 bits.
    var bits: UInt128 { UInt128(high) << 64 | UInt128(low) }

    private init(high: UInt64, low: UInt64, port: UInt16, family: Family) {
        (self.high, self.low, self.port, self.family) = (high, low, port, family)
    }

    init(v4: UInt32, port: UInt16) {
        self.init(high: 0, low: UInt64(v4), port: port, family: .v4)
    }

    /// A v4 address that came by a v6 socket (`::ffff:…`) is the v4 address it stands for.
    init(v6 high: UInt64, _ low: UInt64, port: UInt16) {
        if high == 0, low >> 32 == 0xFFFF {
            self.init(v4: UInt32(truncatingIfNeeded: low), port: port)
        } else {
            self.init(high: high, low: low, port: port, family: .v6)
        }
    }

    /// The address without the port; `unix` for a Unix socket.
    public var ip: String {
        switch family {
        case .unix: return "unix"
        case .v4:
            return stride(from: 24, through: 0, by: -8)
                .map { String(low >> UInt64($0) & 0xFF) }.joined(separator: ".")
        case .v6:
            var bytes = (high.bigEndian, low.bigEndian)
            var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
            let found = unsafe inet_ntop(AF_INET6, &bytes, &text, socklen_t(text.count))
            precondition(unsafe found != nil)
            return String(
                decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
    }

    /// Without a port where none is known, as of a client behind a proxy.
    public var description: String {
        switch family {
        case .unix: "unix"
        case _ where port == 0: ip
        case .v4: "\(ip):\(port)"
        case .v6: "[\(ip)]:\(port)"
        }
    }
}
