// EventStreamText writes what followers hear in the words of `text/event-stream` (WHATWG HTML, 9.2).
//
// Messages have no name, so that a browser hands all of them to `onmessage`. An event's id is its
// cursor, which the browser sends back as Last-Event-ID; a control has none and so moves nothing, and
// neither does an event that comes by a queue, which has no cursor.

import Bytes
import Hub
import Jobs
import Wire

enum EventStreamText {
    /// Blocks are no longer than this, unless one message alone is.
    static let blockBytesMax = 65_536

    /// What is put around a message of one line: an id, the names of two fields, line ends.
    private static let fieldsBytesMax = 64

    /// A comment: it says nothing, and keeps proxies and the write timeout awake.
    static let heartbeat = SharedBytes(Array(":\n\n".utf8))

    static func control(_ frame: SharedBytes) -> SharedBytes {
        var text: [UInt8] = []
        append(Frames.payload(of: frame), to: &text)
        return SharedBytes(text)
    }

    static func entry(_ entry: Entry, hasCursor: Bool) -> SharedBytes {
        var text: [UInt8] = []
        append(entry.update, hasCursor, to: &text)
        return SharedBytes(text)
    }

    /// `beginning` is a control that comes before the first of the entries.
    static func blocks(
        _ entries: [Entry], after beginning: SharedBytes? = nil, hasCursor: Bool
    ) -> [SharedBytes] {
        var blocks: [SharedBytes] = []
        var text: [UInt8] = []
        if let beginning { append(Frames.payload(of: beginning), to: &text) }
        for entry in entries {
            let bytes = entry.update.frame.count + fieldsBytesMax
            if text.count + bytes > blockBytesMax, !text.isEmpty {
                blocks.append(SharedBytes(text))
                text.removeAll(keepingCapacity: true)
            }
            append(entry.update, hasCursor, to: &text)
        }
        if !text.isEmpty { blocks.append(SharedBytes(text)) }
        return blocks
    }

    private static func append(_ update: Update, _ hasCursor: Bool, to text: inout [UInt8]) {
        if hasCursor, update.kind == .event {
            text += "id: \(update.epoch):\(update.seq)\n".utf8
        }
        let frame = update.frame
        append(Frames.payload(of: frame), to: &text)
    }

    /// A worker's JSON may have line ends between its words; each line is a field of its own.
    private static func append(_ payload: Span<UInt8>, to text: inout [UInt8]) {
        text.reserveCapacity(text.count + payload.count + 16)
        var start = 0
        while true {
            var end = start
            while end < payload.count, payload[end] != 0x0A, payload[end] != 0x0D { end += 1 }
            text += "data: ".utf8
            let line = payload.extracting(start..<end)
            text.append(addingCapacity: line.count) { $0.append(copying: line) }
            text.append(0x0A)
            guard end < payload.count else { break }
            let isPair =
                payload[end] == 0x0D && end + 1 < payload.count && payload[end + 1] == 0x0A
            start = end + (isPair ? 2 : 1)
        }
        text.append(0x0A)
    }
}
