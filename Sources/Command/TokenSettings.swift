// What the settings mean to tokens, for the commands; the server has its own such file, since neither of the
// two may know the other.

import CLinux
import Loop
import Settings
import Tokens

extension Settings {
    var issuerDescriptions: [IssuerDescription] {
        allIssuers.map { issuer in
            var description = IssuerDescription()
            let own = issuer.settings
            description.name = issuer.name.isEmpty ? nil : issuer.name
            description.secret = own.tokenSecret.bytes
            (description.keyFiles, description.jwks) = (own.tokenKeys, own.jwks)
            (description.algorithms, description.audience) = (
                own.tokenAlgorithms, own.tokenAudience
            )
            description.claims.subject = ClaimPath(own.subjectClaim)
            description.claims.jobs = ClaimPath(own.jobsClaim)
            description.claims.queues = ClaimPath(own.queuesClaim)
            description.claims.feeds = ClaimPath(own.feedsClaim)
            description.claims.scope = ClaimPath(own.scopeClaim)
            return description
        }
    }

    var keyOptions: KeyKeeperOptions {
        var options = KeyKeeperOptions()
        options.timeout =
            jwksTimeout.components.seconds * 1_000
            + jwksTimeout.components.attoseconds / 1_000_000_000_000_000
        options.authorities = jwksCA.isEmpty ? nil : jwksCA
        options.allowsHTTP = jwksHTTP
        return options
    }

    /// What is wrong with the keys, in files and, if asked, at their addresses.
    func keyProblems(fetching: Bool) -> [SettingsProblem] {
        guard !allIssuers.isEmpty else { return [] }
        var rules: TokenRules
        do throws(TokenSetupFault) {
            rules = try TokenRules(issuerDescriptions, keyOptions)
        } catch { return [SettingsProblem(error.setting, "\(error)")] }
        var problems: [SettingsProblem] = []
        for index in rules.awaited where fetching {
            do throws(KeySetUnread) { try fetchKeys(of: index, for: &rules) } catch {
                problems.append(SettingsProblem("jwks", "\(error)"))
            }
        }
        return problems
    }

    func fetchKeys(of issuer: Int, for rules: inout TokenRules) throws(KeySetUnread) {
        // A source that hangs up is an error, not the end of us.
        Signals.block([SIGPIPE])
        try rules.fetchKeys(of: issuer, keyOptions)
    }
}
