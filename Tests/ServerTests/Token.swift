// Tokens of a test's clients.

import Support
import Testing
import Tokens

enum Token {
    static let secret = "a-secret-of-these-tests-01234567"

    static func of(
        jobs: String..., feeds: String..., queues: [String] = [], subject: String? = nil,
        scope: Grant.Scope = [],
        for seconds: Int64 = 3_600, id: String? = nil, issuedAt: Int64? = nil,
        secret: String = secret
    ) throws -> String {
        var content = TokenContent()
        content.jobs = jobs
        content.queues = queues
        content.feeds = feeds
        content.subject = subject
        content.scope = scope
        (content.id, content.issuedAt) = (id, issuedAt)
        content.expiresAt = wallSeconds().addingReportingOverflow(seconds).partialValue
        return try TokenMinter(.hs256(Array(secret.utf8))).mint(content)
    }

    static func header(_ token: String) -> String { "Authorization: Bearer \(token)" }

    /// Each refused for another reason, and the word for it.
    static func bad() throws -> [(token: String, word: String)] {
        [
            ("nonsense", "malformed"), ("a.b.c", "malformed"), ("..", "malformed"),
            (try of(jobs: "*", for: -3_600), "expired"),
            (try of(jobs: "*", secret: "another-secret-than-the-server's"), "signature"),
            // {"alg":"none"}
            ("eyJhbGciOiJub25lIn0.eyJzY29wZSI6ImFkbWluIn0.", "algorithm"),
            (String(repeating: "x", count: 8_193), "tooLong"),
        ]
    }
}
