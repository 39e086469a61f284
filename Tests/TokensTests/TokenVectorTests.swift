// conformance/tokens.json: tokens that PyJWT made and attacks made by hand. A verifier has two jobs:
// grant what the issuer meant, and name what is wrong with all else.

import Foundation
import Testing

@testable import Tokens

@Suite("Token vectors")
struct TokenVectorTests {
    @Test("every vector is granted or refused as it says", arguments: Vectors.all.cases)
    func vector(_ vector: Vector) throws {
        let verifier = try TokenVerifier(Vectors.rules)
        expect(verifier, vector)
    }

    @Test("one verifier, used for all vectors forth and back, says the same")
    func oneVerifier() throws {
        let verifier = try TokenVerifier(Vectors.rules)
        for vector in Vectors.all.cases + Vectors.all.cases.reversed() {
            expect(verifier, vector)
        }
    }

    @Test(
        "an inspection says what the verifier says, with and without the key",
        arguments: Vectors.all.cases)
    func inspection(_ vector: Vector) throws {
        let now = Vectors.all.now
        let verifier = try TokenVerifier(Vectors.rules)
        let inspection = TokenInspection(
            of: vector.token, by: verifier, rules: Vectors.rules, now: now)
        #expect(inspection.fault?.rawValue == vector.refused)
        #expect(inspection.signatureChecked)
        let blind = TokenInspection(of: vector.token, by: nil, rules: Vectors.rules, now: now)
        #expect(!blind.signatureChecked)
        if vector.refused != "bad_signature" { #expect(blind.fault?.rawValue == vector.refused) }
        if let granted = vector.granted {
            #expect(inspection.header?.contains("HS256") == true)
            #expect(inspection.claims != nil)
            #expect(blind.expiresAt == granted.exp)
        }
    }
}

struct Vectors: Decodable {
    let secret: String
    let now: Int64
    let leeway: Int64
    let cases: [Vector]

    static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "conformance")

    static let all: Vectors = {
        do {
            let file = try Data(contentsOf: folder.appending(path: "tokens.json"))
            return try JSONDecoder().decode(Vectors.self, from: file)
        } catch { fatalError("conformance/tokens.json: \(error)") }
    }()

    static let rules: TokenRules = {
        do { return TokenRules(keys: [try .hs256(Array(all.secret.utf8))]) } catch {
            fatalError("\(error)")
        }
    }()
}

struct Vector: Decodable, Sendable, CustomTestStringConvertible {
    struct Granted: Decodable, Sendable {
        let sub: String?
        let exp: Int64?
        let scope, follows, not_follows, queues, not_queues, feeds, not_feeds: [String]?
    }

    let name: String
    let token: String
    let granted: Granted?
    let refused: String?
    var testDescription: String { name }
}

func expect(_ verifier: TokenVerifier, _ vector: Vector) {
    do throws(TokenFault) {
        let grant = try verifier.verify(vector.token, now: Vectors.all.now)
        guard let expected = vector.granted else {
            Issue.record("granted instead of \(vector.refused ?? "")")
            return
        }
        #expect(grant.subject.map { Array($0.utf8) } == expected.sub.map { Array($0.utf8) })
        #expect(grant.expiresAt == expected.exp)
        if let scope = expected.scope {
            #expect(grant.scope == Grant.Scope(words: scope.joined(separator: " ")))
        }
        for job in expected.follows ?? [] { #expect(grant.mayFollow(job: job), "\(job)") }
        for job in expected.not_follows ?? [] { #expect(!grant.mayFollow(job: job), "\(job)") }
        for queue in expected.queues ?? [] {
            #expect(grant.mayFollow(queue: queue), "\(queue)")
        }
        for queue in expected.not_queues ?? [] {
            #expect(!grant.mayFollow(queue: queue), "\(queue)")
        }
        for feed in expected.feeds ?? [] { #expect(grant.mayFollow(feed: feed), "\(feed)") }
        for feed in expected.not_feeds ?? [] {
            #expect(!grant.mayFollow(feed: feed), "\(feed)")
        }
    } catch {
        #expect(error.rawValue == vector.refused)
    }
}
