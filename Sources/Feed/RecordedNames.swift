// RecordedNames is every name in Redis of what is recorded: bridges, doctor, verify and tests ask here.
//
// All keys lie in one slot, by the tag {p}. Channels carry the database, since pub/sub ignores SELECT, and the
// beginning of the reign: what an earlier primary says is not heard by whoever listens to this one.

public struct RecordedNames: Sendable {
    /// What all keys and channels begin with.
    public let root: String
    private let database: Int

    public init(prefix: String, database: Int) {
        root = "\(prefix):{p}:"
        self.database = database
    }

    public var ingest: String { root + "ingest" }
    public func state(_ stem: String) -> String { "\(root)\(stem):state" }
    public func events(_ stem: String) -> String { "\(root)\(stem):events" }

    /// What was recorded.
    public func stamped(in reign: String) -> String { channel("stamped", reign) }
    /// What bridges ask each other.
    public func control(in reign: String) -> String { channel("control", reign) }
    /// Nothing is said on it: who subscribes to it holds names.
    public func present(in reign: String) -> String { channel("present", reign) }
    /// Nor on this: who subscribes to it would open the era of this name, or has opened it.
    func claim(_ era: Name, in reign: String) -> String { claim(era.text, in: reign) }
    private func claim(_ era: String, in reign: String) -> String { "\(present(in: reign)):\(era)" }

    /// What a bridge must be allowed to subscribe to; whoever tries them is counted for nothing.
    public func tried(in reign: String) -> [String] {
        [stamped(in: reign), control(in: reign), claim("tried", in: reign)]
    }

    private func channel(_ name: String, _ reign: String) -> String {
        "\(root)\(name):\(database):\(reign.prefix(Self.reignShown))"
    }

    private static let reignShown = 8
}
