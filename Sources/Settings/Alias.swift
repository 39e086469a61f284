// Alias is one more path for a WebSocket, `/ws/dashboard=feed:dashboard`: the clients of a system that had
// endpoints of its own go on using them.
//
// Invariant: `path` is one that a request can have and that none of Jobwire's own routes begins with.

import Jobs

public struct Alias: Equatable, Sendable {
    public enum Target: Equatable, Sendable {
        /// One socket for many, subscribed by message.
        case jobs
        case feed(JobID)
        case queue(String)
    }

    public let path: String
    public let target: Target
    /// What a token needs at this path besides the right to the target.
    public let scope: String?

    static let pathBytesMax = 128
    /// As in a client's message.
    static let queueBytesMax = 128
    static let scopes = ["jobs:read", "jobs:publish", "admin"]
    /// No alias is one of these or below it.
    static let reserved = [
        "/api/v1", "/assets", "/health", "/healthz", "/jobs", "/metrics", "/openapi.json",
        "/readyz",
    ]

    /// `PATH=TARGET` or `PATH=TARGET@SCOPE`.
    public init(reading text: String) throws(AliasFault) {
        guard let equals = text.firstIndex(of: "=") else { throw .noTarget }
        path = String(text[..<equals])
        guard path.utf8.count <= Self.pathBytesMax, path.contains(/^(\/[A-Za-z0-9_~.-]+)+$/),
            !path.contains(/\/\.{1,2}(\/|$)/)
        else { throw .badPath }
        let path = path
        if let own = Self.reserved.first(where: { path == $0 || path.hasPrefix($0 + "/") }) {
            throw .reserved(own)
        }
        let parts = text[text.index(after: equals)...].split(
            separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        scope = parts.count > 1 ? String(parts[1]) : nil
        guard scope.map(Self.scopes.contains) ?? true else { throw .unknownScope }
        target = try Target(reading: String(parts[0]))
    }
}

extension Alias.Target {
    fileprivate init(reading text: String) throws(AliasFault) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        switch (parts[0], parts.dropFirst().first.map(String.init)) {
        case ("jobs", nil): self = .jobs
        case ("feed", let name?):
            do throws(JobIDFault) { self = .feed(try JobID(checking: name, kind: .feed)) } catch {
                throw .badFeed(error)
            }
        case ("queue", let name?) where 1...Alias.queueBytesMax ~= name.utf8.count:
            self = .queue(name)
        default: throw .badTarget
        }
    }
}

/// Why a text is no alias.
public enum AliasFault: Error, Equatable, Sendable {
    case noTarget, badPath, badTarget, unknownScope
    case badFeed(JobIDFault)
    case reserved(String)

    var message: String {
        switch self {
        case .noTarget: "is not PATH=TARGET, such as /ws/dashboard=feed:dashboard"
        case .badPath:
            "needs a path such as /ws/dashboard: letters, digits and any of - . _ ~ after each /, "
                + "at most \(Alias.pathBytesMax) bytes"
        case .badTarget: "leads to none of jobs, feed:NAME and queue:NAME"
        case .badFeed(let fault): "leads to no feed: \(fault.message(of: .feed))"
        case .unknownScope: "may be narrowed by one of @\(Alias.scopes.joined(separator: ", @"))"
        case .reserved(let path): "is in the way of Jobwire's own \(path): choose another path"
        }
    }
}

extension Settings {
    public func aliasTable() throws(SettingsFault) -> [Alias] {
        let (table, problems) = readAliases()
        guard problems.isEmpty else { throw SettingsFault(problems: problems) }
        return table
    }

    var aliasProblems: [SettingsProblem] { readAliases().problems }

    private func readAliases() -> (table: [Alias], problems: [SettingsProblem]) {
        var table: [Alias] = []
        var problems: [SettingsProblem] = []
        for text in aliases {
            func refuse(_ reason: String) {
                problems.append(SettingsProblem("aliases", nil, "\(quoted(text)) \(reason)"))
            }
            do throws(AliasFault) {
                let alias = try Alias(reading: text)
                if table.contains(where: { $0.path == alias.path }) {
                    refuse("has the path of another one")
                } else if let reason = impossible(alias.target) {
                    refuse(reason)
                }
                table.append(alias)
            } catch { refuse(error.message) }
        }
        return (table, problems)
    }

    /// Why nothing could ever come of it.
    private func impossible(_ target: Alias.Target) -> String? {
        switch target {
        case .jobs, .queue: nil
        case .feed(let feed):
            feeds.contains { (try? Source(feed: $0))?.mayName(feed) ?? true }
                ? nil : "leads to a feed that is not among feeds"
        }
    }
}
