// Where to connect to and where to listen, as people write it.

public enum Endpoint: Sendable, Hashable, CustomStringConvertible {
    case tcp(host: String, port: Int)
    case unix(path: String)

    public var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

public enum ListenAddressFault: String, Error, Sendable {
    case portMissing, portNotANumber, notAnAddress, pathNotUsable
}

/// `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`, `:8080` for every address of the machine, or
/// `unix:/run/jobwire.sock`.
public struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
    public let endpoint: Endpoint

    public static func parse(_ text: String) throws(ListenAddressFault) -> ListenAddress {
        if text.hasPrefix("unix:") { return try ListenAddress(unixPath: String(text.dropFirst(5))) }
        guard let colon = text.lastIndex(of: ":") else { throw .portMissing }
        let digits = text[text.index(after: colon)...]
        guard let port = UInt16(digits), digits.allSatisfy(\.isNumber) else {
            throw .portNotANumber
        }
        var host = text[..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        if isBracketed { host = host.dropFirst().dropLast() }
        guard isBracketed == host.contains(":") else { throw .notAnAddress }
        return try ListenAddress(host: String(host), port: Int(port))
    }

    /// An empty host means every address of the machine.
    public init(host: String, port: Int) throws(ListenAddressFault) {
        guard let number = UInt16(exactly: port) else { throw .portNotANumber }
        let digits = host == "localhost" ? "127.0.0.1" : host
        guard digits.isEmpty || SocketAddress(host: digits, port: number) != nil else {
            throw .notAnAddress
        }
        endpoint = .tcp(host: digits, port: port)
    }

    public init(unixPath: String) throws(ListenAddressFault) {
        guard SocketAddress(unixPath: unixPath) != nil else { throw .pathNotUsable }
        endpoint = .unix(path: unixPath)
    }

    /// The port the kernel chose for the first listener is the one the other loops listen on.
    public func with(port: Int) throws(ListenAddressFault) -> ListenAddress {
        switch endpoint {
        case .tcp(let host, _): try ListenAddress(host: host, port: port)
        case .unix: self
        }
    }

    public var description: String { endpoint.description }

    /// What to bind, best first: every address is one v6 socket, or v4 where there is no v6.
    var candidates: [SocketAddress] {
        switch endpoint {
        case .tcp(let host, let port):
            (host.isEmpty ? ["::", "0.0.0.0"] : [host]).compactMap {
                SocketAddress(host: $0, port: UInt16(port))
            }
        case .unix(let path): [SocketAddress(unixPath: path)].compactMap(\.self)
        }
    }
}
