// What bridges tell each other on the control channel: one JSON object a message.
//
//     {"from":"k3j9x0a1","to":"m2…","kind":"notice","ask":7,"data":{…}}
//
// `to` is left out where all are meant, `ask` numbers a question, `answer` the question that is answered.
// Whoever may publish in Redis may write anything here: what can't be read is nil, never a trap.

import Bytes
import JSON

public struct FleetMessage: Sendable, Equatable {
    /// A word of small letters, for whom it concerns.
    public let kind: String
    /// JSON.
    public let data: [UInt8]

    /// `data` must be JSON: it is not checked again.
    public init(_ kind: String, _ data: [UInt8] = Array("null".utf8)) {
        precondition(Self.isKind(kind), "a kind is a word of small letters")
        (self.kind, self.data) = (kind, data)
    }

    fileprivate init?(heard kind: String, _ data: Span<UInt8>) {
        guard Self.isKind(kind) else { return nil }
        self.kind = kind
        self.data = [UInt8](capacity: data.count) { $0.append(copying: data) }
    }

    private static func isKind(_ text: String) -> Bool {
        1...32 ~= text.utf8.count
            && text.utf8.allSatisfy {
                UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 || $0 == UInt8(ascii: "_")
            }
    }
}

/// A question of another bridge, or of this one, to be answered with `Fleet.answer`.
public struct FleetCall: Sendable, Equatable {
    public let from: NodeName
    let number: UInt64
}

/// A message as it travels.
struct Envelope: Equatable {
    enum Role: Equatable { case told, asks(UInt64), answers(UInt64) }

    let from: NodeName
    var to: NodeName?
    var role = Role.told
    let message: FleetMessage

    init(from: NodeName, to: NodeName? = nil, _ message: FleetMessage, role: Role = .told) {
        (self.from, self.to, self.role, self.message) = (from, to, role, message)
    }

    init?(_ text: Span<UInt8>) {
        var outline = JSONOutline()
        guard (try? outline.read(text)) != nil, outline.kind == .object else { return nil }
        func string(_ name: String) -> String? {
            outline.member(name, in: text).flatMap { text.jsonString($0.value) }
        }
        func number(_ name: String) -> UInt64? {
            outline.member(name, in: text).flatMap { text.jsonUnsigned($0.value) }
        }
        guard let from = string("from").flatMap({ NodeName(checking: $0) }),
            let kind = string("kind"), let data = outline.member("data", in: text),
            let message = FleetMessage(heard: kind, text.extracting(data.value))
        else { return nil }
        self.init(from: from, message)
        if outline.member("to", in: text) != nil {
            guard let to = string("to").flatMap({ NodeName(checking: $0) }) else { return nil }
            self.to = to
        }
        if let question = number("ask") { role = .asks(question) }
        if let question = number("answer") { role = .answers(question) }
    }

    var encoded: [UInt8] {
        var json = JSONWriter(reserving: message.data.count + 128)
        json.beginObject()
        json.key("from")
        json.string(from.text)
        if let to {
            json.key("to")
            json.string(to.text)
        }
        json.key("kind")
        json.string(message.kind)
        switch role {
        case .told: break
        case .asks(let number):
            json.key("ask")
            json.integer(number)
        case .answers(let number):
            json.key("answer")
            json.integer(number)
        }
        json.key("data")
        json.raw(message.data.span)
        json.endObject()
        return json.bytes
    }
}
