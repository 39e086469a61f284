// conformance/signed-tokens.json: keys of every kind, several issuers, and what must not get past them.

import Foundation
import Testing

@testable import Tokens

@Suite("Signed tokens")
struct SignedTokenVectorTests {
    @Test("every token is granted or refused as it says", arguments: SignedVectors.all.cases)
    func token(_ vector: SignedVectors.Case) throws {
        let verifier = try #require(SignedVectors.all.verifiers[vector.verifier]).verifier()
        expect(verifier, vector.asVector)
    }

    @Test(
        "a verifier that remembers says the same, however often it is asked",
        arguments: SignedVectors.all.verifiers.keys.sorted())
    func remembering(_ name: String) throws {
        let verifier = try #require(SignedVectors.all.verifiers[name]).verifier(cacheMax: 16)
        for _ in 0..<3 {
            for vector in SignedVectors.all.cases where vector.verifier == name {
                expect(verifier, vector.asVector)
                expect(verifier, vector.asVector)
            }
        }
    }

    @Test("an inspection says the same", arguments: SignedVectors.all.cases)
    func inspection(_ vector: SignedVectors.Case) throws {
        let issuers = try #require(SignedVectors.all.verifiers[vector.verifier])
        let rules = try issuers.rules()
        let inspection = TokenInspection(
            of: vector.token, by: try TokenVerifier(rules), rules: rules,
            now: SignedVectors.all.now)
        #expect(inspection.fault?.rawValue == vector.refused)
    }

    @Test("a bad key is not used, and the good one beside it is", arguments: SignedVectors.all.keys)
    func key(_ vector: SignedVectors.Key) throws {
        let set = try KeySet(vector.jwks.bytes.span, allowsSecrets: vector.secrets)
        #expect(set.keys.map(\.algorithms) == [[.edDSA]])
        #expect(set.refused.map(\.fault.rawValue) == [vector.fault])
        #expect(set.refused.map(\.index) == [0])
    }

    @Test("a bad PEM text is refused and told why", arguments: SignedVectors.all.pems)
    func pem(_ vector: SignedVectors.PEM) {
        do throws(KeyFault) {
            _ = try TokenKey.pem(Array(vector.pem.utf8))
            Issue.record("accepted")
        } catch { #expect(error.rawValue == vector.fault) }
    }

    @Test("what is no key set is refused")
    func sets() throws {
        func fault(_ text: String) -> KeySet.Fault? {
            do throws(KeySet.Fault) {
                _ = try KeySet(Array(text.utf8).span, allowsSecrets: true)
                return nil
            } catch { return error }
        }
        for text in ["", "[]", "{}", "null", #"{"keys":{}}"#, #"{"keys":1}"#, "<html>", "{"] {
            #expect(fault(text) == .notAKeySet, "\(text)")
        }
        #expect(fault(#"{"keys":[]}"#) == .noUsableKey)
        #expect(fault(#"{"keys":[{"kty":"RSA"}]}"#) == .noUsableKey)
        let padding = String(repeating: " ", count: KeySet.bytesMax)
        #expect(fault(padding) == .notAKeySet && fault(padding + " ") == .tooLarge)
    }

    @Test("of a set's keys the first are used and the rest are told")
    func manyKeys() throws {
        let secret = Base64URL.encode(Array(repeating: 1, count: 32))
        let list = (0..<KeySet.keysMax + 2).map {
            #"{"kty":"oct","kid":"\#($0)","k":"\#(secret)"}"#
        }
        let text = #"{"keys":[\#(list.joined(separator: ","))]}"#
        let set = try KeySet(Array(text.utf8).span, allowsSecrets: true)
        #expect(set.keys.count == KeySet.keysMax)
        #expect(set.refused.map(\.fault) == [.tooMany, .tooMany])
    }
}

struct SignedVectors: Decodable {
    struct Case: Decodable, Sendable, CustomTestStringConvertible {
        let name, verifier, token: String
        let granted: Vector.Granted?
        let refused: String?
        var testDescription: String { name }
        var asVector: Vector {
            Vector(name: name, token: token, granted: granted, refused: refused)
        }
    }

    struct Key: Decodable, Sendable, CustomTestStringConvertible {
        let name: String
        let jwks: JSONText
        let fault: String
        let secrets: Bool
        var testDescription: String { name }
    }

    struct PEM: Decodable, Sendable, CustomTestStringConvertible {
        let name, pem, fault: String
        var testDescription: String { name }
    }

    struct Issuers: Decodable, Sendable {
        struct One: Decodable, Sendable {
            let name, pem, secret: String?
            let jwks: JSONText?
            let algorithms, audience: [String]?
            let claims: [String: String]?

            func issuer() throws -> TokenIssuer {
                var issuer = TokenIssuer(name: name)
                if let pem { issuer.keys += try TokenKey.pem(Array(pem.utf8)) }
                if let secret { issuer.keys.append(try .secret(Array(secret.utf8))) }
                if let jwks {
                    issuer.keys += try KeySet(jwks.bytes.span, allowsSecrets: true).keys
                }
                if let algorithms {
                    issuer.algorithms = try algorithms.map {
                        try #require(TokenAlgorithm(named: $0))
                    }
                }
                issuer.audience = audience ?? []
                let paths = (claims ?? [:]).mapValues { ClaimPath($0) }
                issuer.claims.subject = paths["subject"] ?? issuer.claims.subject
                issuer.claims.jobs = paths["jobs"] ?? issuer.claims.jobs
                issuer.claims.queues = paths["queues"] ?? issuer.claims.queues
                issuer.claims.feeds = paths["feeds"] ?? issuer.claims.feeds
                issuer.claims.scope = paths["scope"] ?? issuer.claims.scope
                return issuer
            }
        }
        let issuers: [One]

        func rules(cacheMax: Int = 0) throws -> TokenRules {
            var rules = TokenRules(issuers: try issuers.map { try $0.issuer() })
            rules.cacheMax = cacheMax
            return rules
        }

        func verifier(cacheMax: Int = 0) throws -> TokenVerifier {
            try TokenVerifier(rules(cacheMax: cacheMax))
        }
    }

    let now: Int64
    let verifiers: [String: Issuers]
    let cases: [Case]
    let keys: [Key]
    let pems: [PEM]

    static let all: SignedVectors = {
        do {
            let file = try Data(contentsOf: Vectors.folder.appending(path: "signed-tokens.json"))
            return try JSONDecoder().decode(SignedVectors.self, from: file)
        } catch { fatalError("conformance/signed-tokens.json: \(error)") }
    }()
}

/// Any JSON, written again.
struct JSONText: Decodable, Sendable {
    let bytes: [UInt8]

    init(from decoder: any Decoder) throws {
        bytes = Array(try JSONEncoder().encode(try Tree(from: decoder)))
    }

    private enum Tree: Codable {
        case object([String: Tree]), array([Tree]), text(String), number(Int), null

        init(from decoder: any Decoder) throws {
            let value = try decoder.singleValueContainer()
            if value.decodeNil() {
                self = .null
            } else if let object = try? value.decode([String: Tree].self) {
                self = .object(object)
            } else if let array = try? value.decode([Tree].self) {
                self = .array(array)
            } else if let number = try? value.decode(Int.self) {
                self = .number(number)
            } else {
                self = .text(try value.decode(String.self))
            }
        }

        func encode(to encoder: any Encoder) throws {
            var value = encoder.singleValueContainer()
            switch self {
            case .object(let object): try value.encode(object)
            case .array(let array): try value.encode(array)
            case .text(let text): try value.encode(text)
            case .number(let number): try value.encode(number)
            case .null: try value.encodeNil()
            }
        }
    }
}
