// The fold: what an event's members do to the job's snapshot.
//
//   status, progress, complete, error   every field that the event carries
//   step       the current step and the message; a status here is the step's, not the job's
//   log        the number of lines
//   other      nothing but the time: it tells of nodes, notices and the like
// An event without any type is what its members make it.

import JSON

extension EventMembers {
    typealias Meaning = Dialects.Meaning

    /// The event's type, and what events of that type say.
    func readType() -> (type: EventType, meaning: Meaning) {
        guard let named = string(.type) ?? string(.event) else {
            let kind = isTaskResult ? taskResultKind : unnamedKind
            let name = isTaskResult ? "\(kind)" : "message"
            return (EventType(name, kind: kind), Dialects.meaning(of: kind))
        }
        if let known = Dialects.typeTable.find(text, named) { return known }
        let name = text.jsonText(named)
        guard let normal = Dialects.normalized(name),
            let known = Dialects.typeTable.find(normal.span, 0..<normal.count)
        else { return (EventType(name), Meaning(.other)) }
        return (EventType(name, kind: known.meaning.kind), known.meaning)
    }

    private var unnamedKind: EventType.Kind {
        if has(.failedReason) { return .error }
        if has(.processingTime) { return .complete }
        if has(.status) { return .status }
        if has(.progress) { return .progress }
        return string(.error) != nil ? .error : .other
    }

    func read(_ meaning: Meaning, into change: inout SnapshotChange) {
        switch meaning.kind {
        case .other: break
        case .log: change.logLines = logLines
        case .step:
            copy(.stepName, to: .currentStep, &change)
            copy(.message, to: .message, &change)
        case .status, .progress, .complete, .error: readAll(meaning, &change)
        }
    }

    private func readAll(_ meaning: Meaning, _ change: inout SnapshotChange) {
        change.reserve(valueBytes)
        if let attempt = self[.attempt] {
            change.attempt = text.jsonInteger(attempt.value)
        } else if has(.retries), meaning.task == .received || isTaskResult {
            change.attempt = attemptByRetries
        }
        let outcome = readStatus(meaning, &change)
        readProgress(meaning, outcome, &change)
        copy(.currentStep, to: .currentStep, &change)
        copy(.completedSteps, to: .completedSteps, &change)
        copy(.message, to: .message, &change)
        readError(meaning, outcome, &change)
        if meaning.task == nil, outcome == .succeeded || !isTaskResult {
            copy(.result, to: .result, &change)
        }
        copyQueue(&change)
        copy(.owner, to: .owner, &change)
        if !isOwnParent { copy(.parent, to: .parent, &change) }
        copy(.etaSeconds, to: .etaSeconds, &change)
    }

    /// The event's own word counts always; without one, what its type implies counts by its rule.
    private func readStatus(
        _ meaning: Meaning, _ change: inout SnapshotChange
    ) -> Dialects.Outcome {
        if let word = string(.status) {
            if isTaskResult, let state = celeryState {
                change.ends = state.outcome != .unfinished
                change.set(.status, state.status.span)
                return state.outcome
            }
            let outcome = Dialects.outcome(of: text.extracting(word))
            let isDone = outcome == .succeeded || outcome == .failed
            change.statusRule = .always
            change.ends = isDone || outcome == .other && meaning.kind == .complete
            copy(.status, to: .status, &change)
            return outcome
        }
        guard let implied = meaning.status, !(meaning.kind == .error && isPassing) else {
            return .other
        }
        if let special = special(meaning.task, change.attempt) {
            change.statusRule = .unlessFinal
            change.ends = special.ends
            change.set(.status, special.status.span)
            return .other
        }
        change.statusRule = meaning.rule
        change.ends = meaning.ends
        change.set(.status, implied.span)
        switch meaning.kind {
        case .complete: return .succeeded
        case .error: return .failed
        default: return .other
        }
    }

    /// Whether it is an error that the worker goes on after.
    private var isPassing: Bool {
        guard let final = self[.final] else { return false }
        return text.jsonBool(final.value) == false
    }

    private func readProgress(
        _ meaning: Meaning, _ outcome: Dialects.Outcome, _ change: inout SnapshotChange
    ) {
        if meaning.kind == .complete, outcome == .succeeded || outcome == .other {
            change.set(.progress, Self.full.span)
            return
        }
        guard let said = self[.progress] else { return readShare(meaning, &change) }
        guard said.kind == .number, let number = text.jsonDouble(said.value) else { return }
        if 0...100 ~= number, said.value.count <= Self.numberBytesMax {
            copy(.progress, to: .progress, &change)
        } else {
            set(progress: number, &change)
        }
    }

    /// So many of so many, where no progress is told.
    private func readShare(_ meaning: Meaning, _ change: inout SnapshotChange) {
        guard meaning.kind == .progress, let current = number(.current), let total = number(.total),
            total > 0
        else { return }
        set(progress: (current / total * 10_000).rounded() / 100, &change)
    }

    private func set(progress: Double, _ change: inout SnapshotChange) {
        var writer = JSONWriter()
        writer.double(min(max(progress, 0), 100))
        change.set(.progress, writer.bytes.span)
    }

    private func number(_ member: Member) -> Double? {
        guard let said = self[member], said.kind == .number else { return nil }
        return text.jsonDouble(said.value)
    }

    /// Beside an `error` event, a status that ends the job badly may bring one; success takes it away.
    private func readError(
        _ meaning: Meaning, _ outcome: Dialects.Outcome, _ change: inout SnapshotChange
    ) {
        if isTaskResult, outcome != .succeeded {
            let exception = exception
            if !exception.isEmpty { change.set(.error, exception.span) }
        } else if meaning.kind == .error || outcome == .failed {
            if has(.error) {
                copy(.error, to: .error, &change)
            } else if has(.failedReason) {
                copy(.failedReason, to: .error, &change)
            } else if meaning.task != nil, has(.exception) {
                copy(.exception, to: .error, &change)
            } else if meaning.kind == .error {
                copy(.message, to: .error, &change)
            }
        } else if outcome == .succeeded {
            change.set(.error, Self.none.span)
        }
    }

    private func copy(
        _ member: Member, to field: SnapshotField, _ change: inout SnapshotChange
    ) {
        guard let said = self[member] else { return }
        change.set(field, text.extracting(said.value))
    }

    private func copyQueue(_ change: inout SnapshotChange) {
        guard let said = self[.queue] else { return }
        let json = text.extracting(said.value)
        if let spelled = QueueName.spelled(json: json) {
            change.set(.queue, spelled.span)
        } else {
            change.set(.queue, json)
        }
    }

    /// The event's own time, where it can be read as one.
    var time: WallTime? {
        if let written = string(.timestamp) { return WallTime(reading: text.extracting(written)) }
        guard let said = self[.timestamp] else {
            guard let done = string(.dateDone) else { return nil }
            return WallTime(reading: text.extracting(done))
        }
        guard said.kind == .number else { return nil }
        return text.jsonDouble(said.value).flatMap(WallTime.init(epoch:))
    }

    /// A log event is one line, unless it brings an array of them.
    private var logLines: Int64 {
        guard !has(.logLine), let lines = self[.lines], lines.kind == .array else { return 1 }
        var elements = JSONOutline()
        do {
            try elements.read(text.extracting(lines.value))
        } catch {
            return 1
        }
        return Int64(elements.members.count)
    }

    private static let none: [UInt8] = []
    /// A longer spelling of a number is not kept in the snapshot.
    private static let numberBytesMax = 24
    private static let full = Array("100".utf8)
}
