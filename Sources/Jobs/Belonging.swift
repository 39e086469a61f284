// Belonging is what a job's state says of who may see it: in which queue it is, and whose it is.
//
// Names are compared byte for byte: no Unicode equivalence may turn one into another.

public struct Belonging: Sendable {
    public let queue: String?
    /// A text or a number; what is neither is nobody.
    public let owner: String?

    public init(queue: String? = nil, owner: String? = nil) {
        (self.queue, self.owner) = (queue, owner)
    }

    /// Each as the JSON that a worker wrote; nil or empty where nothing was said.
    public init(queue: [UInt8]?, owner: [UInt8]?) {
        func said(_ json: [UInt8]?) -> [UInt8]? { json?.isEmpty == false ? json : nil }
        self.queue = said(queue).map(Snapshot.text)
        self.owner = said(owner).flatMap { json in
            let isName =
                json[0] == UInt8(ascii: "\"") || json.span.jsonDouble(0..<json.count) != nil
            return isName ? Snapshot.text(of: json) : nil
        }
    }

    public func isOwned(by subject: String) -> Bool { same(owner, subject) }
    public func isIn(_ queue: String) -> Bool { same(self.queue, queue) }
}

extension Belonging: Equatable {
    public static func == (one: Belonging, other: Belonging) -> Bool {
        same(one.queue, other.queue) && same(one.owner, other.owner)
    }
}

private func same(_ one: String?, _ other: String?) -> Bool {
    guard let one, let other else { return one == nil && other == nil }
    return one.utf8.elementsEqual(other.utf8)
}

extension Snapshot {
    public var belonging: Belonging { Belonging(queue: json(.queue), owner: json(.owner)) }
}

extension SnapshotChange {
    /// Whether it may bring the job to another queue or owner.
    public var setsBelonging: Bool { sets(.queue) || sets(.owner) }
}
