// What vectors cannot say: settings of the verifier, minted tokens, rights, base64url, secrets, speed.

import Support
import Testing

@testable import Tokens

@Suite("Tokens")
struct TokenTests {
    static let secret = Array("0123456789abcdef0123456789abcdef".utf8)

    private func rules(_ secrets: [UInt8]...) throws -> TokenRules {
        TokenRules(keys: try secrets.map { secret throws(TokenSetupFault) in try .hs256(secret) })
    }

    @Test("a minted token grants what was put in it")
    func minted() throws {
        var content = TokenContent()
        content.subject = "u\"1\"\n😀".filter { $0 != "\n" }
        content.jobs = ["a", "b-*"]
        content.queues = ["q"]
        content.feeds = ["f"]
        content.scope = [.jobsRead, .jobsPublish, .admin]
        (content.issuedAt, content.notBefore, content.expiresAt) = (100, 100, 200)
        let token = try TokenMinter(.hs256(Self.secret)).mint(content)
        let grant = try TokenVerifier(rules(Self.secret)).verify(token, now: 150)
        #expect(
            grant
                == Grant(
                    subject: content.subject, expiresAt: 200, scope: content.scope,
                    jobs: try #require(NameRights(["a", "b-*"])),
                    queues: try #require(NameRights(["q"])),
                    feeds: try #require(NameRights(["f"])), id: grant.id, issuedAt: 100))
    }

    @Test("a token is known by its jti, or by what was signed where that is no use")
    func ids() throws {
        func grant(_ id: String?, subject: String = "u") throws -> Grant {
            var content = TokenContent()
            (content.subject, content.id, content.expiresAt) = (subject, id, 200)
            let token = try TokenMinter(.hs256(Self.secret)).mint(content)
            return try TokenVerifier(rules(Self.secret)).verify(token, now: 150)
        }
        let longest = String(repeating: "x", count: TokenVerifier.idBytesMax)
        for id in ["a", "é", longest] { #expect(try grant(id).id == id) }
        var others: Set<String?> = []
        for id in [nil, "", longest + "x"] {
            let found = try grant(id).id
            #expect(found?.hasPrefix("sha256:") == true && found?.utf8.count == 7 + 43)
            #expect(try grant(id).id == found)
            others.insert(found)
            others.insert(try grant(id, subject: "v").id)
        }
        #expect(others.count == 6)
    }

    @Test(
        "a token lives from nbf to exp, and the leeway longer at both ends",
        arguments: [0, 1, 30, 600] as [Int64])
    func lifetime(leeway: Int64) throws {
        var rules = try rules(Self.secret)
        rules.leeway = leeway
        let verifier = try TokenVerifier(rules)
        var content = TokenContent()
        (content.notBefore, content.expiresAt) = (10_000, 20_000)
        let token = try TokenMinter(.hs256(Self.secret)).mint(content)
        func fault(at now: Int64) -> TokenFault? {
            do throws(TokenFault) {
                _ = try verifier.verify(token, now: now)
                return nil
            } catch { return error }
        }
        #expect(fault(at: 10_000 - leeway - 1) == .notYetValid)
        #expect(fault(at: 10_000 - leeway) == nil)
        #expect(fault(at: 20_000 + leeway - 1) == nil)
        #expect(fault(at: 20_000 + leeway) == .expired)
        #expect(fault(at: .max) == .expired)
        #expect(fault(at: .min) == .notYetValid)
    }

    @Test("without require-exp a token may live for ever")
    func withoutExpiry() throws {
        var rules = try rules(Self.secret)
        let token = try TokenMinter(.hs256(Self.secret)).mint(TokenContent())
        #expect(throws: TokenFault.noExpiry) { try TokenVerifier(rules).verify(token, now: 0) }
        rules.requiresExpiry = false
        #expect(try TokenVerifier(rules).verify(token, now: .max).expiresAt == nil)
    }

    @Test("the longest token is looked at, one byte more is not")
    func bytesMax() throws {
        var rules = try rules(Self.secret)
        var content = TokenContent()
        content.expiresAt = 100
        let token = try TokenMinter(.hs256(Self.secret)).mint(content)
        rules.bytesMax = token.utf8.count
        _ = try TokenVerifier(rules).verify(token, now: 0)
        rules.bytesMax -= 1
        #expect(throws: TokenFault.tooLong) { try TokenVerifier(rules).verify(token, now: 0) }
    }

    @Test("while one secret takes over from another, both are good")
    func twoSecrets() throws {
        let next = Array("fedcba9876543210fedcba9876543210".utf8)
        let verifier = try TokenVerifier(rules(Self.secret, next))
        var content = TokenContent()
        content.expiresAt = 100
        for secret in [Self.secret, next, Self.secret] {
            _ = try verifier.verify(TokenMinter(.hs256(secret)).mint(content), now: 0)
        }
        let third = try TokenMinter(.hs256(next.map { $0 ^ 1 })).mint(content)
        #expect(throws: TokenFault.badSignature) { try verifier.verify(third, now: 0) }
    }

    @Test("no verifier without a key, and no key below 32 bytes")
    func setup() throws {
        #expect(throws: TokenSetupFault.noKey) { try TokenVerifier(TokenRules(keys: [])) }
        for count in 0..<32 {
            #expect(throws: TokenSetupFault.secretTooShort(bytes: count)) {
                try TokenKey.hs256(Array(repeating: 0, count: count))
            }
        }
        _ = try TokenVerifier(
            rules(Array(repeating: 0, count: 32), Array(repeating: 255, count: 1_000)))
    }

    @Test("cut anywhere, with any byte changed, a token is refused")
    func everyByte() throws {
        let verifier = try TokenVerifier(rules(Self.secret))
        var content = TokenContent()
        content.expiresAt = 100
        let token = Array(try TokenMinter(.hs256(Self.secret)).mint(content).utf8)
        for count in 0..<token.count {
            #expect(throws: TokenFault.self) {
                try verifier.verify(Array(token[..<count]).span, now: 0)
            }
            for byte in [
                token[count] ^ 1, token[count] ^ 0x20, 0, 0xFF, UInt8(ascii: "."),
                UInt8(ascii: "="),
            ]
            where byte != token[count] {
                var changed = token
                changed[count] = byte
                #expect(throws: TokenFault.self, "\(count) \(byte)") {
                    try verifier.verify(changed.span, now: 0)
                }
            }
        }
        _ = try verifier.verify(token.span, now: 0)
    }

    @Test("random bytes are refused and never trap")
    func randomBytes() throws {
        let verifier = try TokenVerifier(rules(Self.secret))
        var random = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            let bytes = (0..<Int.random(in: 1...200)).map { _ in
                Bool.random()
                    ? UInt8.random(in: 0...255, using: &random)
                    : Array("ey.J0_-".utf8).randomElement() ?? 0
            }
            #expect(throws: TokenFault.self) { try verifier.verify(bytes.span, now: 0) }
        }
    }

    @Test(
        "a fresh token takes over only for the same subject",
        arguments: [
            (nil, nil, true), ("a", "a", true), ("a", "b", false), ("a", nil, false),
            ("\u{212A}", "K", false),
        ]
            as [(String?, String?, Bool)])
    func subjects(one: String?, other: String?, same: Bool) {
        #expect(Grant(subject: one).hasSameSubject(as: Grant(subject: other)) == same)
        #expect(Grant(subject: other).hasSameSubject(as: Grant(subject: one)) == same)
    }

    @Test("among thousands of names each is found and its neighbours are not")
    func manyNames() throws {
        let rights = try #require(
            NameRights((0..<2_000).shuffled().map { "job-\($0 * 2)" } + ["x-*", "x-1*"]))
        for number in 0..<4_000 { #expect(rights.cover("job-\(number)") == (number % 2 == 0)) }
        #expect(
            rights.cover("x-") && rights.cover("x-1") && !rights.cover("x") && !rights.cover("job-")
        )
        #expect(!rights.areAll && rights.areGiven)
        let none = try #require(NameRights([]))
        let publisher = Grant(scope: .jobsPublish, jobs: none)
        #expect(none.areGiven && !publisher.mayPublish(job: "a"), "an empty list names nobody")
        #expect(Grant(scope: .jobsPublish).mayPublish(job: "a"))
    }

    @Test("base64url takes back what it wrote, and nothing else of that length")
    func base64() {
        for count in 0...66 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ count) }
            let text = Array(Base64URL.encode(bytes).utf8)
            var back: [UInt8] = [1]
            #expect(Base64URL.decode(text.span, into: &back) && back == bytes)
            #expect(text.count % 4 != 1)
            guard let last = text.last else { continue }
            var spellings = 0
            for letter in UInt8.min...UInt8.max {
                let changed = Array(text.dropLast()) + [letter]
                guard Base64URL.decode(changed.span, into: &back) else { continue }
                #expect(Array(Base64URL.encode(back).utf8) == changed)
                if back == bytes { spellings += 1 }
            }
            #expect(spellings == 1, "\(last)")
        }
    }

    @Test("secrets are random, long enough, and never shown")
    func secrets() throws {
        let secrets = try (0..<100).map { _ in try RandomSecret.text() }
        #expect(Set(secrets).count == 100)
        for secret in secrets { #expect(secret.contains(/^[A-Za-z0-9_-]{43}$/)) }
        let rules = TokenRules(keys: [try .hs256(Array(secrets[0].utf8))])
        var shown = ""
        dump(rules, to: &shown)
        print(rules, rules.issuers[0].keys[0], to: &shown)
        debugPrint(rules, to: &shown)
        // Nor byte by byte, as an array is shown.
        let numbers = shown.split { !$0.isASCII || !$0.isNumber }.map(String.init)
        let bytes = secrets[0].utf8.prefix(4).map { String($0) }
        #expect(!shown.contains(secrets[0]) && !numbers.contains(bytes))
    }

    @Test("every fault has a word of its own and a sentence without a token")
    func messages() {
        #expect(Set(TokenFault.allCases.map(\.message)).count == TokenFault.allCases.count)
        #expect(
            TokenFault.allCases.allSatisfy {
                $0.rawValue.contains(/^[a-z_]+$/) && $0.message.count > 10
            })
    }

    @Test("an inspected token cannot write to the terminal")
    func inspectionIsPlain() {
        let hostile = "{\"a\":\n\"\u{9B}31m\u{202E}\u{2028}é\u{E0001}\"}"
        let part = Base64URL.encode(Array(hostile.utf8))
        let rules = TokenRules(keys: [])
        let inspection = TokenInspection(of: "\(part).\(part).", by: nil, rules: rules, now: 0)
        let plain = #"{"a": "\u009b31m\u202e\u2028é\udb40\udc01"}"#
        #expect(inspection.header == plain && inspection.claims == plain)
        #expect(inspection.fault == .algorithmNotAllowed)
    }

    @Test("a token costs microseconds")
    func speed() throws {
        let verifier = try TokenVerifier(rules(Self.secret))
        let hmac = try HMAC(key: Self.secret)
        var content = TokenContent()
        (content.subject, content.jobs, content.expiresAt) = (
            "user-1", ["job-1", "batch-*"], 1_900_000_000
        )
        let token = Array(try TokenMinter(.hs256(Self.secret)).mint(content).utf8)
        let count = 20_000
        var codes = 0
        let macs = processorTime {
            for _ in 0..<count { codes += hmac.code(of: token.span)?.count ?? 0 }
        }
        let whole = try processorTime {
            for _ in 0..<count { _ = try verifier.verify(token.span, now: 1_800_000_000) }
        }
        print("HMAC \(macs / count), whole token of \(token.count) bytes \(whole / count)")
        #expect(codes == count * 32)
        #expect(whole / count < .milliseconds(1))
    }
}
