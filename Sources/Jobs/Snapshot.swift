// Snapshot is a job's folded last state: what a follower is told when it comes.
//
// Values are kept as the JSON that the worker wrote. What the steps of a change are, and in which order
// they are applied, is said in SnapshotChange.swift; a Redis script must do exactly this.

import JSON

public struct Snapshot: Sendable, Equatable {
    /// One, or none before the first event: most followed jobs are idle, and then this is a pointer.
    private var state: [SnapshotState] = []

    public init() {}

    /// What the worker's words in it weigh: a result may be as large as an event.
    public var byteCount: Int { state.first?.byteCount ?? 0 }
    public var logLines: Int64 { state.first?.logLines ?? 0 }
    public var createdAt: WallTime? { state.first?.createdAt }
    public var updatedAt: WallTime? { state.first?.updatedAt }
    /// Set exactly while the status is a final one.
    public var finishedAt: WallTime? { state.first?.finishedAt }

    /// The field's JSON; nil where nothing was said yet.
    public func json(_ field: SnapshotField) -> [UInt8]? {
        guard let json = state.first?.values[field.index], !json.isEmpty else { return nil }
        return json
    }

    /// The field's text, where it is a string; a number as it is spelled. An `owner` is compared so.
    public func text(_ field: SnapshotField) -> String? {
        json(field).map(Self.text)
    }

    public static func text(of json: [UInt8]) -> String {
        json.span.jsonString(0..<json.count) ?? String(decoding: json, as: UTF8.self)
    }

    public var status: String { text(.status) ?? "unknown" }

    public mutating func apply(_ change: SnapshotChange) {
        if state.isEmpty { state = [SnapshotState()] }
        state[0].apply(change)
    }
}

private struct SnapshotState: Equatable {
    /// What all values weigh.
    private(set) var byteCount = 0
    /// By field; empty where nothing was said yet.
    private(set) var values = InlineArray<12, [UInt8]>(repeating: [])
    var logLines: Int64 = 0
    var createdAt: WallTime?
    var updatedAt: WallTime?
    var finishedAt: WallTime?
    /// Read once from the values, because most events ask: no status but unknown or queued; progress.
    private var isIdle = true
    private var isStalled = false
    private var progress: Double?

    static func == (left: SnapshotState, right: SnapshotState) -> Bool {
        left.values.indices.allSatisfy { left.values[$0] == right.values[$0] }
            && left.logLines == right.logLines && left.createdAt == right.createdAt
            && left.updatedAt == right.updatedAt && left.finishedAt == right.finishedAt
    }

    mutating func apply(_ change: SnapshotChange) {
        if change.attempt.map({ begin($0) }) ?? true {
            if isStalled { run() }
            change.visitValues { field, json in
                switch field {
                case .status: changeStatus(json, change)
                case .progress: raiseProgress(json)
                default: put(field, json)
                }
            }
        }
        let (lines, overflows) = logLines.addingReportingOverflow(change.logLines)
        if !overflows { logLines = lines }
        createdAt = createdAt ?? change.at
        updatedAt = change.at
    }

    /// Starts over when `attempt` is higher than the one before. Where none was said it was the first.
    /// False when it is lower: what is late of an attempt that is over changes nothing of this one.
    private mutating func begin(_ attempt: Int64) -> Bool {
        let stored = values[SnapshotField.attempt.index]
        let before = stored.span.jsonInteger(0..<stored.count)
        guard attempt >= before ?? .min else { return false }
        put(.attempt, Array(String(attempt).utf8).span)
        guard attempt > before ?? 1 else { return true }
        for field in SnapshotField.ofOneAttempt { put(field, [UInt8]().span) }
        progress = nil
        guard finishedAt != nil else { return true }
        run()
        finishedAt = nil
        return true
    }

    private mutating func run() {
        put(.status, Self.running.span)
        (isIdle, isStalled) = (false, false)
    }

    private mutating func changeStatus(_ json: Span<UInt8>, _ change: SnapshotChange) {
        switch change.statusRule {
        case .always: break
        case .unlessFinal: guard finishedAt == nil else { return }
        case .ifIdle: guard isIdle else { return }
        }
        put(.status, json)
        let status = values[SnapshotField.status.index]
        isIdle = Self.idle.contains { status.equalsIgnoringCase($0) }
        finishedAt = change.ends ? finishedAt ?? change.at : nil
        isStalled = finishedAt == nil && status == Self.stalled
    }

    private mutating func raiseProgress(_ json: Span<UInt8>) {
        guard !holds(.progress, json) else { return }
        let raised = json.jsonDouble(0..<json.count)
        if let progress {
            guard let raised, raised > progress else { return }
        }
        put(.progress, json)
        progress = raised
    }

    private func holds(_ field: SnapshotField, _ json: Span<UInt8>) -> Bool {
        values[field.index].isEqual(to: json)
    }

    private mutating func put(_ field: SnapshotField, _ json: Span<UInt8>) {
        // Most events say again what the one before them said.
        guard !holds(field, json) else { return }
        byteCount += json.count - values[field.index].count
        values[field.index].removeAll(keepingCapacity: json.count > 0)
        values[field.index].append(json)
    }

    private static let idle = [Array("\"queued\"".utf8), Array("\"unknown\"".utf8)]
    private static let stalled = Array("\"stalled\"".utf8)
    private static let running = Array("\"running\"".utf8)
}

// Writing.
extension Snapshot {
    /// Writes the snapshot's members into an open object. What was never said is null.
    public func writeMembers(into writer: inout JSONWriter, job: JobID, watchers: Int) {
        writer.key("\(job.kind.member)")
        writer.string(job.text)
        for field in SnapshotField.allCases {
            writer.key(field.name)
            if let json = json(field) {
                writer.raw(json.span)
            } else if field == .status {
                writer.string("unknown")
            } else {
                writer.null()
            }
        }
        writer.key("log_lines")
        writer.integer(logLines)
        for (name, time) in [
            ("created_at", createdAt), ("updated_at", updatedAt), ("finished_at", finishedAt),
        ] {
            writer.key(name)
            if let time { writer.string(time.description) } else { writer.null() }
        }
        writer.key("watchers")
        writer.integer(watchers)
    }
}

extension SnapshotField {
    fileprivate var index: Int { Int(rawValue) }
    /// What a new attempt forgets.
    fileprivate static let ofOneAttempt: [SnapshotField] = [
        .progress, .currentStep, .completedSteps, .error, .result, .etaSeconds,
    ]
}

extension [UInt8] {
    fileprivate func isEqual(to json: Span<UInt8>) -> Bool { span.isEqual(to: json) }

    fileprivate func equalsIgnoringCase(_ lowered: [UInt8]) -> Bool {
        count == lowered.count && zip(self, lowered).allSatisfy { $0 == $1 || $0 | 0x20 == $1 }
    }
}
