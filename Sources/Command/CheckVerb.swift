// `jobwire check` and `jobwire settings`: what is configured, and whether it can work.

import Loop
import Redis
import Settings

extension Verb {
    static let check = Verb(
        "check", "Whether the configuration can work; all problems at once",
        forms: ["[--connect] [SETTING]…"],
        examples: [
            "jobwire check --config=/etc/jobwire.conf",
            "JOBWIRE_REDIS_URL=redis://cache jobwire check --connect",
        ],
        details: [
            "Reads flags, variables and the file as serve would, looks whether the settings go together"
                + " and whether certificates and keys can be read, and with --connect whether Redis"
                + " answers and lets us subscribe, and whether key sets can be fetched. Prints every problem; exit code 1 where there is one."
        ],
        options: [CommandOption("connect", "Also connect to Redis, and fetch key sets")]
    ) { call throws(Failure) in
        var problems: [String] = []
        do throws(SettingsFault) { try call.settings.checked() } catch {
            problems += error.problems.map(\.description)
        }
        problems += fileProblems(call.settings)
        if problems.isEmpty { problems += call.settings.keyProblems(fetching: call.has("connect")) }
        do throws(RedisURLFault) {
            _ = try RedisAddress(parsing: call.settings.redisURL.text)
        } catch {
            problems.append("redis-url: \(error)")
        }
        // Without anything to listen to, which has been said, there is nothing to ask Redis for.
        if call.has("connect"), (try? call.settings.sources()) != nil {
            do throws(Failure) { try ConnectionCheck(call.settings).run() } catch {
                problems.append("redis-url: \(error.reason)")
            }
        }
        for problem in problems { call.place.complain(problem) }
        guard problems.isEmpty else { return .failed }
        call.place.say(
            call.has("connect")
                ? "The configuration is good, and Redis answers." : "The configuration is good.")
        return .done
    }

    private static func fileProblems(_ settings: Settings) -> [String] {
        func path(_ text: String) -> String? { text.isEmpty ? nil : text }
        var problems: [String] = []
        if let certificate = path(settings.tlsCertificate), let key = path(settings.tlsKey) {
            do throws(TLSFault) {
                _ = try TLSServer(certificateFile: certificate, keyFile: key)
            } catch { problems.append("tls-certificate: \(error)") }
        }
        do throws(TLSFault) {
            _ = try TLSClient(
                caFile: path(settings.redisCA), serverName: path(settings.redisServerName),
                certificateFile: path(settings.redisCertificate), keyFile: path(settings.redisKey))
        } catch { problems.append("redis-ca, redis-certificate, redis-key: \(error)") }
        return problems
    }

    static let settings = Verb(
        "settings", "All settings: value, where it comes from, what it means",
        forms: ["[--changed] [SETTING]…", "--markdown"],
        examples: [
            "jobwire settings --changed      # only what is configured",
            "jobwire settings --config=/etc/jobwire.conf",
        ],
        details: ["Secrets are shown as (hidden)."],
        options: [
            CommandOption("changed", "Only settings that are not the default"),
            CommandOption("markdown", "The page docs/settings.md"),
        ]
    ) { call throws(Failure) in
        if call.has("markdown") {
            _ = call.place.write(Settings.markdown())
            return .done
        }
        for group in Settings.groups {
            let rows = group.settings.compactMap { setting -> String? in
                let origin = call.invocation.origins[setting.name]
                guard origin != nil || !call.has("changed") else { return nil }
                let value = "\(setting.name) = \(setting.shown(in: call.settings))"
                guard let origin else { return "  " + value }
                let usual = setting.defaultShown
                return "  \(value)    (from \(origin)\(usual.isEmpty ? "" : "; default \(usual)"))"
            }
            guard !rows.isEmpty else { continue }
            call.place.say("\(group.name):")
            for row in rows { call.place.say(PrintableText.plain(row)) }
        }
        for issuer in call.settings.issuers {
            call.place.say(PrintableText.plain("[issuer \(issuer.name)]:"))
            for setting in Issuer.table {
                let value = setting.shown(in: issuer.settings)
                guard value != setting.defaultShown else { continue }
                call.place.say(PrintableText.plain("  \(setting.name) = \(value)"))
            }
        }
        return .done
    }
}
