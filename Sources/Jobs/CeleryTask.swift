// What Celery publishes by itself, in the words of a snapshot. Two shapes:
//
//   a result   `celery-task-meta-<id>`: an object with `task_id` and `date_done`, whose `status` is a state
//              of Celery's and whose `result` is the return value, the exception, or, while the task runs,
//              what its `update_state(meta=…)` said
//   an event   of a worker with -E: an object whose `type` is `task-received`, `task-started` and so on
//
// Both are known by their shape, not by their channel: what was recorded is read again without one.

import JSON

extension Dialects {
    /// One of Celery's own states; any other is a word of the application.
    struct CeleryState: Sendable {
        let status: [UInt8]
        let kind: EventType.Kind
        let outcome: Outcome

        init(_ status: String, _ kind: EventType.Kind = .status, _ outcome: Outcome = .unfinished) {
            (self.status, self.kind, self.outcome) = (Array("\"\(status)\"".utf8), kind, outcome)
        }
    }

    static let celeryStates = NameTable([
        ("PENDING", CeleryState("queued")), ("RECEIVED", CeleryState("queued")),
        ("STARTED", CeleryState("running")), ("PROGRESS", CeleryState("running", .progress)),
        ("RETRY", CeleryState("retrying")),
        ("SUCCESS", CeleryState("completed", .complete, .succeeded)),
        ("FAILURE", CeleryState("failed", .error, .failed)),
        ("REVOKED", CeleryState("cancelled", .complete, .failed)),
    ])

    fileprivate static let expiredState = CeleryState("expired", .complete, .failed)

    /// What a Celery event says beyond its type.
    enum TaskNews: Sendable { case received, revoked, rejected, other }

    fileprivate static let retrying = Array("\"retrying\"".utf8)
    fileprivate static let queued = Array("\"queued\"".utf8)
    fileprivate static let expired = Array("\"expired\"".utf8)
}

extension EventMembers {
    /// Whether this is a task's result.
    var isTaskResult: Bool {
        has(.taskID) && has(.dateDone) && !has(.data) && string(.status) != nil
    }

    /// nil where the state is not one of Celery's.
    var celeryState: Dialects.CeleryState? {
        guard let word = string(.status), let state = Dialects.celeryStates.find(text, word)
        else { return nil }
        // Both are REVOKED.
        guard state.kind == .complete, state.outcome == .failed, let why = self[.exceptionMessage],
            words(why) == "expired"
        else { return state }
        return Dialects.expiredState
    }

    /// What kind of event a result is: so that a client is told `complete` when a task is.
    var taskResultKind: EventType.Kind {
        celeryState?.kind ?? (has(.progress) || has(.current) ? .progress : .status)
    }

    /// The status that an event's members make of it, where that is not the one its type implies.
    func special(
        _ task: Dialects.TaskNews?, _ attempt: Int64?
    ) -> (status: [UInt8], ends: Bool)? {
        switch task {
        case .received where attempt ?? 1 > 1: (Dialects.retrying, false)
        case .revoked where isTrue(.verdict): (Dialects.expired, true)
        case .rejected where isTrue(.verdict): (Dialects.queued, false)
        default: nil
        }
    }

    /// `retries` counts from zero.
    var attemptByRetries: Int64? {
        guard let retries = self[.retries], let count = text.jsonInteger(retries.value) else {
            return nil
        }
        let (attempt, overflows) = count.addingReportingOverflow(1)
        return overflows ? nil : attempt
    }

    /// A task that is tried again says that it is its own parent.
    var isOwnParent: Bool {
        guard let task = string(.taskID), let parent = string(.parent) else { return false }
        return text.extracting(task).isEqual(to: text.extracting(parent))
    }

    func isTrue(_ member: Member) -> Bool {
        guard let said = self[member] else { return false }
        return text.jsonBool(said.value) == true
    }

    /// `ValueError: no luck`, as a JSON string; empty where no exception is told.
    var exception: [UInt8] {
        var (type, message) = ("", "")
        if let said = string(.exceptionType) { type = text.jsonText(said) }
        if let said = self[.exceptionMessage] { message = words(said) }
        guard !type.isEmpty || !message.isEmpty else { return [] }
        var json: [UInt8] = []
        let all = [type, message].filter { !$0.isEmpty }.joined(separator: ": ")
        JSONWriter.append(Array(all.utf8).span, to: &json)
        return json
    }

    /// An exception's arguments, which are mostly one text.
    private func words(_ member: JSONMember) -> String {
        let value = text.extracting(member.value)
        var arguments = JSONOutline()
        guard member.kind == .array, (try? arguments.read(value)) != nil else {
            return text.plain(member.value)
        }
        return arguments.members.map { value.plain($0.value) }.joined(separator: ", ")
    }
}

extension Span<UInt8> {
    /// A string's text, anything else as it is spelled.
    fileprivate func plain(_ value: Range<Int>) -> String {
        jsonString(value) ?? jsonText(value)
    }
}
