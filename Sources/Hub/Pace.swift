// Pace lets through so many progress events a second, always the latest, for a follower that asked for
// that. It knows no clock: time, in monotonic nanoseconds, comes in.
//
// Progress that comes too early is held until its time, or until newer progress takes its place. What
// comes behind it waits with it, so that the order stays: log events for a moment, anything else not at
// all, as it takes the held progress along. So the last progress before a silence arrives.
//
// Invariant: `held` is empty, or begins with progress and has no other; `due` is set exactly then.

struct Pace {
    /// Log events wait no longer than this behind progress, whatever the pace.
    static let patience: Int64 = 1_000_000_000
    /// More than this is not held.
    static let heldBytesMax = 65_536

    private let interval: Int64
    private var mayProgressAt: Int64
    private var held: [Entry] = []
    private var heldBytes = 0
    /// When what is held goes out.
    private(set) var due: Int64?

    init(interval: Int64, mayProgressAt: Int64) {
        (self.interval, self.mayProgressAt) = (interval, mayProgressAt)
    }

    var firstHeld: UInt64? { held.first?.seq }

    /// Takes what a tick brought. Answers what goes out now, and how many events were overtaken.
    mutating func take(
        _ entries: [Entry], at now: Int64
    ) -> (out: [Entry], overtaken: Int) {
        var out: [Entry] = []
        var overtaken = 0
        for entry in entries {
            let type = entry.update.type
            if type.isProgress {
                if !held.isEmpty { overtaken += 1 }
                out += held.dropFirst()
                (held, heldBytes) = ([entry], entry.byteCount)
                due = max(mayProgressAt, now)
            } else if let due {
                held.append(entry)
                heldBytes += entry.byteCount
                self.due = min(due, now + Self.patience)
                if !type.isLog || heldBytes > Self.heldBytesMax { release(to: &out, at: now) }
            } else {
                out.append(entry)
            }
        }
        if let due, due <= now { release(to: &out, at: now) }
        return (out, overtaken)
    }

    private mutating func release(to out: inout [Entry], at now: Int64) {
        out += held
        (held, heldBytes, due) = ([], 0, nil)
        mayProgressAt = now + interval
    }
}
