// Keys that come while the server runs: each loop gives them to its verifier, loop 0 tells of them.

import Synchronization
import Telemetry
import Tokens

extension Worker {
    func hear(_ news: KeyNews) {
        if case .keys(let keys, _) = news.outcome {
            do throws(TokenSetupFault) {
                try door.verifier.install(keys, of: news.issuer)
            } catch {
                log.error("keys_not_installed", ["error": .word(error)])
            }
        }
        if feed != nil { tell(news) }
    }

    private func tell(_ news: KeyNews) {
        let issuer = LogValue.text(house.tokenRules.issuers[news.issuer].name ?? "")
        switch news.outcome {
        case .keys(let keys, let refused):
            metrics.jwksRefreshes.add(.changed)
            log.info(
                "keys_read",
                [
                    "issuer": issuer, "keys": .integer(keys.count),
                    "not_used": .integer(refused.count),
                ])
            for (index, fault) in refused {
                log.info(
                    "key_not_used",
                    [
                        "issuer": issuer, "key": .integer(index), "why": .text(fault.rawValue),
                        "meaning": .text(fault.message),
                    ])
            }
            house.keyAges.read(news.issuer, at: loop.now.milliseconds)
        case .unchanged:
            metrics.jwksRefreshes.add(.unchanged)
            house.keyAges.read(news.issuer, at: loop.now.milliseconds)
        case .failed(let reason):
            metrics.jwksRefreshes.add(.failed)
            throttledLog.line(
                .warning, "keys_not_read", at: loop.now.milliseconds,
                [
                    "issuer": issuer, "why": .text(reason),
                    "what_to_do": "the keys that were read last stay in use; it is tried again",
                ])
        }
    }
}
