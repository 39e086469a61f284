// LoopSet says which loops follow a job, so that an update is posted to those and no others.

public struct LoopSet: Equatable, Sendable {
    public static let loopsMax = 64
    private var bits: UInt64 = 0

    public init() {}

    public var isEmpty: Bool { bits == 0 }
    public func contains(_ loop: Int) -> Bool { bits & (1 << UInt64(loop)) != 0 }
    var members: [Int] { (0..<Self.loopsMax).filter(contains) }
    public mutating func insert(_ loop: Int) { bits |= 1 << UInt64(loop) }
    public mutating func remove(_ loop: Int) { bits &= ~(1 << UInt64(loop)) }

    func subtracting(_ others: LoopSet) -> LoopSet {
        var rest = self
        rest.bits &= ~others.bits
        return rest
    }
}
