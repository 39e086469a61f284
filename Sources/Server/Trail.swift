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

    mutating func sent(_ count: Int) { sentBytes += count }

    /// What was sent last ended with this update.
    mutating func mark(_ update: Update) {
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
