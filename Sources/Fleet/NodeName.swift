// NodeName names a bridge from its start to its end, ConnectionID one of its connections for as long as it
// lasts. Neither is ever used again.

public struct NodeName: Hashable, Sendable, CustomStringConvertible {
    static let length = 8
    private static let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789".utf8)

    public let text: String
    public var description: String { text }

    public static func random(
        using generator: inout some RandomNumberGenerator
    ) -> NodeName {
        var text = ""
        for _ in 0..<length {
            let letter = letters[Int.random(in: letters.indices, using: &generator)]
            text.unicodeScalars.append(Unicode.Scalar(letter))
        }
        return NodeName(made: text)
    }

    public static func random() -> NodeName {
        var generator = SystemRandomNumberGenerator()
        return random(using: &generator)
    }

    /// nil where no bridge can have this name.
    public init?(checking text: some StringProtocol) {
        guard text.utf8.count == Self.length, text.utf8.allSatisfy(Self.letters.contains) else {
            return nil
        }
        self.text = String(text)
    }

    private init(made text: String) { self.text = text }
}

/// As operators see it: `<node>-<serial>`.
public struct ConnectionID: Hashable, Sendable, CustomStringConvertible {
    public let node: NodeName
    public let serial: Int

    public init(node: NodeName, serial: Int) { (self.node, self.serial) = (node, serial) }

    /// nil where no connection can have this id.
    public init?(checking text: some StringProtocol) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let node = NodeName(checking: parts[0]),
            let serial = Int(parts[1]), serial >= 0, String(serial) == parts[1]
        else { return nil }
        self.init(node: node, serial: serial)
    }

    public var description: String { "\(node)-\(serial)" }
}
