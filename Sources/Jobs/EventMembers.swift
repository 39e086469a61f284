// EventMembers is one walk over an event's members: for each meaning of the dialect table, the member
// that says it best.
//
// Precedence: the better name first, then the place (`data`, the top level, a nested `job`), then, of
// one name that stands twice, the last. A null says nothing.

import JSON

struct EventMembers: ~Escapable {
    typealias Member = Dialects.Member

    let text: Span<UInt8>
    private let all: [JSONMember]
    private let kind: JobID.Kind
    /// By meaning, but the last three: where the best member stands in `all`, and how good it is (lower is
    /// better). Up to 32 of them are copied without a call (2.5 % of hearing an event, measured).
    private var indices = InlineArray<32, Int32>(repeating: -1)
    private var scores = InlineArray<32, UInt8>(repeating: .max)
    /// The worker's own members of our names, by index.
    private(set) var reserved: [(index: Int, name: StaticString)] = []
    /// Bytes enough for all values that may go into the snapshot.
    private(set) var valueBytes = 0
    /// False when surely no name stands twice at the top level.
    private(set) var mayRepeat = false

    @_lifetime(copy text)
    init(_ outline: borrowing JSONOutline, _ text: Span<UInt8>, of kind: JobID.Kind = .job) {
        self.text = text
        self.kind = kind
        all = outline.members
        var seen: UInt64 = 0
        var index = 0
        while index < all.count {
            let member = all[index]
            if member.depth == 1 {
                let bit: UInt64 = 1 << UInt64(truncatingIfNeeded: text.nameHash(member.key) & 63)
                if seen & bit != 0 || member.keyHasEscapes { mayRepeat = true }
                seen |= bit
                note(member, index)
            }
            index += 1
        }
        noteMembers(of: .data, place: 0)
        noteMembers(of: .job, place: 2)
        if isTaskResult { noteTaskResult() }
    }

    /// The member, of whatever kind it is.
    subscript(_ meaning: Member) -> JSONMember? {
        let index = indices[meaning.slot]
        return index < 0 ? nil : all[Int(index)]
    }

    func has(_ meaning: Member) -> Bool { indices[meaning.slot] >= 0 }

    /// What stands between the quotes of the member, where it is a string.
    func string(_ meaning: Member) -> Range<Int>? {
        guard let member = self[meaning], member.kind == .string else { return nil }
        return member.value.lowerBound + 1..<member.value.upperBound - 1
    }

    private mutating func note(_ member: JSONMember, _ index: Int) {
        guard let (meaning, rank) = meaning(of: member) else { return }
        switch meaning {
        case .type, .event, .timestamp, .data, .job, .taskID, .dateDone:
            indices[meaning.slot] = Int32(truncatingIfNeeded: index)
        case .seq: reserved.append((index, "seq"))
        case .jobID where kind == .job, .feed where kind == .feed:
            reserved.append((index, kind.member))
        case .jobID, .feed: break
        default: note(meaning, rank, place: 1, member, index)
        }
    }

    private mutating func noteMembers(of outer: Member, place: UInt8) {
        guard self[outer]?.kind == .object else { return }
        var index = Int(indices[outer.slot]) + 1
        while index < all.count, all[index].depth == 2 {
            let member = all[index]
            if let (meaning, rank) = meaning(of: member), meaning.slot < Member.type.slot {
                note(meaning, rank, place: place, member, index)
            }
            index += 1
        }
    }

    /// Of a task that runs, the result is what it says on the way; there its `status` is a message. Of
    /// one that was stopped, it is the exception. What a task has returned is nobody's news but its own.
    private mutating func noteTaskResult() {
        guard self[.result]?.kind == .object, celeryState?.outcome != .succeeded else { return }
        var index = Int(indices[Member.result.slot]) + 1
        while index < all.count, all[index].depth == 2 {
            let member = all[index]
            if let (meaning, rank) = meaning(of: member) {
                switch meaning {
                case .status: note(.message, 1, place: 0, member, index)
                case .progress, .current, .total, .currentStep, .completedSteps, .message,
                    .etaSeconds, .exceptionType, .exceptionMessage:
                    note(meaning, rank, place: 0, member, index)
                default: break
                }
            }
            index += 1
        }
    }

    private mutating func note(
        _ meaning: Member, _ rank: UInt8, place: UInt8, _ member: JSONMember, _ index: Int
    ) {
        valueBytes += member.value.count
        let score = rank * 4 + place
        let isNull = member.kind == .null
        guard isNull ? score == scores[meaning.slot] : score <= scores[meaning.slot] else { return }
        scores[meaning.slot] = isNull ? .max : score
        indices[meaning.slot] = isNull ? -1 : Int32(truncatingIfNeeded: index)
    }

    private func meaning(of member: JSONMember) -> (member: Member, rank: UInt8)? {
        guard member.keyHasEscapes else { return Dialects.memberTable.find(text, member.key) }
        let key = text.unescaped(member.key)
        return Dialects.memberTable.find(key.span, 0..<key.count)
    }
}

extension Dialects.Member {
    fileprivate var slot: Int { Int(rawValue) }
}
