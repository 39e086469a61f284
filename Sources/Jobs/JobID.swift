// JobID names what has a history: a job or, by the same rules, a feed. It is made at the door and only
// there. A job and a feed of the same name have nothing to do with each other.
//
// Invariant: `text` is 1 to 128 bytes of printable ASCII that are safe in a Redis pattern, in a URL
// path and, unescaped, inside a JSON string.

public struct JobID: Hashable, Sendable, CustomStringConvertible {
    public static let bytesMax = 128

    public enum Kind: UInt8, Sendable, CaseIterable {
        case job, feed

        /// The member of a message that says the name.
        public var member: StaticString {
            switch self {
            case .job: "job_id"
            case .feed: "feed"
            }
        }
    }

    public let text: String
    public let kind: Kind

    public init(checking bytes: Span<UInt8>, kind: Kind = .job) throws(JobIDFault) {
        guard !bytes.isEmpty else { throw .empty }
        guard bytes.count <= Self.bytesMax else { throw .tooLong }
        var dots = 0
        for index in bytes.indices {
            let byte = bytes[index]
            if byte.isLetterOrDigit { continue }
            switch byte {
            case UInt8(ascii: "."): dots += 1
            case UInt8(ascii: " "): throw .space
            case ..<0x20, 0x7F: throw .control
            case 0x80...: throw .notASCII
            case UInt8(ascii: "/"), UInt8(ascii: "*"), UInt8(ascii: "?"), UInt8(ascii: "["),
                UInt8(ascii: "]"), UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "\\"),
                UInt8(ascii: "\""):
                throw .reservedCharacter
            default: break
            }
        }
        guard dots < bytes.count || dots > 2 else { throw .dots }
        guard let ascii = try? UTF8Span(validating: bytes) else { throw .notASCII }
        text = String(copying: ascii)
        self.kind = kind
    }

    public init(checking text: String, kind: Kind = .job) throws(JobIDFault) {
        try self.init(checking: Array(text.utf8).span, kind: kind)
    }

    public var description: String { text }
}

/// Why a text is no job id.
public enum JobIDFault: String, Error, Sendable {
    case empty, tooLong, space, control, notASCII, reservedCharacter, dots

    /// For the client that sent it.
    public var message: String { message(of: .job) }

    public func message(of kind: JobID.Kind) -> String {
        let name = kind == .job ? "a job id" : "a feed's name"
        return switch self {
        case .empty: "\(name) must not be empty"
        case .tooLong: "\(name) has at most \(JobID.bytesMax) bytes"
        case .space: "\(name) must not contain a space"
        case .control: "\(name) must not contain a control character"
        case .notASCII: "\(name) is printable ASCII"
        case .reservedCharacter: "\(name) must not contain any of / * ? [ ] { } \\ \""
        case .dots: "\(name) must not be . or .."
        }
    }
}
