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

    public static let shortBytesMax = 65_536

    /// Of chunks nobody knows.
    public var isLong: Bool {
        switch self {
        case .none: false
        case .length(let bytes): bytes > Self.shortBytesMax
        case .chunked: true
        }
    }
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
        value(where: name) { $0.text($1) }
    }

    /// The values of all headers called `name`, in the order they came.
    public func all(_ name: String) -> [String] {
        var values: [String] = []
        _ = value(where: name) { bytes, value -> Never? in
            values.append(bytes.text(value))
            return nil
        }
        return values
    }

    /// The elements of the comma-separated lists in all headers called `name`.
    public func list(_ name: String) -> [String] {
        var elements: [String] = []
        _ = element(of: name) { bytes, element -> Never? in
            elements.append(bytes.text(element))
            return nil
        }
        return elements
    }

    /// Whether `token`, in any case, is in the list of a header called `name`.
    public func lists(_ token: String, in name: String) -> Bool {
        element(of: name) { $0.spells(token, in: $1) ? true : nil } ?? false
    }

    /// What `read` finds first in an element of a list called `name`.
    func element<Found>(of name: String, _ read: (Span<UInt8>, Range<Int>) -> Found?) -> Found? {
        value(where: name) { bytes, value in
            for element in bytes.listElements(in: value) {
                if let found = read(bytes, element) { return found }
            }
            return nil
        }
    }

    private func value<Found>(
        where name: String, _ read: (Span<UInt8>, Range<Int>) -> Found?
    ) -> Found? {
        let span = bytes.span
        for field in fields where span.spells(name, in: field.name) {
            if let found = read(span, field.value) { return found }
        }
        return nil
    }
}
