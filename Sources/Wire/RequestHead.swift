// One request, without its body, as HeadReader understood it. Owns a copy of its bytes; a name or a
// value becomes a String only when somebody asks for it.
//
// Invariant: every range lies inside `bytes`, and no value holds a control character but tab.

public enum HTTPMethod: Sendable {
    case get, head, post, put, delete, options, patch, other
}

/// How the end of the body is told.
public enum BodyFraming: Equatable, Sendable {
    case none, length(Int), chunked
}

public struct RequestHead: Sendable {
    public let method: HTTPMethod
    public let framing: BodyFraming
    /// False when the client asked to close after this request.
    public let keepsAlive: Bool
    /// The client waits for `Response.continue` before it sends the body.
    public let expectsContinue: Bool

    private let bytes: [UInt8]
    private let pathRange: Range<Int>
    private let queryRange: Range<Int>?
    private let fields: [Field]

    /// One header line. Heads are at most 64 KiB, so that a line takes eight bytes here.
    struct Field {
        let nameStart, nameEnd, valueStart, valueEnd: UInt16

        init(name: Range<Int>, value: Range<Int>) {
            nameStart = UInt16(name.lowerBound)
            nameEnd = UInt16(name.upperBound)
            valueStart = UInt16(value.lowerBound)
            valueEnd = UInt16(value.upperBound)
        }
        var name: Range<Int> { Int(nameStart)..<Int(nameEnd) }
        var value: Range<Int> { Int(valueStart)..<Int(valueEnd) }
    }

    init(copying bytes: Span<UInt8>, line: RequestLine, fields: [Field], meaning: HeaderMeaning) {
        self.bytes = [UInt8](capacity: bytes.count) { $0.append(copying: bytes) }
        self.fields = fields
        method = line.method
        pathRange = line.path
        queryRange = line.query
        framing = meaning.framing
        keepsAlive = !meaning.asksToClose
        expectsContinue = meaning.expectsContinue
    }

    /// As sent: still percent-encoded, begins with a slash.
    public var path: String { bytes.span.text(pathRange) }
    /// As sent, without the question mark; nil where there was none.
    public var query: String? { queryRange.map { bytes.span.text($0) } }

    /// The value of the first header called `name`, which is written in lower case.
    public func first(_ name: String) -> String? {
        for field in fields where bytes.span.spells(name, in: field.name) {
            return bytes.span.text(field.value)
        }
        return nil
    }

    /// The values of all headers called `name`, in the order they came.
    public func all(_ name: String) -> [String] {
        fields.filter { bytes.span.spells(name, in: $0.name) }.map { bytes.span.text($0.value) }
    }

    /// The elements of the comma-separated lists in all headers called `name`.
    public func list(_ name: String) -> [String] {
        fields.filter { bytes.span.spells(name, in: $0.name) }.flatMap { field in
            bytes.span.listElements(in: field.value).map { bytes.span.text($0) }
        }
    }

    /// Whether `token`, in any case, is in the list of a header called `name`.
    public func lists(_ token: String, in name: String) -> Bool {
        fields.contains { field in
            bytes.span.spells(name, in: field.name)
                && bytes.span.listElements(in: field.value).contains {
                    bytes.span.spells(token, in: $0)
                }
        }
    }
}
