// Issuers of tokens: the one that the token settings describe, and the sections of the file.

import Testing

@testable import Settings

@Suite("Issuers")
struct IssuersTests {
    private static let secret = "0123456789abcdef0123456789abcdef"

    private func settings(_ file: String, _ arguments: [String] = []) throws -> Settings {
        try invocation(["--config=f"] + arguments, [:], ["f": file, "s": Self.secret + "\n"])
            .settings
    }

    @Test("a section describes one more issuer, with the same names and defaults")
    func sections() throws {
        let settings = try settings(
            """
            token-secret = \(Self.secret)
            token-audience = jobwire
            [issuer https://a.example/]
            jwks = https://a.example/keys
            JOBWIRE_TOKEN_AUDIENCE = one, two
            [issuer "b c"]
              token-secret-file = s
            jobs-claim = realm.jobs
            [issuer https://a.example/]
            token-algorithms = RS256
            """)
        let issuers = settings.allIssuers
        #expect(issuers.map(\.name) == ["", "https://a.example/", "b c"])
        #expect(issuers[0].settings.tokenAudience == ["jobwire"])
        #expect(issuers[1].settings.tokenAudience == ["one", "two"])
        #expect(issuers[1].settings.tokenAlgorithms == ["RS256"])
        #expect(issuers[2].settings.tokenSecret == Secret(Self.secret))
        #expect(issuers[2].settings.tokenAudience.isEmpty)
        #expect(issuers[2].settings.tokenAlgorithms == Settings().tokenAlgorithms)
        #expect(issuers[2].settings.jobsClaim == "realm.jobs" && settings.jobsClaim == "jobs")
        try settings.checked()
    }

    @Test("sections alone are enough to serve, and so is any kind of key")
    func enough() throws {
        for file in [
            "[issuer a]\njwks = k", "[issuer a]\ntoken-keys = a.pem, b.pem", "jwks = k",
            "token-keys = k", "token-issuer = a\njwks = k\n[issuer b]\njwks = k",
        ] { try settings(file).checked() }
        #expect(try settings("[issuer a]\njwks = k").allIssuers.count == 1)
        #expect(Settings().allIssuers.isEmpty)
    }

    @Test(
        "a section that can't be right is refused, with its place",
        arguments: [
            ("[issuer]", "config (from f:1): expected [issuer NAME]"),
            ("[issuer ]", "config (from f:1): expected [issuer NAME]"),
            ("[issuer a", "config (from f:1): expected [issuer NAME]"),
            ("[hello]", "config (from f:1): expected [issuer NAME]"),
            (
                "[issuer a]\nlisten = :80",
                "listen (from f:2): is no setting of one issuer; it stands before the first [issuer NAME]"
            ),
            ("[issuer a]\njwks = a\njwks = b", "jwks (from f:3): given twice"),
            (
                "[issuer a]\njwks = a\n[issuer b]\njwks = a\n[issuer a]\njwks = b",
                "jwks (from f:6): given twice"
            ),
        ])
    func refused(file: String, problem: String) throws {
        let found = faults { () throws(SettingsFault) in
            _ = try Invocation(arguments: ["--config=f"], environment: [:]) { _ in
                Array(file.utf8)
            }
        }
        #expect(found.map(\.description) == [problem])
    }

    @Test(
        "issuers that can't work are told at the check",
        arguments: [
            (
                "[issuer a]\ntoken-secret = short",
                "token-secret: of the issuer \"a\" has 5 bytes and needs 32 at least"
            ),
            (
                "[issuer a]\ntoken-audience = x",
                "issuer: of the issuer \"a\" needs token-secret, token-keys or jwks"
            ),
            (
                "token-issuer = a\njwks = k\n[issuer a]\njwks = k",
                "token-issuer: the same name stands in an [issuer] section"
            ),
        ])
    func unworkable(file: String, problem: String) throws {
        let settings = try settings(file)
        let found = faults { () throws(SettingsFault) in try settings.checked() }
        #expect(found.map(\.description) == [problem])
    }

    @Test("an issuer's secret is shown nowhere")
    func secrecy() throws {
        let settings = try settings("[issuer a]\ntoken-secret = \(Self.secret)")
        var shown = ""
        dump(settings, to: &shown)
        debugPrint(settings, settings.allIssuers, to: &shown)
        #expect(!shown.contains(Self.secret) && !shown.contains("48, 49, 50"))
    }
}
