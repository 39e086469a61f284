// SnapshotChange is what one event does to its job's snapshot, as plain steps over raw JSON values: a
// bridge applies them in memory, a Redis script applies the same ones to a hash without parsing JSON.
//
// The steps, in the order in which they are applied:
//   1. attempt   higher than the stored one (1 where none is): start over. That is, forget progress,
//                steps, eta, error, result and finished_at; a final status becomes `running`.
//   2. status    by its rule; `ends` sets finished_at, a status that does not end clears it.
//   3. progress  only upwards.
//   4. sets      field by field; an empty value unsets.
//   5. log_lines is increased; created_at set if unset; updated_at set.
// "Final" is the same as "finished_at is set": nobody needs the list of final words but the reader.

import JSON

public enum SnapshotField: UInt8, Sendable, CaseIterable {
    case status, progress, currentStep, completedSteps, message, error, result
    case queue, owner, parent, attempt, etaSeconds

    public var name: String {
        switch self {
        case .status: "status"
        case .progress: "progress"
        case .currentStep: "current_step"
        case .completedSteps: "completed_steps"
        case .message: "message"
        case .error: "error"
        case .result: "result"
        case .queue: "queue"
        case .owner: "owner"
        case .parent: "parent"
        case .attempt: "attempt"
        case .etaSeconds: "eta_seconds"
        }
    }
}

public struct SnapshotChange: Sendable, Equatable {
    /// When a status may replace the stored one.
    public enum StatusRule: UInt8, Sendable {
        /// The worker said so.
        case always
        /// It follows from the event's kind, and a final status stays.
        case unlessFinal
        /// Only where the status is unknown or `queued`.
        case ifIdle
    }

    /// The event's own time, or else when it was heard.
    public let at: WallTime
    public internal(set) var logLines: Int64 = 0
    public internal(set) var attempt: Int64?
    public internal(set) var statusRule = StatusRule.always
    /// True when the status is a final one.
    public internal(set) var ends = false
    /// The values, packed: a field, its length in four bytes, its JSON. One allocation at most.
    private var packed: [UInt8] = []

    public init(at: WallTime) { self.at = at }

    /// What the values weigh, for those who keep changes.
    public var byteCount: Int { packed.capacity }

    /// Makes room for values of so many bytes, and for a few words of ours.
    mutating func reserve(_ valueBytes: Int) {
        packed.reserveCapacity(valueBytes + 5 * SnapshotField.allCases.count)
    }

    mutating func set(_ field: SnapshotField, _ json: Span<UInt8>) {
        var head = InlineArray<5, UInt8>(repeating: field.rawValue)
        for place in 1...4 {
            head[place] = UInt8(truncatingIfNeeded: json.count >> ((place - 1) * 8))
        }
        packed.append(head.span)
        packed.append(json)
    }

    /// Calls `body` with each value in turn, in the order of the steps.
    public func visitValues(_ body: (SnapshotField, Span<UInt8>) -> Void) {
        var at = 0
        while at < packed.count {
            guard let field = SnapshotField(rawValue: packed[at]) else { return }
            var count = 0
            for place in 0..<4 { count |= Int(packed[at + 1 + place]) << (place * 8) }
            let start = at + 5
            body(field, packed.span.extracting(start..<start + count))
            at = start + count
        }
    }
}
