// QueueName is the one spelling of a queue's name: lists in Redis are found by it, and JSON can write the
// same text in many ways.

import JSON

public enum QueueName {
    /// The name as it stands between the quotes of a JSON string: only what must be escaped is.
    public static func spelled(_ name: String) -> [UInt8] {
        var json: [UInt8] = []
        JSONWriter.append(Array(name.utf8).span, to: &json)
        return Array(json.dropFirst().dropLast())
    }

    /// The same for a whole JSON value; what is no string is left as it is.
    static func spelled(json: Span<UInt8>) -> [UInt8]? {
        guard json.indices.contains(where: { json[$0] == UInt8(ascii: "\\") }),
            let name = json.jsonString(0..<json.count)
        else { return nil }
        var spelled: [UInt8] = []
        JSONWriter.append(Array(name.utf8).span, to: &spelled)
        return spelled
    }
}
