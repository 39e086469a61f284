// Trail remembers which event ends where in what was sent, as long as it lies in the outbox, so that a
// client that is closed for being slow can be told from where to resume.

import Jobs

struct Trail {
    private struct Mark {
        let end: Int
        let seq: UInt64
        let epoch: Epoch
    }

    private var sentBytes = 0
    private var marks: [Mark] = []

    /// Beyond so many the list does not grow before those that were reached are let go: a client may
    /// always be a little behind.
    static let marksKept = 64

    var count: Int { marks.count }

    mutating func sent(_ count: Int) { sentBytes += count }

    /// What was sent last ended with this update; `owed` bytes of all have not gone out yet.
    mutating func mark(_ update: Update, owed: Int) {
        if marks.count >= Self.marksKept, marks.count == marks.capacity {
            let reached = sentBytes - owed
            if let last = marks.lastIndex(where: { $0.end <= reached }) { marks.removeFirst(last) }
        }
        marks.append(Mark(end: sentBytes, seq: update.seq, epoch: update.epoch))
    }

    /// Nothing is owed any more.
    mutating func forget() {
        guard marks.count > 1 else { return }
        marks[0] = marks[marks.count - 1]
        while marks.count > 1 { marks.removeLast() }
    }

    /// The last event that reaches the client when of `owed` bytes only the first `kept` still go out.
    func cursor(owed: Int, kept: Int) -> Cursor? {
        let end = sentBytes - owed + kept
        return marks.last { $0.end <= end }.map { Cursor(epoch: $0.epoch, seq: $0.seq) }
    }
}
