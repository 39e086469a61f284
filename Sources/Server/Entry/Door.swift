// Door reads from a request what is asked for, and knows whose token it is (protocol.md sections 4 and 5).
// Where a request may have its token is Entry/Credential.swift's.

import Hub
import Jobs
import Loop
import Settings
import Tokens
import Wire

struct Door {
    let verifier: TokenVerifier
    private let revoked: RevokedTokens
    let crossOrigin: CrossOrigin
    let entrances: Entrances
    let sources: [Source]
    private let keepsTokens: Bool
    let cookie: TokenCookie?
    let securityHeaders: SecurityHeaders

    init(_ house: House, _ revoked: RevokedTokens) throws(StartFault) {
        self.revoked = revoked
        do throws(TokenSetupFault) { verifier = try TokenVerifier(house.tokenRules) } catch {
            throw .token(error)
        }
        verifier.wantKeys = { [keeper = house.keyKeeper] in keeper?.ask($0) }
        let settings = house.settings
        cookie = TokenCookie(settings.tokenCookie)
        crossOrigin = CrossOrigin(
            allowedOrigins: settings.allowedOrigins, takesCookies: cookie != nil)
        securityHeaders = SecurityHeaders(settings)
        entrances = try settings.entrances()
        sources = try settings.heardSources()
        keepsTokens = house.rightsHook != nil
    }

    func grant(of token: String) throws(Close) -> Grant {
        do throws(TokenFault) { return try verify(token) } catch { throw .tokenRefused(error) }
    }

    /// Rightly signed, in its time, and not revoked.
    func verify(_ token: String) throws(TokenFault) -> Grant {
        var grant = try verifier.verify(token, now: WallClock.milliseconds() / 1_000)
        try revoked.check(grant)
        if keepsTokens { grant.token = HeldToken(token) }
        return grant
    }

    /// Time has passed since its token was looked at.
    func checkStill(_ grant: Grant) throws(Close) {
        do throws(TokenFault) { try revoked.check(grant) } catch { throw .tokenRefused(error) }
    }

    /// The first of ours that is offered. A token is never echoed: it would end up in logs.
    static func language(of offered: [String]) -> Language? {
        offered.lazy.compactMap(Language.init).first
    }

    static func query(_ head: RequestHead) throws(Close) -> Query {
        do throws(QueryFault) {
            return try Query(head.query)
        } catch {
            throw .badRequest("the query is malformed: \(error.rawValue)")
        }
    }

    /// A job's or a feed's name as it stands in a path.
    static func name(_ segment: String, _ kind: JobID.Kind = .job) throws(Close) -> JobID {
        let text: String
        do throws(QueryFault) { text = try percentDecoded(segment) } catch {
            throw .badRequest("the path is malformed: \(error.rawValue)")
        }
        do throws(JobIDFault) { return try JobID(checking: text, kind: kind) } catch {
            throw .badRequest(error.message(of: kind))
        }
    }

    /// A queue's name as it stands in a path; `*` is all.
    static func queue(_ segment: String) throws(Close) -> String {
        let text: String
        do throws(QueryFault) { text = try percentDecoded(segment) } catch {
            throw .badRequest("the path is malformed: \(error.rawValue)")
        }
        guard 1...ClientMessageReader.queueBytesMax ~= text.utf8.count else {
            throw .badRequest(
                "a queue's name has 1 to \(ClientMessageReader.queueBytesMax) bytes")
        }
        return text
    }

    /// What the query of a queue may choose.
    static func viewWish(_ query: Query) throws(Close) -> Wish {
        let wish = try wish(query)
        guard wish.after == nil else { throw .badRequest(noQueueCursor) }
        return wish
    }

    static let noQueueCursor = "a queue has no cursor"

    /// What a one-job socket asks for in its query.
    static func wish(_ query: Query) throws(Close) -> Wish {
        let options: FollowOptions
        do throws(FollowFault) { options = try FollowOptions(query) } catch {
            throw .badRequest(error.message)
        }
        return Wish(options)
    }
}
