// A blocking WebSocket client for tests (RFC 6455, RFC 7692). It frames, masks and inflates by code of
// its own, so that a mistake of Wire is not answered by the same mistake; and it can send what no
// honest client would.

public final class WebSocketClient {
    public enum Message: Equatable, Sendable {
        case text(String), binary([UInt8]), ping([UInt8]), pong([UInt8])
        case close(UInt16?, reason: String)
    }

    public enum Refusal: Error, Equatable {
        /// The server answered, but not with 101.
        case answered(HTTPAnswer)
    }

    public let connection: Connection
    /// The server's answer to the handshake.
    public let answer: HTTPAnswer
    public let usesDeflate: Bool
    /// Whether the last message received came compressed.
    public private(set) var lastWasCompressed = false
    /// Pings are answered at once and not told; a test of a silent peer turns that off.
    public var answersPings = true

    public var chosenProtocol: String? { answer.header("sec-websocket-protocol") }

    /// Throws `ConnectionFault` or `Refusal`. `trailing` are frames that don't wait for the answer.
    public init(
        over connection: Connection, _ target: String, protocols: [String] = [],
        deflate: Bool = false, headers: [String] = [], trailing: [UInt8] = []
    ) throws {
        self.connection = connection
        var lines = [
            "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ]
        if !protocols.isEmpty {
            lines.append("Sec-WebSocket-Protocol: " + protocols.joined(separator: ", "))
        }
        if deflate {
            lines.append("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")
        }
        try connection.sendRequest(target, headers: lines + headers, trailing: trailing)
        let head = try connection.answerHead()
        guard head.status == 101 else {
            var refused = head
            let length = head.header("content-length").flatMap { Int($0) } ?? 0
            refused.body = try connection.receive(exactly: length)
            throw Refusal.answered(refused)
        }
        guard head.header("sec-websocket-accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" else {
            throw ConnectionFault.malformed("wrong Sec-WebSocket-Accept")
        }
        answer = head
        let agreed = head.header("sec-websocket-extensions") ?? ""
        usesDeflate = agreed.hasPrefix("permessage-deflate")
        guard usesDeflate == !agreed.isEmpty, deflate || !usesDeflate else {
            throw ConnectionFault.malformed("unasked extension: \(agreed)")
        }
    }

    public convenience init(
        port: Int, _ target: String, protocols: [String] = [], deflate: Bool = false,
        headers: [String] = [], tls: TestTLS? = nil
    ) throws {
        let connection = try Connection(port: port, tls: tls)
        try self.init(
            over: connection, target, protocols: protocols, deflate: deflate, headers: headers)
    }
}

// Sending.
extension WebSocketClient {
    public func send(_ text: String, compressed: Bool = false) throws(ConnectionFault) {
        try send(compressed ? 0xC1 : 0x81, Array(text.utf8), compressed: compressed)
    }

    public func send(_ binary: [UInt8], compressed: Bool = false) throws(ConnectionFault) {
        try send(compressed ? 0xC2 : 0x82, binary, compressed: compressed)
    }

    public func ping(_ payload: [UInt8] = []) throws(ConnectionFault) {
        try sendFrame(0x89, payload)
    }

    public func close(_ code: UInt16? = 1000, reason: String = "") throws(ConnectionFault) {
        let payload = code.map { [UInt8($0 >> 8), UInt8($0 & 0xFF)] + Array(reason.utf8) }
        try sendFrame(0x88, payload ?? [])
    }

    /// A frame with whatever first byte, masked or not.
    public func sendFrame(
        _ firstByte: UInt8, _ payload: [UInt8], masked: Bool = true
    ) throws(ConnectionFault) {
        var frame = [firstByte]
        let maskBit: UInt8 = masked ? 0x80 : 0
        switch payload.count {
        case ..<126: frame.append(maskBit | UInt8(payload.count))
        case ..<65_536:
            frame += [maskBit | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default:
            frame.append(maskBit | 127)
            frame += (0..<8).reversed().map { UInt8(truncatingIfNeeded: payload.count >> ($0 * 8)) }
        }
        if masked {
            let key = (0..<4).map { _ in UInt8.random(in: 0...255) }
            frame += key
            frame += payload.enumerated().map { $0.element ^ key[$0.offset % 4] }
        } else {
            frame += payload
        }
        try connection.send(frame)
    }

    private func send(
        _ firstByte: UInt8, _ payload: [UInt8], compressed: Bool
    ) throws(ConnectionFault) {
        try sendFrame(firstByte, compressed ? Self.stored(payload) : payload)
    }

    /// Deflate without compression: stored blocks, and the header byte of the one whose rest is cut off.
    private static func stored(_ payload: [UInt8]) -> [UInt8] {
        var blocks: [UInt8] = []
        for start in stride(from: 0, to: payload.count, by: 65_535) {
            let block = payload[start..<min(start + 65_535, payload.count)]
            let (low, high) = (UInt8(block.count & 0xFF), UInt8(block.count >> 8))
            blocks += [0x00, low, high, ~low, ~high] + block
        }
        return blocks + [0x00]
    }
}

// Receiving.
extension WebSocketClient {
    /// The next message; `ConnectionFault.ended` where the server ended the stream without one.
    public func next() throws(ConnectionFault) -> Message {
        while true {
            let head = try connection.receive(exactly: 2)
            guard head[1] & 0x80 == 0 else { throw .malformed("a server's frame is masked") }
            guard head[0] & 0x80 != 0 else { throw .malformed("a server's frame is fragmented") }
            let lengthBytes = head[1] == 126 ? 2 : head[1] == 127 ? 8 : 0
            let length =
                lengthBytes == 0
                ? Int(head[1])
                : try connection.receive(exactly: lengthBytes).reduce(0) { $0 << 8 | Int($1) }
            let payload = try connection.receive(exactly: length)
            let message = try message(head[0], payload)
            if case .ping(let payload) = message, answersPings {
                try sendFrame(0x8A, payload)
                continue
            }
            return message
        }
    }

    /// The next message, which has to be text.
    public func nextText() throws(ConnectionFault) -> String {
        let message = try next()
        guard case .text(let text) = message else { throw .malformed("expected text: \(message)") }
        return text
    }

    private func message(
        _ firstByte: UInt8, _ payload: [UInt8]
    ) throws(ConnectionFault) -> Message {
        let isControl = firstByte & 0x08 != 0
        let isCompressed = firstByte & 0x40 != 0
        guard firstByte & 0x30 == 0, !isCompressed || usesDeflate && !isControl else {
            throw .malformed("reserved bits")
        }
        guard !isControl || payload.count <= 125 else { throw .malformed("control frame too long") }
        switch firstByte & 0x0F {
        case 0x1, 0x2:
            lastWasCompressed = isCompressed
            guard let plain = isCompressed ? plainInflated(payload + [0, 0, 0xFF, 0xFF]) : payload
            else { throw .malformed("not deflate") }
            return firstByte & 0x0F == 0x1 ? .text(try text(plain)) : .binary(plain)
        case 0x8:
            guard payload.count != 1 else { throw .malformed("half a close code") }
            let code = payload.isEmpty ? nil : UInt16(payload[0]) << 8 | UInt16(payload[1])
            return .close(code, reason: try text(Array(payload.dropFirst(2))))
        case 0x9: return .ping(payload)
        case 0xA: return .pong(payload)
        default: throw .malformed("opcode \(firstByte & 0x0F)")
        }
    }

    private func text(_ bytes: [UInt8]) throws(ConnectionFault) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .malformed("not UTF-8")
        }
        return text
    }
}
