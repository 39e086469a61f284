// A snapshot as a script keeps it: the fields of a hash, each the JSON that a worker wrote.
//
// It is rebuilt by changes, so that it is folded by the same steps as every other.

extension Snapshot {
    /// Times are milliseconds since 1970. What can't be read was not said.
    public init(kept values: [String: [UInt8]]) {
        self.init()
        func number(_ name: String) -> Int64? {
            values[name].flatMap { Int64(String(decoding: $0, as: UTF8.self)) }
        }
        func time(_ name: String) -> WallTime? {
            number(name).map { WallTime(milliseconds: $0) }
        }
        guard let created = time("created_at") else { return }
        // created_at is set by the first change, finished_at by the second, updated_at by the last.
        let finished = time("finished_at")
        apply(SnapshotChange(at: created))
        var change = SnapshotChange(at: finished ?? created)
        change.attempt = number("attempt")
        change.logLines = number("log_lines") ?? 0
        change.ends = finished != nil
        for field in SnapshotField.allCases where field != .attempt {
            if let json = values[field.name] { change.set(field, json.span) }
        }
        apply(change)
        // The status once more: a stalled job runs again with whatever comes.
        var last = SnapshotChange(at: time("updated_at") ?? created)
        last.ends = finished != nil
        if let status = values["status"] { last.set(.status, status.span) }
        apply(last)
    }
}
