// EventReader turns whatever a worker published into a PreparedEvent. It never fails: what is no JSON
// object is wrapped in one.
//
// The worker's object keeps its bytes. Only this is changed:
//   - `type` is put in front where there is none: the text of `event` where that is a string, for the
//     result of a Celery task what it is (`status`, `progress`, `complete`, `error`), else "message". A `type` that is no string stays as it is; filters and the fold then go by `event`.
//   - `timestamp` is put at the end where there is none: a Celery task's `date_done`, else when the event
//     was heard. One that can't be read as a time stays, and
//     the snapshot goes by when the event was heard.
//   - each top-level `seq` and `job_id` (on a feed `feed`), compared with escapes undone, becomes
//     `worker_…`.
//   - NaN and the infinities become null; a byte order mark and space around the object are dropped.
// A name that stands twice is left twice: every parser, and the fold, takes the last.
//
// Invariant: `{"seq":1,"job_id":"x",` + rest is one JSON object, whose first `seq` and `job_id` are its
// only ones. `rest` has at most 6 bytes for each byte of payload, and 96 more.

import JSON

public struct EventReader: Sendable {
    public static let eventBytesMaxDefault = 1_048_576
    /// How the `data` begins of an event that was not UTF-8, and the name of its one member.
    public static let binaryOpening = Array(#""type":"binary","data":{"#.utf8)
    public static let binaryMember = Array("base64".utf8)

    /// A larger payload is told by its size only; one that ends a job is told without its long values.
    public let eventBytesMax: Int
    /// All three are used again for each event, the last two if nobody kept the one before, so that
    /// reading one allocates nothing.
    private var outline = JSONOutline()
    private var rest: [UInt8] = []
    private var changeMemory: [UInt8] = []

    public init(eventBytesMax: Int = eventBytesMaxDefault) { self.eventBytesMax = eventBytesMax }

    public mutating func read(
        _ payload: Span<UInt8>, heardAt: WallTime, of kind: JobID.Kind = .job
    ) -> PreparedEvent {
        var oddities = EventOddities()
        guard payload.count <= eventBytesMax else {
            if let end = cutEnd(payload, heardAt, kind) { return end }
            oddities.insert(.oversized)
            let size = Array("{\"bytes\":\(payload.count)}".utf8)
            return wrapped("oversized", size, oddities, heardAt)
        }
        var text = payload
        if payload.count >= 3, payload[0] == 0xEF, payload[1] == 0xBB, payload[2] == 0xBF {
            oddities.insert(.bom)
            text = payload.extracting(3...)
        }
        do {
            try outline.read(text, levels: 2, allowingNonFinite: true)
        } catch {
            return unreadable(text, error, oddities, heardAt)
        }
        guard outline.nonFinite.isEmpty else {
            oddities.insert(.nanReplaced)
            return reread(withoutNonFinite(text), oddities, heardAt, kind)
        }
        return event(text, oddities, heardAt, kind)
    }

    private mutating func reread(
        _ text: [UInt8], _ oddities: EventOddities, _ heardAt: WallTime, _ kind: JobID.Kind
    ) -> PreparedEvent {
        do {
            try outline.read(text.span, levels: 2)
        } catch {
            return unreadable(text.span, error, oddities, heardAt)
        }
        return event(text.span, oddities, heardAt, kind)
    }

    /// The outline is of `text`.
    private mutating func event(
        _ text: Span<UInt8>, _ oddities: EventOddities, _ heardAt: WallTime, _ kind: JobID.Kind
    ) -> PreparedEvent {
        var oddities = oddities
        guard outline.kind == .object else {
            oddities.insert(.notObject)
            var value: [UInt8] = []
            value.append(text.extracting(outline.value))
            return wrapped("message", value, oddities, heardAt)
        }
        let members = EventMembers(outline, text, of: kind)
        if !members.reserved.isEmpty { oddities.insert(.renamedMember) }
        if members.mayRepeat, repeatsKey(text) { oddities.insert(.duplicateKey) }
        let (type, meaning) = members.readType()
        let time = members.time ?? heardAt
        var change = SnapshotChange(at: time, into: &changeMemory)
        members.read(meaning, into: &change)
        changeMemory = Self.kept(change.memory)
        var rest: [UInt8] = []
        swap(&rest, &self.rest)
        write(members, type, time, to: &rest)
        self.rest = Self.kept(rest)
        return PreparedEvent(
            type: change.ends ? EventType(type.name, kind: .complete) : type,
            rest: rest, change: change, oddities: oddities)
    }

    /// For the next event to be written over, unless it is unusually long.
    private static func kept(_ memory: [UInt8]) -> [UInt8] {
        memory.capacity <= bytesKeptMax ? memory : []
    }

    private func write(
        _ members: borrowing EventMembers, _ type: EventType, _ time: WallTime,
        to rest: inout [UInt8]
    ) {
        rest.removeAll(keepingCapacity: true)
        rest.reserveCapacity(
            outline.value.count + Self.additionsBytesMax + 7 * members.reserved.count)
        if !members.has(.type) {
            rest.append(contentsOf: Self.typeKey)
            if members.string(.event) != nil, let event = members[.event] {
                rest.append(members.text.extracting(event.value))
            } else {
                rest.append(contentsOf: "\"\(type.name)\"".utf8)
            }
            if !outline.members.isEmpty { rest.append(UInt8(ascii: ",")) }
        }
        if !outline.members.isEmpty {
            var from = outline.value.lowerBound + 1
            for (index, name) in members.reserved {
                let key = outline.members[index].key
                rest.append(members.text.extracting(from..<key.lowerBound))
                rest.append(contentsOf: "worker_\(name)".utf8)
                from = key.upperBound
            }
            rest.append(members.text.extracting(from..<outline.value.upperBound - 1))
        }
        if !members.has(.timestamp) { Self.append(time, to: &rest) }
        rest.append(UInt8(ascii: "}"))
    }

    private func withoutNonFinite(_ text: Span<UInt8>) -> [UInt8] {
        var clean: [UInt8] = []
        clean.reserveCapacity(text.count + outline.nonFinite.count)
        var from = 0
        for place in outline.nonFinite {
            clean.append(text.extracting(from..<place.lowerBound))
            clean.append(contentsOf: "null".utf8)
            from = place.upperBound
        }
        clean.append(text.extracting(from...))
        return clean
    }

    private func repeatsKey(_ text: Span<UInt8>) -> Bool {
        let top = outline.members.filter { $0.depth == 1 }
        guard top.count > 16 || top.contains(where: \.keyHasEscapes) else {
            return top.indices.contains { index in
                top[..<index].contains { text.equal($0.key, top[index].key) }
            }
        }
        var seen: Set<String> = []
        return top.contains { !seen.insert(text.jsonText($0.key)).inserted }
    }

    private static let bytesKeptMax = 65_536
    private static let typeKey = Array("\"type\":".utf8)
    /// `"type":"message",` and `,"timestamp":"2025-01-06T12:00:01.000Z"}`, generously.
    private static let additionsBytesMax = 96
}

// What is too long to be told whole.
extension EventReader {
    /// Of a larger payload nothing is read.
    static let cutBytesMax = 16_777_216
    /// A longer value is told by its size.
    static let cutValueBytesMax = 1_024

    /// The event without its long values, if it ends its job: else that would run for ever.
    private mutating func cutEnd(
        _ payload: Span<UInt8>, _ heardAt: WallTime, _ kind: JobID.Kind
    ) -> PreparedEvent? {
        var text: [UInt8] = []
        guard payload.count <= Self.cutBytesMax, payload[0] == UInt8(ascii: "{"),
            cut(payload, levels: 2, to: &text), text.count <= eventBytesMax,
            (try? outline.read(text.span, levels: 2, allowingNonFinite: true)) != nil
        else { return nil }
        if !outline.nonFinite.isEmpty {
            text = withoutNonFinite(text.span)
            guard (try? outline.read(text.span, levels: 2)) != nil else { return nil }
        }
        var oddities = EventOddities()
        oddities.insert(.oversized)
        let event = event(text.span, oddities, heardAt, kind)
        return event.change.ends ? event : nil
    }

    /// Copies an object but for its long values. Each level is read by itself: the elements of arrays are not noted.
    private func cut(_ object: Span<UInt8>, levels: Int, to short: inout [UInt8]) -> Bool {
        var outline = JSONOutline()
        guard (try? outline.read(object, levels: 1, allowingNonFinite: true)) != nil else {
            return false
        }
        var separator = UInt8(ascii: "{")
        for member in outline.members {
            short.append(separator)
            separator = UInt8(ascii: ",")
            let key = member.key.lowerBound - 1..<member.key.upperBound + 1
            short.append(object.extracting(key))
            short.append(UInt8(ascii: ":"))
            let value = object.extracting(member.value)
            if value.count <= Self.cutValueBytesMax {
                short.append(value)
            } else if member.kind != .object || levels == 1 {
                short.append(contentsOf: "\"[\(value.count) bytes, cut]\"".utf8)
            } else if !cut(value, levels: levels - 1, to: &short) {
                return false
            }
            guard short.count <= eventBytesMax else { return false }
        }
        short.append(contentsOf: outline.members.isEmpty ? "{}".utf8 : "}".utf8)
        return true
    }
}

// What is no object, made one.
extension EventReader {
    private func unreadable(
        _ text: Span<UInt8>, _ fault: JSONFault, _ oddities: EventOddities, _ heardAt: WallTime
    ) -> PreparedEvent {
        var oddities = oddities
        var value: [UInt8] = []
        guard (try? UTF8Span(validating: text)) != nil else {
            oddities.insert(.notUTF8)
            value.append(contentsOf: "{\"".utf8)
            value.append(contentsOf: Self.binaryMember)
            value.append(contentsOf: "\":\"".utf8)
            Base64.append(text, to: &value)
            value.append(contentsOf: "\"}".utf8)
            return wrapped("binary", value, oddities, heardAt)
        }
        oddities.insert(fault.rule == .nestedTooDeep ? .nestedTooDeep : .notJSON)
        JSONWriter.append(text, to: &value)
        return wrapped("message", value, oddities, heardAt)
    }

    private func wrapped(
        _ type: String, _ value: [UInt8], _ oddities: EventOddities, _ heardAt: WallTime
    ) -> PreparedEvent {
        var rest = Array("\"type\":\"\(type)\",\"data\":".utf8)
        rest.append(contentsOf: value)
        Self.append(heardAt, to: &rest)
        rest.append(UInt8(ascii: "}"))
        return PreparedEvent(
            type: EventType(type), rest: rest, change: SnapshotChange(at: heardAt),
            oddities: oddities)
    }

    private static func append(_ time: WallTime, to rest: inout [UInt8]) {
        rest.append(contentsOf: ",\"timestamp\":\"".utf8)
        time.append(to: &rest)
        rest.append(UInt8(ascii: "\""))
    }
}

extension Span<UInt8> {
    fileprivate func equal(_ left: Range<Int>, _ right: Range<Int>) -> Bool {
        left.count == right.count && zip(left, right).allSatisfy { self[$0] == self[$1] }
    }
}
