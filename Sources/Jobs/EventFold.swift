// EventFold reads out of an event's members what it does to the job's snapshot.
//
//   status, progress, complete, error   every field that the event carries
//   step       the current step and the message; a status here is the step's, not the job's
//   log        the number of lines
//   other      nothing but the time: it tells of nodes, notices and the like
// An event without any type is what its members make it.

import JSON

struct EventFold: ~Escapable {
    /// The event's type with the kind that its content makes it.
    private(set) var type = EventType("message")

    private let members: EventMembers
    private let outline: JSONOutline
    private let text: Span<UInt8>
    private let heardAt: WallTime
    private var meaning = Dialects.Meaning(kind: .other)

    @_lifetime(copy text)
    init(
        _ members: EventMembers, _ outline: JSONOutline, _ text: Span<UInt8>, _ heardAt: WallTime
    ) {
        self.members = members
        self.outline = outline
        self.text = text
        self.heardAt = heardAt
    }

    mutating func change() -> SnapshotChange {
        readType()
        var change = SnapshotChange(at: time)
        switch meaning.kind {
        case .other: break
        case .log: change.logLines = logLines
        case .step:
            copy(.stepName, to: .currentStep, &change)
            copy(.message, to: .message, &change)
        case .status, .progress, .complete, .error: readAll(&change)
        }
        if change.ends { type = EventType(type.name, kind: .complete) }
        return change
    }

    private mutating func readType() {
        if let named = members.string(.type, outline) ?? members.string(.event, outline) {
            readType(named)
        } else {
            meaning = Dialects.meaning(of: unnamedKind)
            type = EventType("message", kind: meaning.kind)
        }
    }

    private mutating func readType(_ named: JSONMember) {
        let inner = named.value.lowerBound + 1..<named.value.upperBound - 1
        if let known = Dialects.typeTable.find(text, inner) {
            (type, meaning) = known
            return
        }
        let name = text.jsonText(inner)
        type = EventType(name)
        guard let normal = Dialects.normalized(name),
            let known = Dialects.typeTable.find(normal.span, 0..<normal.count)
        else { return }
        meaning = known.meaning
        type = EventType(name, kind: meaning.kind)
    }

    private var unnamedKind: EventType.Kind {
        if members.has(.failedReason) { return .error }
        if members.has(.processingTime) { return .complete }
        if members.has(.status) { return .status }
        return members.has(.progress) ? .progress : .other
    }

    private func readAll(_ change: inout SnapshotChange) {
        if let attempt = members.member(.attempt, outline) {
            change.attempt = text.jsonInteger(attempt.value)
        }
        let outcome = readStatus(&change)
        readProgress(outcome, &change)
        copy(.currentStep, to: .currentStep, &change)
        copy(.completedSteps, to: .completedSteps, &change)
        copy(.message, to: .message, &change)
        readError(outcome, &change)
        copy(.result, to: .result, &change)
        copy(.queue, to: .queue, &change)
        copy(.owner, to: .owner, &change)
        copy(.parent, to: .parent, &change)
        copy(.etaSeconds, to: .etaSeconds, &change)
    }

    /// The event's own word counts always; without one, what its type implies counts by its rule.
    private func readStatus(_ change: inout SnapshotChange) -> Dialects.Outcome {
        if let said = members.string(.status, outline), let word = text.jsonString(said.value) {
            let outcome = Dialects.outcome(of: word)
            let isDone = outcome == .succeeded || outcome == .failed
            change.statusRule = .always
            change.ends = isDone || outcome == .other && meaning.kind == .complete
            change.set(.status, text.extracting(said.value))
            return outcome
        }
        guard let implied = meaning.status, !isPassingError else { return .other }
        change.statusRule = meaning.rule
        change.ends = meaning.ends
        change.set(.status, Array(String(describing: implied).utf8).span)
        switch meaning.kind {
        case .complete: return .succeeded
        case .error: return .failed
        default: return .other
        }
    }

    /// An error that the worker goes on after.
    private var isPassingError: Bool {
        guard meaning.kind == .error, let final = members.member(.final, outline) else { return false }
        return text.jsonBool(final.value) == false
    }

    private func readProgress(_ outcome: Dialects.Outcome, _ change: inout SnapshotChange) {
        if meaning.kind == .complete, outcome == .succeeded || outcome == .other {
            change.set(.progress, Self.full.span)
            return
        }
        guard let said = members.member(.progress, outline), said.kind == .number,
            let number = text.jsonDouble(said.value)
        else { return }
        switch number {
        case ..<0: change.set(.progress, Self.zero.span)
        case 0...100: change.set(.progress, text.extracting(said.value))
        default: change.set(.progress, Self.full.span)
        }
    }

    /// Beside an `error` event, a status that ends the job badly may bring one; success takes it away.
    private func readError(_ outcome: Dialects.Outcome, _ change: inout SnapshotChange) {
        guard meaning.kind == .error || outcome == .failed else {
            if outcome == .succeeded { change.set(.error, Self.none.span) }
            return
        }
        let said =
            members.member(.error, outline) ?? members.member(.failedReason, outline)
            ?? (meaning.kind == .error ? members.member(.message, outline) : nil)
        if let said { change.set(.error, text.extracting(said.value)) }
    }

    private var logLines: Int64 {
        guard !members.has(.logLine), let lines = members.member(.lines, outline),
            lines.kind == .array
        else { return 1 }
        var elements = JSONOutline()
        do {
            try elements.read(text.extracting(lines.value))
        } catch {
            return 1
        }
        return Int64(elements.members.count)
    }

    private func copy(
        _ member: Dialects.Member, to field: SnapshotField, _ change: inout SnapshotChange
    ) {
        guard let said = members.member(member, outline) else { return }
        change.set(field, text.extracting(said.value))
    }

    private var time: WallTime {
        guard let said = members.member(.timestamp, outline) else { return heardAt }
        switch said.kind {
        case .string:
            return WallTime(
                reading: text.extracting(said.value.lowerBound + 1..<said.value.upperBound - 1))
                ?? heardAt
        case .number:
            return text.jsonDouble(said.value).flatMap(WallTime.init(epoch:)) ?? heardAt
        default: return heardAt
        }
    }

    private static let none: [UInt8] = []
    private static let zero = Array("0".utf8)
    private static let full = Array("100".utf8)
}
