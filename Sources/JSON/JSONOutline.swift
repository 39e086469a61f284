// JSONOutline checks a whole JSON text (RFC 8259) and remembers only where the outermost members lie.
//
// There is no tree: a member is two ranges of the caller's bytes, and its value keeps the spelling
// it came with. An outline can be used again for the next text; its storage stays.
//
// Invariant: `members` is in text order, and the members inside a member follow it with a greater
// depth. After a fault the outline is empty.

/// One member of an object, or one element of an array (then `key` is empty and `isElement`).
public struct JSONMember: Sendable {
    private let keyStart: UInt32
    private let keyEnd: UInt32
    private let valueStart: UInt32
    var valueEnd: UInt32
    /// 1 for the members of the outermost value.
    public let depth: UInt8
    public internal(set) var kind: JSONKind
    public let isElement: Bool
    public let keyHasEscapes: Bool

    init(key: Range<Int>?, hasEscapes: Bool, value: Int, depth: Int) {
        keyStart = UInt32(truncatingIfNeeded: key?.lowerBound ?? 0)
        keyEnd = UInt32(truncatingIfNeeded: key?.upperBound ?? 0)
        valueStart = UInt32(truncatingIfNeeded: value)
        valueEnd = valueStart
        self.depth = UInt8(truncatingIfNeeded: depth)
        kind = .null
        isElement = key == nil
        keyHasEscapes = hasEscapes
    }

    /// The key as written, between its quotes.
    public var key: Range<Int> { Int(keyStart)..<Int(keyEnd) }
    /// The value as written; a string with its quotes.
    public var value: Range<Int> { Int(valueStart)..<Int(valueEnd) }
}

public struct JSONOutline: Sendable {
    /// Values inside values, at most. Deeper texts are refused, so that no sender chooses our stack.
    public static let nestingMax = 128

    public internal(set) var kind = JSONKind.null
    /// The outermost value, without the white space around it.
    public internal(set) var value = 0..<0
    public internal(set) var members: [JSONMember] = []
    /// Where `NaN`, `Infinity` and `-Infinity` stand: no JSON, but Python writes them.
    /// Empty unless `read` was told to allow them.
    public internal(set) var nonFinite: [Range<Int>] = []

    /// While reading: the first byte not yet read.
    var at = 0
    var allowsNonFinite = false

    public init() {}

    /// Checks all of `bytes` and notes the members down to `levels` (0: check only).
    public mutating func read(
        _ bytes: Span<UInt8>, levels: Int = 1, allowingNonFinite: Bool = false
    ) throws(JSONFault) {
        clear()
        allowsNonFinite = allowingNonFinite
        do throws(JSONFault) {
            guard bytes.count <= Int(UInt32.max) else { throw JSONFault(.tooLong, at: 0) }
            skipSpace(bytes)
            let start = at
            kind = try readValue(bytes, levels: levels, depth: 0)
            value = start..<at
            skipSpace(bytes)
            guard at == bytes.count else { throw JSONFault(.trailingBytes, at: at) }
        } catch {
            clear()
            throw error
        }
    }

    /// The member of that name: among several the last, as parsers do. With `inside`, the index of
    /// an outer member, looks among its members.
    public func index(of name: String, in bytes: Span<UInt8>, inside outer: Int? = nil) -> Int? {
        let depth = outer.map { members[$0].depth + 1 } ?? 1
        var found: Int?
        var index = outer.map { $0 + 1 } ?? 0
        while index < members.count, members[index].depth >= depth {
            let member = members[index]
            if member.depth == depth, !member.isElement, bytes.key(of: member, is: name) {
                found = index
            }
            index += 1
        }
        return found
    }

    public func member(_ name: String, in bytes: Span<UInt8>) -> JSONMember? {
        index(of: name, in: bytes).map { members[$0] }
    }

    /// The member `name` of the member `outer`.
    public func member(_ outer: String, _ name: String, in bytes: Span<UInt8>) -> JSONMember? {
        guard let outer = index(of: outer, in: bytes) else { return nil }
        return index(of: name, in: bytes, inside: outer).map { members[$0] }
    }

    private mutating func clear() {
        // A huge text must not keep its storage for ever.
        members.removeAll(keepingCapacity: members.capacity <= Self.membersKeptMax)
        nonFinite.removeAll()
        (kind, value, at) = (.null, 0..<0, 0)
    }

    private static let membersKeptMax = 1_024
}
