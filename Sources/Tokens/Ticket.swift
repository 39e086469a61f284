// A ticket stands for a token, for a short while and one use.
//
// It is 32 random bytes. From them come the name under which the sealed token is kept, by a hash, and the key of
// the seal, by a keyed one: who reads what is kept can neither use the ticket nor see the token.

public struct Ticket {
    static let bytesCount = 32
    private static let sealWord = Array("jobwire ticket seal 1".utf8)

    private let secret: [UInt8]

    public init() throws(TokenSetupFault) { secret = try RandomSecret.bytes(Self.bytesCount) }

    /// Nil where the text is no ticket's.
    public init?(_ text: String) {
        var secret: [UInt8] = []
        guard Base64URL.decode(Array(text.utf8).span, into: &secret),
            secret.count == Self.bytesCount
        else { return nil }
        self.secret = secret
    }

    /// What its bearer shows.
    public var text: String { Base64URL.encode(secret) }

    public func name() throws(TokenSetupFault) -> [UInt8] {
        let digest = try Digest(.sha256)
        guard digest.digest(secret.span) else { throw .cryptoUnavailable }
        return Array("ticket:".utf8) + Array(Base64URL.encode(digest.bytes).utf8)
    }

    /// The token as it is kept, with the time, in milliseconds since 1970, when the ticket ends.
    public func sealed(_ token: String, until end: Int64) throws(TokenSetupFault) -> [UInt8] {
        let end = (0..<8).map { UInt8(truncatingIfNeeded: end >> (56 - 8 * $0)) }
        return try seal().close(end + Array(token.utf8))
    }

    /// Nil where this is not what `sealed` made of it, whole.
    public func opened(_ kept: [UInt8]) throws(TokenSetupFault) -> (token: String, end: Int64)? {
        guard let text = try seal().open(kept), text.count >= 8,
            let token = String(validating: text[8...], as: UTF8.self)
        else { return nil }
        return (token, text[..<8].reduce(0) { $0 << 8 | Int64($1) })
    }

    private func seal() throws(TokenSetupFault) -> TicketSeal {
        guard let key = try HMAC(key: secret).code(of: Self.sealWord.span) else {
            throw .cryptoUnavailable
        }
        return try TicketSeal(key: key)
    }
}
