// EventsRequest is what a query asks of a job's history (protocol.md section 6).

import Feed
import Jobs
import Wire

struct EventsRequest: Equatable {
    static let limitDefault = 100
    static let limitMax = 1_000
    /// Longest long-poll, in seconds.
    static let waitMax = 30

    var after: Cursor?
    /// Only what came earlier. Without `after` the page is read backwards from here.
    var before: Cursor?
    var limit = Self.limitDefault
    var types: Set<EventType>?
    /// Seconds to wait for a first event.
    var wait = 0

    init(after: Cursor? = nil, before: Cursor? = nil, limit: Int = Self.limitDefault) {
        (self.after, self.before, self.limit) = (after, before, limit)
    }

    init(_ query: Query) throws(Close) {
        let wish = try Door.wish(query)
        (after, types) = (wish.after, wish.types)
        if let text = query.first("before") {
            do throws(CursorFault) { before = try Cursor(checking: text) } catch {
                throw .badRequest("before: \(error.message)")
            }
        }
        limit = try query.count("limit", default: Self.limitDefault, in: 1...Self.limitMax)
        wait = try query.count("wait", default: 0, in: 0...Self.waitMax)
    }

    /// What must be read for it, if its cursors are of the present epoch: one event more than is told,
    /// so that it is known whether there are more.
    var part: HistoryPart {
        let (from, overflows) = (after?.seq ?? 0).addingReportingOverflow(1)
        guard types == nil, !overflows else { return .all }
        if isBackward, let before {
            return before.seq > 1 ? .before(before.seq, count: limit + 1) : .state
        }
        guard before?.seq != 0 else { return .state }
        return .from(from, before: before?.seq, count: limit + 1)
    }

    /// Whether its cursors name numbers of the present epoch, so that `part` was enough.
    func stands(in opening: Opening) -> Bool {
        let isOurs = [after, before].allSatisfy { cursor in
            cursor?.epoch == nil || cursor?.epoch == opening.epoch
        }
        return isOurs && after?.seq ?? 0 <= opening.seq
    }

    var isBackward: Bool { before != nil && after == nil }

    func wants(_ update: Update) -> Bool {
        guard let types, update.kind == .event else { return true }
        return types.contains(update.type)
    }
}
