// Entrances are the paths that lead in: our own, and the operator's aliases of them.

import Settings
import Tokens

struct Entrances {
    /// A path's meaning, and the scope that a token needs there besides the right to what it follows.
    struct Entrance: Equatable {
        let route: Route
        var scope: Grant.Scope = []
    }

    private let aliases: [String: Entrance]

    init(_ aliases: [Alias]) {
        self.aliases = Dictionary(
            aliases.map {
                ($0.path, Entrance(route: Route($0.target), scope: .init(words: $0.scope ?? "")))
            }, uniquingKeysWith: { first, _ in first })
    }

    subscript(path: String) -> Entrance { aliases[path] ?? Entrance(route: Route(path: path)) }
}

extension Route {
    fileprivate init(_ target: Alias.Target) {
        switch target {
        case .jobs: self = .socket
        case .feed(let feed): self = .feedSocket(percentEncoded(feed.text))
        case .queue(let queue): self = .queueSocket(percentEncoded(queue))
        }
    }
}

extension Grant {
    func has(_ needed: Scope) -> Bool { isAdmin || scope.isSuperset(of: needed) }
}
