// The kinds of JSON value, and the rule that a text broke.

public enum JSONKind: UInt8, Sendable {
    case object, array, string, number, bool, null
}

/// Which rule was broken, and at which byte it was noticed.
public struct JSONFault: Error, Equatable, Sendable {
    public enum Rule: String, Sendable {
        case endedEarly, unexpectedByte, trailingBytes, badLiteral, badNumber, badEscape
        case controlInString, notUTF8, nestedTooDeep, tooLong
    }

    public let rule: Rule
    public let offset: Int

    public init(_ rule: Rule, at offset: Int) {
        self.rule = rule
        self.offset = offset
    }
}
