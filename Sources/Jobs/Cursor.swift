// Where a follower stands in a job's history: an epoch, which names one numbering of the job, and the
// number of the last event seen.

public struct Epoch: Hashable, Sendable, CustomStringConvertible {
    public static let lengths = 8...16
    static let lengthMade = 12

    /// 8 to 16 letters and digits.
    public let text: String

    public init?(checking text: String) {
        let utf8 = text.utf8
        guard Self.lengths ~= utf8.count, utf8.allSatisfy(\.isLetterOrDigit) else { return nil }
        self.text = text
    }

    public init?(checking bytes: Span<UInt8>) {
        guard Self.lengths ~= bytes.count else { return nil }
        for place in bytes.indices where !bytes[place].isLetterOrDigit { return nil }
        guard let ascii = try? UTF8Span(validating: bytes) else { return nil }
        text = String(copying: ascii)
    }

    private init(made text: String) { self.text = text }

    /// A name never used before: 62 to the power of 12 of them, so chance is no concern.
    public static func random(using generator: inout some RandomNumberGenerator) -> Epoch {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
        let text = (0..<lengthMade).map { _ in
            letters[Int.random(in: letters.indices, using: &generator)]
        }
        return Epoch(made: String(decoding: text, as: UTF8.self))
    }

    public var description: String { text }
}

/// `epoch:seq`, or a bare `seq` of whatever epoch there is.
public struct Cursor: Hashable, Sendable, CustomStringConvertible {
    public var epoch: Epoch?
    public var seq: UInt64

    public init(epoch: Epoch?, seq: UInt64) {
        self.epoch = epoch
        self.seq = seq
    }

    public init(checking text: String) throws(CursorFault) {
        guard !text.isEmpty else { throw .empty }
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else {
            self.init(epoch: nil, seq: try Self.seq(text[...]))
            return
        }
        guard let epoch = Epoch(checking: String(text[..<colon])) else { throw .badEpoch }
        self.init(epoch: epoch, seq: try Self.seq(text[text.utf8.index(after: colon)...]))
    }

    private static func seq(_ digits: Substring) throws(CursorFault) -> UInt64 {
        guard !digits.isEmpty, digits.utf8.allSatisfy(\.isDigit) else { throw .badSeq }
        guard let seq = UInt64(digits) else { throw .seqTooLarge }
        return seq
    }

    public var description: String { epoch.map { "\($0):\(seq)" } ?? "\(seq)" }
}

/// Why a text is no cursor.
public enum CursorFault: String, Error, Sendable {
    case empty, badEpoch, badSeq, seqTooLarge

    public var message: String {
        switch self {
        case .empty: "a cursor must not be empty"
        case .badEpoch: "the part before the colon is no epoch"
        case .badSeq: "a cursor is <epoch>:<seq> or <seq>"
        case .seqTooLarge: "the seq is too large"
        }
    }
}

extension UInt8 {
    var isDigit: Bool { self &- UInt8(ascii: "0") < 10 }
    var isLetterOrDigit: Bool { isDigit || (self | 0x20) &- UInt8(ascii: "a") < 26 }
}
