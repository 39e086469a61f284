// What Redis answers to a command (RESP2).

public enum RedisReply: Sendable, Equatable {
    case simple(String)
    case error(String)
    case integer(Int64)
    case bytes([UInt8])
    case null
    case array([RedisReply])

    /// A string's text, however Redis chose to send it.
    public var text: String? {
        switch self {
        case .simple(let text): text
        case .bytes(let bytes): String(validating: bytes, as: UTF8.self)
        case .error, .integer, .null, .array: nil
        }
    }
}
