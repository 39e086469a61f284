// PublishRequest is the body of a POST: one event or an array of them, each a JSON object. All of it is
// checked before any of it is published.

import JSON
import Wire

struct PublishRequest {
    static let eventsMax = 100

    /// Each event as the worker wrote it.
    let events: [[UInt8]]

    init(_ body: [UInt8], eventBytesMax: Int) throws(Close) {
        let text = body.span
        var outline = JSONOutline()
        do throws(JSONFault) { try outline.read(text) } catch {
            throw .badRequest("the body is no JSON: \(error.rule) at byte \(error.offset)")
        }
        let ranges: [Range<Int>]
        switch outline.kind {
        case .object: ranges = [outline.value]
        case .array:
            guard outline.members.allSatisfy({ $0.kind == .object }) else {
                throw .badRequest("each event is a JSON object")
            }
            ranges = outline.members.map(\.value)
        default: throw .badRequest("the body is an event, a JSON object, or an array of them")
        }
        guard 1...Self.eventsMax ~= ranges.count else {
            throw .badRequest("one request has 1 to \(Self.eventsMax) events")
        }
        guard ranges.allSatisfy({ $0.count <= eventBytesMax }) else {
            throw .badRequest("an event has at most \(eventBytesMax) bytes")
        }
        events = ranges.map { Array(body[$0]) }
    }
}
