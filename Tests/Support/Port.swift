// Port is a loopback port that a server of a test has for itself, also while the server is down.
//
// It lies below the range from which the kernel takes ports for whoever connects, so that nobody's connection
// has it, not even one of ours to that very port. And no other test takes it, in whatever process: who has a
// port also holds the abstract Unix socket of its number, which ends with the process at the latest.
// Tests/EndToEnd/support/ports.py claims them in the same way.

import Glibc

public final class Port: Sendable {
    public let number: Int
    private let claim: Int32

    public struct NoneLeft: Error {}

    /// The kernel's begin at 32768; the usual servers are found below 20000.
    private static let candidates = 20_000..<32_768

    public init() throws {
        let start = Int.random(in: Self.candidates)
        for number in [start..<Self.candidates.upperBound, Self.candidates.lowerBound..<start]
            .joined()
        {
            guard let claim = Self.claim(number) else { continue }
            if Self.isFree(number) {
                (self.number, self.claim) = (number, claim)
                return
            }
            close(claim)
        }
        throw NoneLeft()
    }

    deinit { close(claim) }

    private static func claim(_ number: Int) -> Int32? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // An abstract name begins with a zero.
        let name = [0] + Array("jobwire-test-port-\(number)".utf8)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: name) }
        return bound(AF_UNIX, &address, MemoryLayout<sa_family_t>.size + name.count)
    }

    private static func isFree(_ number: Int) -> Bool {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(number).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        guard let probe = bound(AF_INET, &address, MemoryLayout<sockaddr_in>.size) else {
            return false
        }
        close(probe)
        return true
    }

    /// A socket with this address; nil where somebody has it.
    private static func bound<Address>(
        _ family: Int32, _ address: inout Address, _ length: Int
    ) -> Int32? {
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | O_CLOEXEC, 0)
        // Sound: bind only reads `length` bytes, which the address has, until it returns.
        let result = unsafe withUnsafePointer(to: &address) { address in
            unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, socklen_t(length))
            }
        }
        if result == 0 { return descriptor }
        close(descriptor)
        return nil
    }
}
