// What the kernel refused: which call, and why.

import CLinux

public struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    public enum Call: String, Sendable {
        case accept, bind, connect, epoll, eventfd, listen, open, receive, send, signalfd, socket
        case thread
    }

    public let call: Call
    public let code: Int32

    static let connectionReset = SystemError(call: .receive, code: ECONNRESET)

    public var description: String { "\(call.rawValue): \(Kernel.text(of: code))" }
}
