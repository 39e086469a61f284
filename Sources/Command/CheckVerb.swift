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
        options: [CommandOption("connect", "Also connect to Redis, and fetch key sets")],
        readsFaulty: true
    ) { call throws(Failure) in
        let settings = call.settings
        var problems = Problems(call.invocation.problems)
        do throws(SettingsFault) { try settings.checked() } catch { problems.add(error.problems) }
        problems.add(fileProblems(settings) + settings.keyProblems(fetching: call.has("connect")))
        do throws(RedisURLFault) { _ = try RedisAddress(parsing: settings.redisURL.text) } catch {
            problems.add([SettingsProblem("redis-url", "\(error)")])
        }
        // Without anything to listen to, which has been said, there is nothing to ask Redis for.
        if call.has("connect"), (try? settings.sources()) != nil {
            do throws(Failure) { try ConnectionCheck(settings).run() } catch {
                problems.add([SettingsProblem("redis-url", error.reason)])
            }
        }
        for problem in problems.all { call.place.complain("\(problem)") }
        guard problems.all.isEmpty else { return .failed }
        call.place.say(
            call.has("connect")
                ? "The configuration is good, and Redis answers." : "The configuration is good.")
        return .done
    }

    /// Of each setting what was found first: what comes of it is no problem of its own.
    private struct Problems {
        private(set) var all: [SettingsProblem]

        init(_ first: [SettingsProblem]) { all = first }

        mutating func add(_ more: [SettingsProblem]) {
            let named = Set(all.map(\.setting))
            all += more.filter { !named.contains($0.setting) }
        }
    }

    private static func fileProblems(_ settings: Settings) -> [SettingsProblem] {
        func path(_ text: String) -> String? { text.isEmpty ? nil : text }
        var problems: [SettingsProblem] = []
        if let certificate = path(settings.tlsCertificate), let key = path(settings.tlsKey) {
            do throws(TLSFault) {
                _ = try TLSServer(certificateFile: certificate, keyFile: key)
            } catch { problems.append(SettingsProblem("tls-certificate", "\(error)")) }
        }
        do throws(TLSFault) {
            _ = try TLSClient(
                caFile: path(settings.redisCA), serverName: path(settings.redisServerName),
                certificateFile: path(settings.redisCertificate), keyFile: path(settings.redisKey))
        } catch {
            problems.append(
                SettingsProblem("redis-ca, redis-certificate, redis-key", "\(error)"))
        }
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
