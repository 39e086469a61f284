// A token made on the spot with the configured secret, for those who run the bridge themselves.

import Settings
import Telemetry
import Tokens

enum Minted {
    static var now: Int64 { wallClock() / 1_000 }

    static func token(
        _ settings: Settings, seconds: Int64, _ fill: (inout TokenContent) -> Void
    ) throws(Failure) -> String {
        var content = TokenContent()
        content.issuedAt = now
        if !settings.tokenIssuer.isEmpty { content.issuer = settings.tokenIssuer }
        content.audience = settings.tokenAudience.first
        let (end, overflow) = now.addingReportingOverflow(seconds)
        content.expiresAt = overflow ? Int64.max : end
        fill(&content)
        do throws(TokenSetupFault) {
            return try TokenMinter(.hs256(settings.tokenSecret.bytes)).mint(content)
        } catch { throw Failure(.usage, "token-secret: \(error)") }
    }
}

extension Call {
    /// The settings, with what a `jobwire run` of the same user left for us to find where the user
    /// configured nothing.
    func settingsBesideRun() throws(Failure) -> (settings: Settings, url: String?) {
        var found = settings
        guard let root = try? RunFolder.root(value("data-dir"), place.environment) else {
            return (found, nil)
        }
        let run = RunFolder.running(in: root)
        if let run, invocation.origins["redis-url"] == nil { found.redisURL = Secret(run.redis) }
        if found.tokenSecret.isEmpty, let secret = try RunFolder.secret(in: root) {
            found.tokenSecret = secret
        }
        return (found, run?.url)
    }
}
