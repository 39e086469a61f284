// The one table of what workers say: which names of types and of members mean what. The canonical
// names of docs/protocol.md come first; the others are those of systems that existed before.
//
// A type is compared in lower case with `-` `.` `:` and space read as `_`, so `job-progress` and
// `job_progress` are one row. Members are compared as they are spelled.

enum Dialects {
    /// What an event of a type says.
    struct Meaning: Sendable {
        let kind: EventType.Kind
        /// The status that the type alone implies, as JSON; when it may be set; whether it is final.
        let status: [UInt8]?
        let rule: SnapshotChange.StatusRule
        let ends: Bool
        /// Set for the events of a Celery worker.
        let task: TaskNews?

        init(
            _ kind: EventType.Kind, implies status: String? = nil,
            _ rule: SnapshotChange.StatusRule = .ifIdle, ends: Bool = false, task: TaskNews? = nil
        ) {
            self.kind = kind
            self.status = status.map { Array("\"\($0)\"".utf8) }
            self.rule = rule
            self.ends = ends
            self.task = task
        }
    }

    private static let types: [(names: [String], meaning: Meaning)] = [
        (["status", "status_update", "job_status", "fl_status_update"], Meaning(.status)),
        (["job_created", "job_queued", "job_waiting"], Meaning(.status, implies: "queued")),
        (["job_started", "job_active"], Meaning(.status, implies: "running")),
        (["job_retrying"], Meaning(.status, implies: "retrying", .always)),
        (
            ["job_cancelled", "job_canceled"],
            Meaning(.status, implies: "cancelled", .unlessFinal, ends: true)
        ),
        (
            [
                "progress", "progress_update", "job_progress", "training_update",
                "training_progress", "task_progress",
            ],
            Meaning(.progress, implies: "running")
        ),
        (["log", "logs", "log_update", "job_log"], Meaning(.log)),
        (["step", "step_change", "job_step"], Meaning(.step)),
        (
            [
                "complete", "completed", "completion", "job_complete", "job_completed",
                "training_complete", "training_completed",
            ],
            Meaning(.complete, implies: "completed", .unlessFinal, ends: true)
        ),
        (
            ["error", "failed", "job_failed", "job_error", "training_failed", "training_error"],
            Meaning(.error, implies: "failed", .unlessFinal, ends: true)
        ),
        // Celery's; a retry is seen when it is received, which may be before the news of it.
        (["task_sent"], Meaning(.status, implies: "queued", task: .other)),
        (["task_received"], Meaning(.status, implies: "queued", task: .received)),
        (["task_started"], Meaning(.status, implies: "running", .unlessFinal, task: .other)),
        (["task_retried"], Meaning(.status, task: .other)),
        (
            ["task_succeeded"],
            Meaning(.complete, implies: "completed", .unlessFinal, ends: true, task: .other)
        ),
        (
            ["task_failed"],
            Meaning(.error, implies: "failed", .unlessFinal, ends: true, task: .other)
        ),
        (
            ["task_revoked"],
            Meaning(.status, implies: "cancelled", .unlessFinal, ends: true, task: .revoked)
        ),
        (
            ["task_rejected"],
            Meaning(.status, implies: "rejected", .unlessFinal, ends: true, task: .rejected)
        ),
    ]

    /// What a member says. `rank` orders names of one meaning: a lower one is preferred wherever it
    /// stands; among equals the place decides (`data`, then the top level, then a nested `job`).
    enum Member: UInt8, Sendable, CaseIterable {
        case status, progress, currentStep, stepName, completedSteps, message, error, result
        case queue, owner, parent, attempt, etaSeconds, logLine, lines, final
        /// Not kept, but where nothing names the type it tells what kind of event this is.
        case failedReason, processingTime
        /// What others are made of: progress, an attempt, the status or the error of a Celery task.
        case current, total, retries, verdict, exception, exceptionType, exceptionMessage
        /// Looked for at the top level only.
        case type, event, timestamp, data, job, taskID, dateDone
        /// Only renamed.
        case seq, jobID, feed
    }

    private static let members: [(name: String, member: Member, rank: UInt8)] = [
        ("type", .type, 0), ("event", .event, 0), ("timestamp", .timestamp, 0),
        ("seq", .seq, 0), ("job_id", .jobID, 0), ("feed", .feed, 0), ("data", .data, 0),
        ("job", .job, 0), ("task_id", .taskID, 0), ("uuid", .taskID, 0),
        ("date_done", .dateDone, 0),
        ("status", .status, 0),
        ("progress", .progress, 0), ("progress_percent", .progress, 0),
        ("progressPercent", .progress, 0), ("percent", .progress, 1),
        ("current", .current, 0), ("total", .total, 0),
        ("current_step", .currentStep, 0), ("currentStep", .currentStep, 0),
        ("step_name", .stepName, 0), ("stepName", .stepName, 0),
        ("completed_steps", .completedSteps, 0), ("completedSteps", .completedSteps, 0),
        ("message", .message, 0),
        ("error_message", .error, 0), ("errorMessage", .error, 0),
        ("error", .error, 1), ("exception", .exception, 0),
        ("exc_type", .exceptionType, 0), ("exc_message", .exceptionMessage, 0),
        ("failedReason", .failedReason, 0), ("failed_reason", .failedReason, 0),
        ("result", .result, 0), ("returnvalue", .result, 1),
        ("queue", .queue, 0), ("queueName", .queue, 0), ("queue_name", .queue, 0),
        ("owner", .owner, 0),
        ("parent", .parent, 0), ("parent_id", .parent, 1),
        ("attempt", .attempt, 0), ("attemptsMade", .attempt, 1), ("retries", .retries, 0),
        ("expired", .verdict, 0), ("requeue", .verdict, 0),
        ("eta_seconds", .etaSeconds, 0), ("etaSeconds", .etaSeconds, 0),
        ("log_line", .logLine, 0), ("logLine", .logLine, 0),
        ("lines", .lines, 0),
        ("final", .final, 0),
        ("processingTime", .processingTime, 0), ("processing_time", .processingTime, 0),
    ]

    /// What a status says of the job's end; in lower case.
    enum Outcome { case succeeded, failed, unfinished, other }

    private static let statuses: [(names: [String], outcome: Outcome)] = [
        (["completed", "succeeded", "success"], .succeeded),
        (
            ["failed", "error", "cancelled", "canceled", "revoked", "expired", "timed_out"],
            .failed
        ),
        (["queued", "running", "retrying"], .unfinished),
    ]

    static func outcome(of status: Span<UInt8>) -> Outcome {
        if let known = statusTable.find(status, 0..<status.count) { return known }
        guard status.count <= typeBytesMax else { return .other }
        var lowered: [UInt8] = []
        for index in status.indices { lowered.append(lowercased(status[index])) }
        return statusTable.find(lowered.span, 0..<lowered.count) ?? .other
    }

    private static let statusTable = NameTable(
        statuses.flatMap { row in row.names.map { ($0, row.outcome) } })

    static let memberTable = NameTable(
        members.map { ($0.name, (member: $0.member, rank: $0.rank)) })

    /// By the usual spellings; `normalized` reduces the others to them.
    static let typeTable = NameTable(
        types.flatMap { row in
            row.names.map {
                ($0, (type: EventType($0, kind: row.meaning.kind), meaning: row.meaning))
            }
        })

    /// What an event of that kind says whose type is not known: that of the kind's first row.
    static func meaning(of kind: EventType.Kind) -> Meaning { meanings[Int(kind.rawValue)] }

    private static let meanings = EventType.Kind.allCases.map { kind in
        types.first { $0.meaning.kind == kind }?.meaning ?? Meaning(kind)
    }

    /// The longest name that is worth reducing.
    static let typeBytesMax = 32

    static func normalized(_ name: String) -> [UInt8]? {
        guard name.utf8.count <= typeBytesMax else { return nil }
        return name.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: " "):
                UInt8(ascii: "_")
            default: lowercased(byte)
            }
        }
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte ? byte | 0x20 : byte
    }
}
