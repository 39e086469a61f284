// What it costs to check a token: the whole way from the text of the header to the grant, as the door goes it.
// Arguments: a PEM file, a secret, the time. Each line of input: a name and a token.

import Tokens

@main
struct Costs {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4, let now = Int64(arguments[3]) else {
            fatalError("usage: tokens PEM SECRET TIME")
        }
        var issuer = IssuerDescription()
        issuer.keyFiles = [arguments[1]]
        issuer.secret = Array(arguments[2].utf8)
        issuer.algorithms = TokenAlgorithm.allCases.map(\.rawValue)
        var rules = try TokenRules([issuer], KeyKeeperOptions())
        let plain = try TokenVerifier(rules)
        rules.cacheMax = 10_000
        let remembering = try TokenVerifier(rules)
        while let line = readLine() {
            let words = line.split(separator: " ")
            let token = String(words[1])
            print(
                words[0], token.utf8.count, try cost(token, plain, now),
                try cost(token, remembering, now))
        }
    }

    /// Nanoseconds for one, the best of several rounds: what disturbs a round only makes it longer.
    static func cost(_ token: String, _ verifier: TokenVerifier, _ now: Int64) throws -> Int64 {
        var best = Int64.max
        for _ in 0..<15 {
            let count: Int64 = 1_000
            let took = try ContinuousClock().measure {
                for _ in 0..<count { _ = try verifier.verify(token, now: now) }
            }
            best = min(best, Int64(took / .nanoseconds(1)) / count)
        }
        return best
    }
}
