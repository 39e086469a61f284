// What stands after the question mark, decoded, and percent-decoding for the segments of a path.
//
// `+` stays `+`: a job id may hold one, a token holds none, and nothing that Jobwire reads from a
// query may hold the space that forms write so. A broken escape is an error, never a guess.

public enum QueryFault: String, Error, Sendable {
    case escapeMalformed, notUTF8
}

public struct Query: Sendable {
    private var pairs: [(name: String, value: String)] = []

    /// `raw` is a `RequestHead.query`; nil is an empty one.
    public init(_ raw: String?) throws(QueryFault) {
        for pair in (raw ?? "").utf8.split(separator: UInt8(ascii: "&")) {
            let name = pair.prefix { $0 != UInt8(ascii: "=") }
            pairs.append(
                (
                    try percentDecoded(Substring(name)),
                    try percentDecoded(Substring(pair.dropFirst(name.count + 1)))
                ))
        }
    }

    public func first(_ name: String) -> String? { pairs.first { $0.name == name }?.value }

    public func all(_ name: String) -> [String] {
        pairs.filter { $0.name == name }.map(\.value)
    }
}

/// `%41` becomes `A`. The result is valid UTF-8 or there is none.
public func percentDecoded(_ text: some StringProtocol) throws(QueryFault) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    var rest = text.utf8.makeIterator()
    while let byte = rest.next() {
        guard byte == UInt8(ascii: "%") else {
            bytes.append(byte)
            continue
        }
        guard let high = rest.next().flatMap(ASCII.hexDigit),
            let low = rest.next().flatMap(ASCII.hexDigit)
        else { throw .escapeMalformed }
        bytes.append(high << 4 | low)
    }
    guard let decoded = String(validating: bytes, as: UTF8.self) else { throw .notUTF8 }
    return decoded
}
