// In which form a client gets its messages: the language that it asked for with a subprotocol, and
// whether it takes them compressed.

enum Language: String {
    case json = "jobwire.v1.json"
    case messagePack = "jobwire.v1.msgpack"
}

enum FrameForm: Int {
    case json, deflatedJSON, messagePack, deflatedMessagePack

    init(_ language: Language, deflated: Bool) {
        self =
            switch language {
            case .json: deflated ? .deflatedJSON : .json
            case .messagePack: deflated ? .deflatedMessagePack : .messagePack
            }
    }

    var isDeflated: Bool { self == .deflatedJSON || self == .deflatedMessagePack }
    var isMessagePack: Bool { self == .messagePack || self == .deflatedMessagePack }
}
