// Keys that come while the server runs: each loop gives them to its verifier, loop 0 tells of them.

import Loop
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
                throttledLog.line(
                    .info, "key_not_used", at: loop.now.milliseconds,
                    [
                        "issuer": issuer, "key": .integer(index), "why": .text(fault.rawValue),
                        "meaning": .text(fault.message),
                    ])
            }
            noteReading(of: news.issuer)
        case .unchanged:
            metrics.jwksRefreshes.add(.unchanged)
            noteReading(of: news.issuer)
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

    private func noteReading(of issuer: Int) {
        keysReadAt.note(issuer, loop.now)
        house.areKeysHere.store(keysReadAt.areAllHere, ordering: .relaxed)
        countKeyAge()
    }

    func countKeyAge() {
        if feed != nil { metrics.jwksAge.set(keysReadAt.oldest(loop.now)) }
    }
}

/// When the keys of each issuer that has them from afar were last read.
struct KeyReadings {
    private var readAt: [Int: Instant] = [:]
    private var awaited: Set<Int>

    init(_ rules: TokenRules, _ now: Instant) {
        awaited = Set(rules.awaited)
        for index in rules.issuers.indices where rules.issuers[index].isRemote {
            readAt[index] = now
        }
    }

    var areAllHere: Bool { awaited.isEmpty }

    mutating func note(_ issuer: Int, _ now: Instant) {
        readAt[issuer] = now
        awaited.remove(issuer)
    }

    /// In seconds, also of those that are still awaited; 0 where no keys come from afar.
    func oldest(_ now: Instant) -> Int {
        readAt.values.map { Int((now.milliseconds - $0.milliseconds) / 1_000) }.max() ?? 0
    }
}
