// Upgrade is a request that asks for a WebSocket (RFC 6455, section 4.2) and says everything right.

import Bytes

public enum UpgradeRefusal: String, Error, CaseIterable, Sendable {
    case methodNotGet, upgradeMissing, connectionMissing, bodyNotAllowed
    case versionNotSupported, keyMissing, keyMalformed, protocolsMalformed

    public var response: Response {
        let upgradeNeeded = self == .upgradeMissing || self == .versionNotSupported
        return Response(
            status: self == .methodNotGet ? 405 : upgradeNeeded ? 426 : 400,
            headers: (self == .methodNotGet ? [("allow", "GET")] : [])
                + (upgradeNeeded
                    ? [
                        ("upgrade", "websocket"), ("connection", "upgrade"),
                        ("sec-websocket-version", "13"),
                    ] : [])
                + [("content-type", "application/json")],
            body: Array(#"{"error":{"code":"\#(rawValue)","message":"\#(message)"}}"#.utf8))
    }

    public var message: String {
        switch self {
        case .methodNotGet: "a WebSocket is opened with GET"
        case .upgradeMissing: "this address speaks WebSocket: send Upgrade: websocket"
        case .connectionMissing: "Connection: upgrade is missing; a proxy may have removed it"
        case .bodyNotAllowed: "a WebSocket handshake has no body"
        case .versionNotSupported: "only WebSocket version 13 is spoken here"
        case .keyMissing: "Sec-WebSocket-Key is missing or there are several"
        case .keyMalformed: "Sec-WebSocket-Key is not the base64 of 16 bytes"
        case .protocolsMalformed: "Sec-WebSocket-Protocol is not a list of distinct tokens"
        }
    }
}

public struct Upgrade: Sendable {
    public let key: String
    /// In the client's order of preference.
    public let offeredProtocols: [String]
    /// Nil where the client offered no compression that we can do.
    public let deflate: DeflateOffer?

    public static let offeredProtocolsMax = 16

    public init(reading head: RequestHead) throws(UpgradeRefusal) {
        guard head.lists("websocket", in: "upgrade") else { throw .upgradeMissing }
        guard head.method == .get else { throw .methodNotGet }
        guard head.lists("upgrade", in: "connection") else { throw .connectionMissing }
        guard head.framing == .none || head.framing == .length(0) else { throw .bodyNotAllowed }
        guard head.all("sec-websocket-version") == ["13"] else { throw .versionNotSupported }
        let keys = head.all("sec-websocket-key")
        guard keys.count == 1 else { throw .keyMissing }
        guard AcceptKey.isKey(keys[0]) else { throw .keyMalformed }
        key = keys[0]
        offeredProtocols = head.list("sec-websocket-protocol")
        guard offeredProtocols.count <= Self.offeredProtocolsMax,
            Set(offeredProtocols).count == offeredProtocols.count,
            offeredProtocols.allSatisfy({ $0.utf8.allSatisfy(ASCII.isToken) })
        else { throw .protocolsMalformed }
        deflate = head.element(of: "sec-websocket-extensions") { DeflateOffer($0, $1) }
    }

    /// `protocol` is one of those offered; `deflate` agrees to the offer where there is one.
    public func response(protocol chosen: String?, deflate agreed: Bool) -> SharedBytes {
        var headers = [
            (name: "upgrade", value: "websocket"), ("connection", "upgrade"),
            ("sec-websocket-accept", AcceptKey.answering(key)),
        ]
        if let chosen { headers.append(("sec-websocket-protocol", chosen)) }
        if agreed, let deflate { headers.append(("sec-websocket-extensions", deflate.answer)) }
        return SharedBytes(Response(status: 101, headers: headers).head(keepAlive: true))
    }
}
