// Where a Redis is and how to get in, read from one URL.
//
//     redis://[user:password@]host[:port][/db]      TCP
//     rediss://…                                    TCP with TLS
//     unix://[user:password@]/path[?db=N]           Unix socket
//
// User, password and path may be percent-encoded. Invariant: neither a fault nor `description`
// repeats the password, so neither repeats any piece of a URL that might hold it.

import Loop

public struct RedisAddress: Sendable, Hashable {
    public let endpoint: Endpoint
    public let usesTLS: Bool
    public let user: String?
    public let password: String?
    public let database: Int

    public static let portDefault = 6379
    /// What `sockaddr_un` holds, less its closing zero.
    public static let socketPathBytesMax = 107

    public init(
        endpoint: Endpoint, usesTLS: Bool = false, user: String? = nil, password: String? = nil,
        database: Int = 0
    ) {
        self.endpoint = endpoint
        self.usesTLS = usesTLS
        self.user = user
        self.password = password
        self.database = database
    }

    public init(parsing url: String) throws(RedisURLFault) {
        guard let (scheme, rest) = Array(url.utf8)[...].cut(at: "://") else { throw .schemeMissing }
        guard !rest.contains(UInt8(ascii: "#")) else { throw .fragment }
        switch String(decoding: scheme, as: UTF8.self).lowercased() {
        case "redis": try self.init(network: rest, usesTLS: false)
        case "rediss": try self.init(network: rest, usesTLS: true)
        case "unix": try self.init(unix: rest)
        default: throw .schemeUnknown
        }
    }

    private init(network text: ArraySlice<UInt8>, usesTLS: Bool) throws(RedisURLFault) {
        guard !text.contains(UInt8(ascii: "?")) else { throw .queryUnknown }
        let (authority, path) = text.cut(at: "/") ?? (text, [])
        let (login, place) = authority.cutLast(at: UInt8(ascii: "@"))
        let (user, password) = try login.map(Self.login) ?? (nil, nil)
        self.init(
            endpoint: try Self.network(place), usesTLS: usesTLS, user: user, password: password,
            database: path.isEmpty ? 0 : try Self.database(path))
    }

    private init(unix text: ArraySlice<UInt8>) throws(RedisURLFault) {
        let (place, query) = text.cut(at: "?") ?? (text, [])
        var path = place
        var (user, password): (String?, String?) = (nil, nil)
        if let (login, absolute) = place.cut(at: "@/"), !login.contains(UInt8(ascii: "/")) {
            (user, password) = try Self.login(login)
            path = [UInt8(ascii: "/")] + absolute
        }
        guard !path.isEmpty else { throw .pathMissing }
        guard query.isEmpty || query.starts(with: "db=".utf8) else { throw .queryUnknown }
        let socket = try Self.decoded(path)
        guard socket.utf8.count <= Self.socketPathBytesMax else { throw .pathTooLong }
        self.init(
            endpoint: .unix(path: socket), user: user, password: password,
            database: query.isEmpty ? 0 : try Self.database(query.dropFirst(3)))
    }

    private static func login(
        _ text: ArraySlice<UInt8>
    ) throws(RedisURLFault) -> (user: String?, password: String?) {
        guard let (user, password) = text.cut(at: ":") else { throw .passwordMissing }
        guard !password.isEmpty else { throw .passwordMissing }
        return (user.isEmpty ? nil : try decoded(user), try decoded(password))
    }

    private static func network(_ text: ArraySlice<UInt8>) throws(RedisURLFault) -> Endpoint {
        var (host, port): (ArraySlice<UInt8>, ArraySlice<UInt8>?) = (text, nil)
        if text.first == UInt8(ascii: "[") {
            guard let (inside, after) = text.dropFirst().cut(at: "]") else { throw .hostMalformed }
            guard inside.allSatisfy(isAddressByte) else { throw .hostMalformed }
            guard after.isEmpty || after.first == UInt8(ascii: ":") else { throw .hostMalformed }
            (host, port) = (inside, after.isEmpty ? nil : after.dropFirst())
        } else {
            if let (name, number) = text.cut(at: ":") { (host, port) = (name, number) }
            guard host.allSatisfy(isHostByte) else { throw .hostMalformed }
        }
        guard !host.isEmpty else { throw .hostMissing }
        let number = port.map { integer($0, upTo: 65_535) } ?? portDefault
        guard let number, number > 0 else { throw .portMalformed }
        return .tcp(host: String(decoding: host, as: UTF8.self), port: number)
    }

    private static func database(_ text: ArraySlice<UInt8>) throws(RedisURLFault) -> Int {
        guard let number = integer(text, upTo: Int(Int32.max)) else { throw .databaseMalformed }
        return number
    }

    private static func integer(_ text: ArraySlice<UInt8>, upTo bound: Int) -> Int? {
        guard !text.isEmpty, text.allSatisfy({ $0 &- 48 < 10 }) else { return nil }
        guard let value = Int(String(decoding: text, as: UTF8.self)) else { return nil }
        return value <= bound ? value : nil
    }

    private static func decoded(_ text: ArraySlice<UInt8>) throws(RedisURLFault) -> String {
        var bytes: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            guard digits.utf8.count == 2, digits.first?.isHexDigit == true,
                let value = UInt8(digits, radix: 16)
            else { throw .escapeMalformed }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        guard !bytes.contains(0), let decoded = String(validating: bytes, as: UTF8.self)
        else { throw .escapeMalformed }
        return decoded
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        isAddressByte(byte) && byte != UInt8(ascii: ":") && byte != UInt8(ascii: "%")
    }

    /// Letters, digits and `-._:%`: a name, an IPv4 address, or IPv6 with a zone.
    private static func isAddressByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: ":"), UInt8(ascii: "-")...UInt8(ascii: "."),
            UInt8(ascii: "_"), UInt8(ascii: "%"):
            true
        default: false
        }
    }
}

extension RedisAddress: CustomStringConvertible, CustomReflectable {
    /// The URL again, with `***` for the password.
    public var description: String {
        let login = password.map { _ in (user ?? "") + ":***@" } ?? ""
        return switch endpoint {
        case .tcp(let host, let port):
            (usesTLS ? "rediss://" : "redis://") + login
                + (host.contains(":") ? "[\(host)]" : host) + ":\(port)/\(database)"
        case .unix(let path): "unix://\(login)\(path)?db=\(database)"
        }
    }

    /// `dump` and failing tests print mirrors; this one is empty so that they print no password.
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// What is wrong with a Redis URL.
public enum RedisURLFault: String, Error, Sendable, CaseIterable, CustomStringConvertible {
    case schemeMissing, schemeUnknown, fragment, queryUnknown, passwordMissing
    case hostMissing, hostMalformed, portMalformed, databaseMalformed
    case pathMissing, pathTooLong, escapeMalformed

    public var description: String {
        switch self {
        case .schemeMissing: "a Redis URL begins with redis://, rediss:// or unix://"
        case .schemeUnknown: "unknown scheme: use redis://, rediss:// (TLS) or unix://"
        case .fragment: "'#' ends a URL: write it as %23 in a password"
        case .queryUnknown:
            "unknown query: only unix://path?db=N has one; write '?' in a password as %3F"
        case .passwordMissing: "a user needs a password: user:password@, or :password@ alone"
        case .hostMissing: "the host is missing; write '/' in a password as %2F"
        case .hostMalformed: "the host is malformed; IPv6 stands in brackets, as in [::1]:6379"
        case .portMalformed: "the port is not a number from 1 to 65535"
        case .databaseMalformed: "the database is not a number, as in redis://host:6379/2"
        case .pathMissing: "the socket's path is missing, as in unix:///run/redis.sock"
        case .pathTooLong:
            "the socket's path has more than \(RedisAddress.socketPathBytesMax) bytes"
        case .escapeMalformed: "a percent escape is malformed: write '%' itself as %25"
        }
    }
}

extension ArraySlice<UInt8> {
    /// What stands before and after the first `mark`, or nil where there is none.
    fileprivate func cut(at mark: String) -> (ArraySlice<UInt8>, ArraySlice<UInt8>)? {
        indices.first { self[$0...].starts(with: mark.utf8) }.map {
            (self[..<$0], self[$0...].dropFirst(mark.utf8.count))
        }
    }

    fileprivate func cutLast(at mark: UInt8) -> (ArraySlice<UInt8>?, ArraySlice<UInt8>) {
        lastIndex(of: mark).map { (self[..<$0], self[($0 + 1)...]) } ?? (nil, self)
    }
}
