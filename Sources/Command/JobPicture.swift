// A job as tail knows it: its state, and what an event of it says in lines. The folding is that of the
// bridge (Jobs), so both always agree on what a message of any dialect means.

import JSON
import Jobs

struct JobPicture {
    /// What an event has to say, before it is dressed for a terminal.
    struct Said {
        var kind: EventType.Kind
        let type: String
        var lines: [String] = []
        var isOnStandardError = false
    }

    private(set) var snapshot = Snapshot()
    private var reader = EventReader(eventBytesMax: ServerFrameReader.messageBytesMax)
    private var outline = JSONOutline()
    /// Events up to here are in the snapshot we were given.
    private var knownUntil: UInt64 = 0

    var status: String { snapshot.status }
    var isFinished: Bool { snapshot.finishedAt != nil }
    var hasFailed: Bool {
        isFinished && !["completed", "succeeded", "success"].contains(status.lowercased())
    }
    var progress: Double? {
        snapshot.json(.progress).flatMap { json in json.span.jsonDouble(0..<json.count) }
    }
    var step: String? { snapshot.text(.currentStep) }
    var message: String? { snapshot.text(.message) }

    /// The state the server gave. Told to the fold as a worker would tell it.
    mutating func begin(_ subscribed: TailMessage.Subscribed) {
        snapshot = Snapshot()
        knownUntil = subscribed.seq
        let bytes = subscribed.snapshot
        guard (try? outline.read(bytes.span, levels: 1)) != nil, outline.kind == .object else {
            return
        }
        // Status last: a final status would hide the progress it was reached with.
        for (type, fields) in [
            ("progress", ["attempt", "progress", "current_step"]),
            ("status", ["status", "message"]),
        ] {
            let event = WorkerEvent.json(type) { data in
                for name in fields {
                    guard let member = outline.member(name, in: bytes.span), member.kind != .null
                    else { continue }
                    data.key(name)
                    data.raw(bytes.span.extracting(member.value))
                }
            }
            snapshot.apply(reader.read(event.span, heardAt: Self.noTime).change)
        }
    }

    /// Another numbering began; what was known of the old one says nothing about it.
    mutating func forgetNumbering() { knownUntil = 0 }

    /// Folds the event, unless the snapshot has it already, and tells what it says.
    mutating func hear(_ event: [UInt8], seq: UInt64) -> Said {
        let prepared = reader.read(event.span, heardAt: Self.noTime)
        if seq > knownUntil { snapshot.apply(prepared.change) }
        return said(prepared.type, event.span)
    }

    private mutating func said(_ type: EventType, _ bytes: Span<UInt8>) -> Said {
        var said = Said(kind: type.kind, type: type.name)
        guard (try? outline.read(bytes, levels: 3)) != nil else { return said }
        let outline = outline
        func text(_ names: String...) -> String? {
            for name in names {
                let member =
                    outline.member("data", name, in: bytes) ?? outline.member(name, in: bytes)
                if let member, let text = bytes.jsonString(member.value) { return text }
            }
            return nil
        }
        // Whatever ends a job is `complete` to the bridge; what failed says why.
        let error = text("error_message", "error", "failedReason")
        if type.kind == .complete, error != nil { said.kind = .error }
        switch said.kind {
        case .log:
            said.lines = lines(bytes) ?? [text("log_line", "line", "log", "message") ?? ""]
            said.isOnStandardError = text("stream") == "stderr"
        case .step: said.lines = [text("step_label", "step_name", "step", "message") ?? type.name]
        case .status:
            said.lines = [text("status") ?? type.name] + [text("message")].compactMap(\.self)
        case .complete: said.lines = [text("message") ?? ""]
        case .error:
            said.lines = [error ?? text("message") ?? ""]
            if let traceback = text("traceback") { said.lines.append(traceback) }
        case .progress: break
        case .other:
            let data = outline.member("data", in: bytes).map(\.value) ?? 0..<bytes.count
            said.lines = [
                text("message") ?? String(decoding: data.map { bytes[$0] }, as: UTF8.self)
            ]
        }
        return said
    }

    /// `data.lines`, where it is an array of texts.
    private func lines(_ bytes: Span<UInt8>) -> [String]? {
        guard let data = outline.index(of: "data", in: bytes),
            let index = outline.index(of: "lines", in: bytes, inside: data),
            outline.members[index].kind == .array
        else { return nil }
        let depth = outline.members[index].depth
        return outline.members[(index + 1)...].prefix { $0.depth > depth }.compactMap {
            $0.isElement ? bytes.jsonString($0.value) : nil
        }
    }

    private static let noTime = WallTime(milliseconds: 0)
}
