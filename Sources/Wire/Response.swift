// One answer over HTTP, written whole. Responses without a known length (event streams) write
// their head with `head(keepAlive:)` and go on by themselves.

import Bytes

public struct Response: Sendable {
    public var status: Int
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]

    public init(
        status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = []
    ) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// What a client that sent `Expect: 100-continue` waits for.
    public static let `continue` = SharedBytes(Array("HTTP/1.1 100 Continue\r\n\r\n".utf8))

    /// `omitBody` answers HEAD: the length is told, the body stays away.
    public func encoded(keepAlive: Bool, omitBody: Bool = false) -> SharedBytes {
        var bytes = head(keepAlive: keepAlive)
        bytes.removeLast(2)
        if Self.mayHaveBody(status) {
            Self.append("content-length", String(body.count), to: &bytes)
        }
        bytes += "\r\n".utf8
        if Self.mayHaveBody(status) && !omitBody { bytes += body }
        return SharedBytes(bytes)
    }

    /// Status line, headers and the empty line, without a word on the body's length.
    public func head(keepAlive: Bool) -> [UInt8] {
        var bytes = Array("HTTP/1.1 \(status) \(Self.reason(status))\r\n".utf8)
        for (name, value) in headers { Self.append(name, value, to: &bytes) }
        if !keepAlive { Self.append("connection", "close", to: &bytes) }
        bytes += "\r\n".utf8
        return bytes
    }

    /// Control characters become spaces: a value that came from outside can't begin a line.
    private static func append(_ name: String, _ value: String, to bytes: inout [UInt8]) {
        bytes += name.utf8
        bytes += ": ".utf8
        let isClean = value.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
        bytes += isClean ? Array(value.utf8) : value.utf8.map(Self.blankingControls)
        bytes += "\r\n".utf8
    }

    private static func blankingControls(_ byte: UInt8) -> UInt8 {
        byte < 0x20 || byte == 0x7F ? ASCII.space : byte
    }

    private static func mayHaveBody(_ status: Int) -> Bool {
        status >= 200 && status != 204 && status != 304
    }

    private static func reason(_ status: Int) -> String {
        switch status {
        case 101: "Switching Protocols"
        case 200: "OK"
        case 201: "Created"
        case 202: "Accepted"
        case 204: "No Content"
        case 301: "Moved Permanently"
        case 302: "Found"
        case 304: "Not Modified"
        case 400: "Bad Request"
        case 401: "Unauthorized"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 406: "Not Acceptable"
        case 408: "Request Timeout"
        case 409: "Conflict"
        case 413: "Content Too Large"
        case 414: "URI Too Long"
        case 415: "Unsupported Media Type"
        case 417: "Expectation Failed"
        case 426: "Upgrade Required"
        case 429: "Too Many Requests"
        case 431: "Request Header Fields Too Large"
        case 500: "Internal Server Error"
        case 501: "Not Implemented"
        case 503: "Service Unavailable"
        case 505: "HTTP Version Not Supported"
        default: "Status"
        }
    }
}
