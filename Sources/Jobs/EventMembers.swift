// EventMembers is one walk over an event's members: for each meaning of the dialect table, the member
// that says it best.
//
// Precedence: the better name first, then the place (`data`, the top level, a nested `job`), then, of
// one name that stands twice, the last. A null says nothing.

import JSON

struct EventMembers {
    typealias Member = Dialects.Member

    /// By meaning: where the best member stands in the outline, and how good it is (lower is better).
    private var indices = InlineArray<25, Int32>(repeating: -1)
    private var scores = InlineArray<25, UInt8>(repeating: .max)
    /// The worker's own members of our names: where, and which name.
    private(set) var reserved: [(index: Int, name: StaticString)] = []
    /// False when surely no name stands twice at the top level.
    private(set) var mayRepeat = false

    init(_ outline: JSONOutline, _ text: Span<UInt8>) {
        var seen: UInt64 = 0
        for index in outline.members.indices where outline.members[index].depth == 1 {
            let member = outline.members[index]
            let bit: UInt64 = 1 << UInt64(truncatingIfNeeded: text.nameHash(member.key) & 63)
            if seen & bit != 0 || member.keyHasEscapes { mayRepeat = true }
            seen |= bit
            guard let (meaning, rank) = Self.meaning(of: member, text) else { continue }
            switch meaning {
            case .type, .event, .timestamp, .data, .job: indices[meaning.slot] = Int32(index)
            case .seq: reserved.append((index, "seq"))
            case .jobID: reserved.append((index, "job_id"))
            default: note(meaning, index, rank, place: 1, member.kind)
            }
        }
        noteMembers(of: .data, place: 0, outline, text)
        noteMembers(of: .job, place: 2, outline, text)
    }

    /// Whether it stands there at all, of whatever kind.
    func has(_ meaning: Member) -> Bool { indices[meaning.slot] >= 0 }

    func member(_ meaning: Member, _ outline: JSONOutline) -> JSONMember? {
        let index = indices[meaning.slot]
        return index < 0 ? nil : outline.members[Int(index)]
    }

    func string(_ meaning: Member, _ outline: JSONOutline) -> JSONMember? {
        guard let member = member(meaning, outline), member.kind == .string else { return nil }
        return member
    }

    private mutating func noteMembers(
        of outer: Member, place: UInt8, _ outline: JSONOutline, _ text: Span<UInt8>
    ) {
        guard let found = member(outer, outline), found.kind == .object else { return }
        var index = Int(indices[outer.slot]) + 1
        while index < outline.members.count, outline.members[index].depth == 2 {
            let member = outline.members[index]
            if let (meaning, rank) = Self.meaning(of: member, text),
                meaning.rawValue < Member.type.rawValue
            {
                note(meaning, index, rank, place: place, member.kind)
            }
            index += 1
        }
    }

    private mutating func note(
        _ meaning: Member, _ index: Int, _ rank: UInt8, place: UInt8, _ kind: JSONKind
    ) {
        let score = rank * 4 + place
        let isNull = kind == .null
        guard isNull ? score == scores[meaning.slot] : score <= scores[meaning.slot] else { return }
        scores[meaning.slot] = isNull ? .max : score
        indices[meaning.slot] = isNull ? -1 : Int32(index)
    }

    private static func meaning(
        of member: JSONMember, _ text: Span<UInt8>
    ) -> (member: Member, rank: UInt8)? {
        guard member.keyHasEscapes else { return Dialects.memberTable.find(text, member.key) }
        let key = text.unescaped(member.key)
        return Dialects.memberTable.find(key.span, 0..<key.count)
    }
}

extension Dialects.Member {
    fileprivate var slot: Int { Int(rawValue) }
}
