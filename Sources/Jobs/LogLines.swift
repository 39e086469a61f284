// LogLines reads the text out of a log event, by the same words as the fold counts lines.

import JSON

public enum LogLines {
    /// Appends each line of the event with a line end behind it. A log event that says its text in no
    /// word we know is one line: its message, or the whole of it.
    public static func append(from event: Span<UInt8>, to text: inout [UInt8]) {
        var outline = JSONOutline()
        do throws(JSONFault) { try outline.read(event, levels: 2) } catch { return }
        let members = EventMembers(outline, event)
        if let line = members[.logLine] {
            append(line, of: event, to: &text)
        } else if let lines = members[.lines], lines.kind == .array {
            appendElements(of: event.extracting(lines.value), to: &text)
        } else if let only = members[.lines] ?? members[.message] ?? members[.data] {
            append(only, of: event, to: &text)
        } else {
            text.append(event)
            text.append(lineEnd)
        }
    }

    private static func appendElements(of array: Span<UInt8>, to text: inout [UInt8]) {
        var outline = JSONOutline()
        do throws(JSONFault) { try outline.read(array) } catch { return }
        for element in outline.members { append(element, of: array, to: &text) }
    }

    /// A string's text, anything else as it is spelled. A line end that the worker wrote is enough.
    private static func append(
        _ member: JSONMember, of json: Span<UInt8>, to text: inout [UInt8]
    ) {
        let start = text.count
        if member.kind == .string {
            text += json.unescaped(member.value.lowerBound + 1..<member.value.upperBound - 1)
        } else {
            text.append(json.extracting(member.value))
        }
        if text.count == start || text.last != lineEnd { text.append(lineEnd) }
    }

    private static let lineEnd = UInt8(ascii: "\n")
}
