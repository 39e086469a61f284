// PublishRequest is the body of a POST: one event or an array of them, each a JSON object. All of it is
// checked before any of it is published.

import JSON
import Wire

struct PublishRequest {
    static let eventsMax = 100

    /// Each event as the worker wrote it.
    let events: [[UInt8]]
    /// The name under which a client that tries again is known.
    let key: String?

    static let keyBytesMax = 64

    init(_ body: [UInt8], key: String? = nil, eventBytesMax: Int) throws(Close) {
        self.key = try key.map(Self.checked)
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

    private static func checked(key text: String) throws(Close) -> String {
        var key = text[...]
        // Quoted, as a string of structured headers is.
        if key.count > 1, key.first == "\"", key.last == "\"" {
            key = key.dropFirst().dropLast()
        }
        let isPlain = key.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
            default: false
            }
        }
        guard isPlain, 1...keyBytesMax ~= key.utf8.count else {
            throw .badRequest(
                "idempotency-key: 1 to \(keyBytesMax) letters, digits, - and _")
        }
        return String(key)
    }
}
