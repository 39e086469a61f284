// What a token lets its bearer do. Made by the verifier, asked by everybody else.
//
// Names are compared byte for byte: no Unicode equivalence may turn one name into another.

public struct Grant: Sendable, Equatable {
    private struct Content: Sendable, Equatable {
        var subject: String?
        var expiresAt: Int64?
        var scope: Scope
        var jobs, queues, feeds: NameRights
        var issuer: String?
        var id: String?
        var issuedAt: Int64?
        var token: HeldToken?
    }

    private final class Box: Sendable {
        let content: Content
        init(_ content: Content) { self.content = content }
    }

    /// Every connection has a grant, and those of one token share what it says.
    private var box: Box
    private var content: Content {
        get { box.content }
        set { box = Box(newValue) }
    }

    public static func == (one: Grant, other: Grant) -> Bool { one.content == other.content }

    /// Nil when the token names nobody; an empty `sub` names nobody.
    public var subject: String? { box.content.subject }
    /// Seconds since 1970; nil only where `require-exp` is off.
    public var expiresAt: Int64? { box.content.expiresAt }
    public var scope: Scope { box.content.scope }
    public var jobs: NameRights { box.content.jobs }
    public var queues: NameRights { box.content.queues }
    public var feeds: NameRights { box.content.feeds }
    /// `iss`: whose word this is. A subject is one issuer's.
    public var issuer: String? { box.content.issuer }
    /// By which this token can be revoked: its `jti`, or else what only it has; see TokenVerifier.
    public internal(set) var id: String? {
        get { box.content.id }
        set { content.id = newValue }
    }
    public var issuedAt: Int64? { box.content.issuedAt }
    /// The token itself, kept only where somebody else is asked what it may see.
    public var token: HeldToken? {
        get { box.content.token }
        set { content.token = newValue }
    }

    public struct Scope: OptionSet, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static let jobsRead = Scope(rawValue: 1)
        public static let jobsPublish = Scope(rawValue: 2)
        public static let admin = Scope(rawValue: 4)
    }

    public init(
        subject: String? = nil, expiresAt: Int64? = nil, scope: Scope = [],
        jobs: NameRights = NameRights(), queues: NameRights = NameRights(),
        feeds: NameRights = NameRights(), issuer: String? = nil, id: String? = nil,
        issuedAt: Int64? = nil
    ) {
        box = Box(
            Content(
                subject: subject, expiresAt: expiresAt, scope: scope, jobs: jobs, queues: queues,
                feeds: feeds, issuer: issuer, id: id, issuedAt: issuedAt))
    }

    public var isAdmin: Bool { scope.contains(.admin) }
    /// An administrator may do all that others may.
    public var mayPublish: Bool { isAdmin || scope.contains(.jobsPublish) }
    public var mayFollowAllJobs: Bool { isAdmin || scope.contains(.jobsRead) || jobs.areAll }

    public func mayFollow(job: String) -> Bool { mayFollowAllJobs || jobs.cover(job) }
    /// With the scope to publish all jobs are meant, unless `jobs` says which.
    public func mayPublish(job: String) -> Bool {
        isAdmin || mayPublish && (!jobs.areGiven || jobs.cover(job))
    }
    public func mayFollow(queue: String) -> Bool { isAdmin || queues.cover(queue) }
    public func mayFollow(feed: String) -> Bool { isAdmin || feeds.cover(feed) }

    /// A fresh token may take the place of this one only if it names the same subject of the same issuer.
    public func hasSameSubject(as other: Grant) -> Bool {
        same(subject, other.subject) && same(issuer, other.issuer)
    }

    private func same(_ one: String?, _ other: String?) -> Bool {
        guard let one, let other else { return one == nil && other == nil }
        return one.utf8.elementsEqual(other.utf8)
    }
}

/// A token's own text, which nothing that is printed shows.
public struct HeldToken: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
    let text: String

    public init(_ text: String) { self.text = text }

    public var description: String { "(hidden)" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Names, and prefixes written with a `*` at their end. A lone `*` is the empty prefix: every name.
public struct NameRights: Sendable, Equatable {
    private final class Lists: Sendable {
        /// Sorted by their bytes, so that a token with thousands of names answers as fast as one.
        let names: [String]
        let prefixes: [String]

        init(_ names: [String], _ prefixes: [String]) {
            (self.names, self.prefixes) = (names, prefixes)
        }
    }

    /// nil where nothing was said, as in most tokens: every connection has a grant, so it is small.
    private let lists: Lists?

    public init() { lists = nil }

    /// Nil when a `*` stands anywhere but at an end: it would look like a right and never be one.
    public init?(_ entries: [String]) {
        var (names, prefixes): ([String], [String]) = ([], [])
        for entry in entries {
            guard let star = entry.utf8.firstIndex(of: UInt8(ascii: "*")) else {
                names.append(entry)
                continue
            }
            guard entry.utf8.index(after: star) == entry.endIndex else { return nil }
            prefixes.append(String(entry[..<star]))
        }
        names.sort(by: precedes)
        lists = Lists(names, prefixes)
    }

    public static func == (one: NameRights, other: NameRights) -> Bool {
        one.lists?.names == other.lists?.names && one.lists?.prefixes == other.lists?.prefixes
    }

    public var areAll: Bool { lists?.prefixes.contains("") ?? false }
    /// Whether names were given at all. An empty list was: it names nobody.
    public var areGiven: Bool { lists != nil }

    public func cover(_ name: String) -> Bool {
        guard let (names, prefixes) = lists.map({ ($0.names, $0.prefixes) }) else { return false }
        var (low, high) = (0, names.count)
        while low < high {
            let middle = (low + high) / 2
            if precedes(names[middle], name) { low = middle + 1 } else { high = middle }
        }
        return (low < names.count && names[low].utf8.elementsEqual(name.utf8))
            || prefixes.contains { name.utf8.starts(with: $0.utf8) }
    }
}

private func precedes(_ first: String, _ second: String) -> Bool {
    first.utf8.lexicographicallyPrecedes(second.utf8)
}
