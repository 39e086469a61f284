// SnapshotChange is what one event does to its job's snapshot, as plain steps over raw JSON values: a
// bridge applies them in memory, a Redis script applies the same ones to a hash without parsing JSON.
//
// The steps, in the order in which they are applied:
//   0. stalled   a status that says `stalled` becomes `running`, unless the job has ended: it lives.
//   1. attempt   higher than the stored one (1 where none is): start over. That is, forget progress,
//                steps, eta, error, result and finished_at; a final status becomes `running`. Lower:
//                steps 2 to 4 are left out.
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

public struct SnapshotChange: Sendable {
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
    /// The values one behind the other, in the order of their fields. One allocation at most.
    private var values: [UInt8] = []
    /// By field: where its value ends. It begins where the one before it ends.
    private var valueEnds = InlineArray<12, UInt32>(repeating: 0)
    /// By field, a bit: whether it has a value.
    private var fieldsSet: UInt16 = 0

    public init(at: WallTime) { self.at = at }

    /// Takes `memory` and writes its values over what that held.
    init(at: WallTime, into memory: inout [UInt8]) {
        self.at = at
        swap(&values, &memory)
        values.removeAll(keepingCapacity: true)
    }

    /// For the next change to write over, if by then nobody keeps this one.
    var memory: [UInt8] { values }

    /// What the values weigh, for those who hold it for a while.
    public var byteCount: Int { values.count }

    /// Makes room for values of so many bytes, and for a few words of ours.
    mutating func reserve(_ valueBytes: Int) {
        values.reserveCapacity(valueBytes + Self.ownWordsBytesMax)
    }

    /// Fields are set in their order, each once.
    mutating func set(_ field: SnapshotField, _ json: Span<UInt8>) {
        precondition(fieldsSet >> UInt16(field.rawValue) == 0, "a field out of order")
        fieldsSet |= 1 << UInt16(field.rawValue)
        values.append(json)
        valueEnds[Int(field.rawValue)] = UInt32(values.count)
    }

    public func sets(_ field: SnapshotField) -> Bool {
        fieldsSet >> UInt16(field.rawValue) & 1 == 1
    }

    public var valueCount: Int { fieldsSet.nonzeroBitCount }

    /// Calls `body` with each value in turn, in the order of the steps.
    public func visitValues(_ body: (SnapshotField, Span<UInt8>) -> Void) {
        var start = 0
        var left = fieldsSet
        while let field = SnapshotField(rawValue: UInt8(left.trailingZeroBitCount)) {
            let end = Int(valueEnds[Int(field.rawValue)])
            body(field, values.span.extracting(start..<end))
            start = end
            left &= left - 1
        }
    }

    /// `"cancelled"` and `100`, generously.
    private static let ownWordsBytesMax = 32
}
