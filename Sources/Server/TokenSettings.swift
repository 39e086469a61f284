// What the settings mean to the room of tokens.

import Settings
import Tokens

extension TokenRules {
    init(_ settings: Settings) throws(StartFault) {
        guard !settings.allIssuers.isEmpty else { throw .noSecret }
        do throws(TokenSetupFault) {
            try self.init(
                settings.allIssuers.map { IssuerDescription($0) }, KeyKeeperOptions(settings))
        } catch {
            throw .token(error)
        }
        leeway = settings.tokenLeeway.components.seconds
        requiresExpiry = settings.requireExp
        bytesMax = settings.tokenBytesMax
        cacheMax = settings.tokenCacheMax
    }
}

extension IssuerDescription {
    fileprivate init(_ issuer: Issuer) {
        self.init()
        let settings = issuer.settings
        name = issuer.name.isEmpty ? nil : issuer.name
        (secret, keyFiles, jwks) = (settings.tokenSecret.bytes, settings.tokenKeys, settings.jwks)
        (algorithms, audience) = (settings.tokenAlgorithms, settings.tokenAudience)
        claims.subject = ClaimPath(settings.subjectClaim)
        claims.jobs = ClaimPath(settings.jobsClaim)
        claims.queues = ClaimPath(settings.queuesClaim)
        claims.feeds = ClaimPath(settings.feedsClaim)
        claims.scope = ClaimPath(settings.scopeClaim)
    }
}

extension KeyKeeperOptions {
    init(_ settings: Settings) {
        self.init()
        interval = settings.jwksRefresh.milliseconds
        timeout = settings.jwksTimeout.milliseconds
        authorities = settings.jwksCA.isEmpty ? nil : settings.jwksCA
        allowsHTTP = settings.jwksHTTP
    }
}

extension RightsHookOptions {
    init(_ settings: Settings) {
        self.init()
        url = settings.rightsHook
        timeout = settings.rightsHookTimeout.milliseconds
        cache = settings.rightsHookCache.milliseconds
        (cacheMax, atOnceMax) = (settings.rightsHookCacheMax, settings.rightsHookAtOnceMax)
        authorities = settings.rightsHookCA.isEmpty ? nil : settings.rightsHookCA
        allowsHTTP = settings.rightsHookHTTP
    }
}

extension Duration {
    fileprivate var milliseconds: Int64 {
        components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
    }
}
