// What a verifier remembers, and keys that come and go while it is used.

import Foundation
import Testing

@testable import Tokens

@Suite("Verified tokens and fetched keys")
struct VerifiedTokensTests {
    private static func token(
        _ key: UInt8, sub: String = "u1", from: Int64? = nil, to end: Int64 = 2_000
    ) throws -> String {
        var content = TokenContent()
        (content.subject, content.notBefore, content.expiresAt) = (sub, from, end)
        return try TokenMinter(.hs256(secret(key))).mint(content)
    }

    private static func secret(_ key: UInt8) -> [UInt8] { Array(repeating: key, count: 32) }

    private func remote(_ keys: [UInt8] = [], cacheMax: Int = 100) throws -> TokenVerifier {
        var issuer = TokenIssuer(keys: try keys.map { try .secret(Self.secret($0)) })
        issuer.isRemote = true
        var rules = TokenRules(issuers: [issuer])
        rules.cacheMax = cacheMax
        return try TokenVerifier(rules)
    }

    @Test("a token that was right once is found, and ends in its time all the same")
    func times() throws {
        let verifier = try remote([1])
        let token = try Self.token(1, from: 1_000)
        #expect(throws: TokenFault.notYetValid) { try verifier.verify(token, now: 900) }
        #expect(try verifier.verify(token, now: 1_000).subject == "u1")
        #expect(throws: TokenFault.notYetValid) { try verifier.verify(token, now: 900) }
        #expect(try verifier.verify(token, now: 2_029).expiresAt == 2_000)
        #expect(throws: TokenFault.expired) { try verifier.verify(token, now: 2_030) }
    }

    @Test("no token that differs in a byte is taken for one that is remembered")
    func neighbours() throws {
        let verifier = try remote([1])
        let token = Array(try Self.token(1).utf8)
        _ = try verifier.verify(token.span, now: 1_000)
        for index in token.indices {
            var other = token
            other[index] ^= 1
            #expect(throws: TokenFault.self) { try verifier.verify(other.span, now: 1_000) }
        }
        _ = try verifier.verify(token.span, now: 1_000)
    }

    @Test("new keys end what was remembered of the old")
    func rotation() throws {
        let verifier = try remote()
        try verifier.install([try .secret(Self.secret(1))], of: 0)
        let (old, new) = (try Self.token(1), try Self.token(2))
        _ = try verifier.verify(old, now: 1_000)
        try verifier.install([try .secret(Self.secret(2))], of: 0)
        #expect(throws: TokenFault.badSignature) { try verifier.verify(old, now: 1_000) }
        _ = try verifier.verify(new, now: 1_000)
    }

    @Test("keys that were configured stay when others come", arguments: [0, 100])
    func configuredStay(cacheMax: Int) throws {
        let verifier = try remote([1], cacheMax: cacheMax)
        try verifier.install([try .secret(Self.secret(2))], of: 0)
        try verifier.install([try .secret(Self.secret(3))], of: 0)
        for key: UInt8 in [1, 3] { _ = try verifier.verify(Self.token(key), now: 1_000) }
        #expect(throws: TokenFault.badSignature) {
            try verifier.verify(Self.token(2), now: 1_000)
        }
    }

    @Test("no more is remembered than was said, and what is used stays", arguments: [1, 2, 3, 10])
    func bounded(max: Int) throws {
        var verified = VerifiedTokens(max: max)
        let digest = try Digest(.sha256)
        func name(_ number: Int) -> VerifiedTokens.Name {
            _ = digest.digest(Array("\(number)".utf8).span)
            return VerifiedTokens.Name(digest.bytes)
        }
        let claims = try TokenClaims(.init(), [UInt8]().span)
        for number in 0..<100 {
            verified.keep(claims, name(number))
            let isKept = (
                used: verified.find(name(0)) != nil, new: verified.find(name(number)) != nil
            )
            #expect(isKept.used || max < 10, "\(number): it is used all the time")
            #expect(isKept.new && verified.count <= max)
        }
        verified.forgetAll()
        let isForgotten = verified.find(name(99)) == nil
        #expect(verified.count == 0 && isForgotten)
    }

    @Test(
        "a token with a key that is not here waits a moment, and the key is asked for once a minute"
    )
    func unknownKeys() throws {
        let verifier = try remote()
        var asks = 0
        verifier.wantKeys = { _ in asks += 1 }
        func fault(_ kid: String, at now: Int64) -> TokenFault? {
            let text =
                Base64URL.encode(Array(#"{"alg":"HS256","kid":"\#(kid)"}"#.utf8)) + "."
                + Base64URL.encode(Array(#"{"exp":9999}"#.utf8))
            guard let hmac = try? HMAC(key: Self.secret(7)),
                let code = hmac.code(of: Array(text.utf8).span)
            else { return .malformed }
            do throws(TokenFault) {
                _ = try verifier.verify(text + "." + Base64URL.encode(code), now: now)
                return nil
            } catch { return error }
        }
        for second in 0..<30 as Range<Int64> {
            #expect(fault("a", at: 1_000 + second) == .keysAwaited, "the first are not here yet")
        }
        #expect(asks == 1)
        let set = { (kid: String) in try TokenKey.secret(Self.secret(7), id: kid) }
        try verifier.install([try set("a")], of: 0)
        #expect(fault("a", at: 1_030) == nil)
        #expect(fault("b", at: 1_031) == .unknownKey && asks == 1, "asked less than a minute ago")
        #expect(fault("b", at: 1_059) == .unknownKey && asks == 1)
        #expect(fault("b", at: 1_060) == .keysAwaited && asks == 2)
        #expect(fault("c", at: 1_065) == .keysAwaited && fault("c", at: 1_070) == .unknownKey)
        try verifier.install([try set("b")], of: 0)
        #expect(fault("b", at: 1_071) == nil && fault("a", at: 1_071) == .unknownKey)
        #expect(asks == 2)
        for second in 0..<600 as Range<Int64> { _ = fault("z\(second)", at: 2_000 + second) }
        #expect(asks <= 2 + 10, "\(asks)")
    }

    @Test("of a token that names no key so many are tried and no more")
    func tries() throws {
        let count = IssuerKeys.triesMax + 1
        var issuer = TokenIssuer(keys: try (0..<count).map { try .secret(Self.secret(UInt8($0))) })
        issuer.algorithms = [.hs256]
        let verifier = try TokenVerifier(TokenRules(issuers: [issuer]))
        for key in 0..<count - 1 { _ = try verifier.verify(Self.token(UInt8(key)), now: 1_000) }
        #expect(throws: TokenFault.badSignature) {
            try verifier.verify(Self.token(UInt8(count - 1)), now: 1_000)
        }
    }

    @Test("codes are compared by CRYPTO_memcmp, whose time does not tell where they differ")
    func constantTime() throws {
        let file = Vectors.folder.deletingLastPathComponent()
            .appending(path: "Sources/Tokens/Crypto.swift")
        let source = try String(contentsOf: file, encoding: .utf8)
        let body = try #require(source.firstMatch(of: /func matches\(([^}]|\n)*\}([^}]|\n)*\}/))
            .output.0
        #expect(body.contains("CRYPTO_memcmp(signature, code, code.count) == 0"))
        #expect(body.matches(of: /==/).count == 2, "the counts and the result, nothing else")
    }
}
