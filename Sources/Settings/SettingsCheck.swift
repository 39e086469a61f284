// What no single setting can know: settings that need each other, or that would never work.

extension Settings {
    /// Every problem at once. `jobwire run` makes its own secret and so needs none.
    public func checked(needsTokenSecret: Bool = true) throws(SettingsFault) {
        let problems =
            listenProblems + proxyProblems + tlsProblems + originProblems + aliasProblems
            + redisProblems
            + patternProblems + tokenProblems(secretNeeded: needsTokenSecret) + sizeProblems
        guard problems.isEmpty else { throw SettingsFault(problems: problems) }
    }

    private var listenProblems: [SettingsProblem] {
        if listen.hasPrefix("unix:") { return [] }
        guard let colon = listen.lastIndex(of: ":"),
            let port = Int(listen[listen.index(after: colon)...]), (0...65_535).contains(port)
        else { return [problem("listen", "expected address:port such as 127.0.0.1:8080")] }
        let host = listen[..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        guard isBracketed || !host.contains(":") else {
            return [problem("listen", "an IPv6 address stands in brackets: [::1]:8080")]
        }
        return []
    }

    private var proxyProblems: [SettingsProblem] {
        proxyProtocol && trustedProxies.isEmpty
            ? [problem("proxy-protocol", "needs trusted-proxies, of which it is expected")] : []
    }

    private var tlsProblems: [SettingsProblem] {
        pair("tls-certificate", tlsCertificate, "tls-key", tlsKey)
            + pair("redis-certificate", redisCertificate, "redis-key", redisKey)
    }

    private func pair(
        _ first: String, _ one: String, _ second: String, _ other: String
    ) -> [SettingsProblem] {
        guard one.isEmpty != other.isEmpty else { return [] }
        let (given, missing) = one.isEmpty ? (second, first) : (first, second)
        return [problem(given, "needs \(missing) too")]
    }

    private var originProblems: [SettingsProblem] {
        allowedOrigins.filter { $0 != "*" && !$0.contains(/^[a-z][a-z0-9+.-]*:\/\/[^\/\s?#@]+$/) }
            .map {
                problem(
                    "allowed-origins", "\(quoted($0)) is no origin such as https://app.example.com")
            }
    }

    private var redisProblems: [SettingsProblem] {
        let url = redisURL.text
        guard let scheme = ["redis://", "rediss://", "unix://"].first(where: url.hasPrefix) else {
            return [problem("redis-url", "expected redis://…, rediss://… or unix://…")]
        }
        guard scheme != "rediss://" else { return [] }
        return [
            ("redis-ca", redisCA), ("redis-certificate", redisCertificate), ("redis-key", redisKey),
            ("redis-server-name", redisServerName),
        ].filter { !$0.1.isEmpty }.map {
            problem($0.0, "is for TLS and needs a rediss:// redis-url")
        }
    }

    private func tokenProblems(secretNeeded: Bool) -> [SettingsProblem] {
        var problems: [SettingsProblem] = []
        if allIssuers.isEmpty, secretNeeded {
            problems.append(
                problem(
                    "token-secret",
                    "missing, and so are token-keys and jwks; without a key no client can be let in:"
                        + " make a secret with `openssl rand -hex 32`"
                        + " and set \(Setting.prefix)TOKEN_SECRET or …_FILE"))
        }
        for issuer in allIssuers {
            let place = issuer.name.isEmpty ? "" : "of the issuer \(quoted(issuer.name)) "
            let count = issuer.settings.tokenSecret.bytes.count
            if 1..<32 ~= count {
                problems.append(
                    problem("token-secret", "\(place)has \(count) bytes and needs 32 at least"))
            }
            if !issuer.hasKeys {
                problems.append(
                    problem("issuer", "\(place)needs token-secret, token-keys or jwks"))
            }
        }
        if !tokenCookie.isEmpty, !tokenCookie.contains(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$/) {
            problems.append(
                problem("token-cookie", "\(quoted(tokenCookie)) is no name of a cookie"))
        }
        let names = allIssuers.map(\.name)
        if Set(names.map { Array($0.utf8) }).count < names.count {
            problems.append(problem("token-issuer", "the same name stands in an [issuer] section"))
        }
        return problems
    }

    private var sizeProblems: [SettingsProblem] {
        var problems: [SettingsProblem] = []
        if outboxBytesMax < eventBytesMax {
            problems.append(
                problem(
                    "outbox-bytes-max",
                    "below event-bytes-max: one large event would set every client back"))
        }
        if httpHeadBytesMax < httpLineBytesMax {
            problems.append(problem("http-head-bytes-max", "below http-line-bytes-max"))
        }
        return problems
    }

    private func problem(_ setting: String, _ reason: String) -> SettingsProblem {
        SettingsProblem(setting, reason)
    }
}
