// A port of this machine where connects wait for ever: somebody listens, and the queue is full.

import CLinux

@safe
public final class SilentPort {
    public struct Failure: Error {}

    public let port: Int
    private let sockets: [Int32]

    public init() throws {
        // One listens, and of the others the first is let in and fills the queue.
        sockets = (0..<3).map { _ in linux_stream_socket(AF_INET) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let sockets = sockets
        // Sound: the address lives during all calls.
        let isListening = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                guard unsafe bind(sockets[0], pointer, length) == 0, listen(sockets[0], 0) == 0,
                    unsafe getsockname(sockets[0], pointer, &length) == 0
                else { return false }
                for socket in sockets.dropFirst() { _ = unsafe connect(socket, pointer, length) }
                return true
            }
        }
        guard isListening else { throw Failure() }
        port = Int(UInt16(bigEndian: address.sin_port))
    }

    deinit { for socket in sockets { close(socket) } }
}
