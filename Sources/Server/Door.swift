// Door reads from a request who is there and what is asked for (protocol.md sections 4 and 5).
//
// The first token that is present decides; a bad one is refused even where a good one follows, so
// that nobody is served by accident with other rights than he believes to have.

import Jobs
import Hub
import Tokens
import Wire

struct Door {
    static let jsonProtocol = "jobwire.v1.json"
    private static let bearerProtocol = "bearer."

    let verifier: TokenVerifier
    /// Empty: not checked, for a page of another origin has no cookie of ours to abuse.
    let allowedOrigins: [String]

    /// The grant of the token that came with the request; nil where none came.
    func grant(
        _ head: RequestHead, protocols: [String] = [], query: Query, at seconds: Int64
    ) throws(Close) -> Grant? {
        guard let token = try token(head, protocols: protocols, query: query) else { return nil }
        do throws(TokenFault) {
            return try verifier.verify(token, now: seconds)
        } catch {
            throw .tokenRefused(error)
        }
    }

    private func token(
        _ head: RequestHead, protocols: [String], query: Query
    ) throws(Close) -> String? {
        if let authorization = head.first("authorization") {
            let words = authorization.split(separator: " ", maxSplits: 1)
            guard words.count == 2, words[0].lowercased() == "bearer" else {
                throw .tokenRefused(.malformed)
            }
            return String(words[1])
        }
        if let offer = protocols.first(where: { $0.hasPrefix(Self.bearerProtocol) }) {
            return String(offer.dropFirst(Self.bearerProtocol.count))
        }
        return query.first("token")
    }

    /// A browser says where its page comes from; other clients say nothing, and need not.
    func checkOrigin(_ head: RequestHead) throws(Close) {
        guard !allowedOrigins.isEmpty, !allowedOrigins.contains("*"),
            let origin = head.first("origin")
        else { return }
        guard allowedOrigins.contains(origin) else { throw .originRefused }
    }

    /// Our protocol where it is offered. A token is never echoed: it would end up in logs.
    static func chosenProtocol(of offered: [String]) -> String? {
        offered.first { $0 == jsonProtocol }
    }

    static func query(_ head: RequestHead) throws(Close) -> Query {
        do throws(QueryFault) {
            return try Query(head.query)
        } catch {
            throw .badRequest("the query is malformed: \(error.rawValue)")
        }
    }

    /// A job id as it stands in a path.
    static func job(_ segment: String) throws(Close) -> JobID {
        do throws(QueryFault) {
            return try checked(try percentDecoded(segment))
        } catch {
            throw .badRequest("the path is malformed: \(error.rawValue)")
        }
    }

    private static func checked(_ text: String) -> JobID? { try? JobID(checking: text) }

    /// `after`, `history` and `types` of a one-job socket.
    static func wish(_ query: Query) throws(Close) -> Wish {
        var wish = Wish()
        if let after = query.first("after") {
            do throws(CursorFault) {
                wish.after = try Cursor(checking: after)
            } catch {
                throw .badRequest("after: \(error.message)")
            }
        }
        if let history = query.first("history") {
            guard let past = Wish.Past(history) else {
                throw .badRequest("history is 'all', 'none' or a number of events")
            }
            wish.past = past
        }
        if let types = query.first("types") {
            wish.types = Set(types.split(separator: ",").map { EventType(String($0)) })
        }
        return wish
    }
}
