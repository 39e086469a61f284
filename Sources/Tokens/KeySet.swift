// A JSON Web Key Set (RFC 7517): the keys that can be used, and why each of the others can't.
//
// One bad key does not spoil the set: issuers publish keys for other uses and of other kinds beside those
// that sign tokens. `use`, `key_ops` and `alg` are honoured.

import JSON

public struct KeySet: Sendable {
    public static let bytesMax = 262_144
    /// Those behind are refused.
    public static let keysMax = 64

    public let keys: [TokenKey]
    /// The place of each key that is not used, and why.
    public let refused: [(index: Int, fault: KeyFault)]

    public enum Fault: String, Error, Sendable, CaseIterable {
        case tooLarge = "too_large"
        case notAKeySet = "not_a_key_set"
        case noUsableKey = "no_usable_key"

        public var message: String {
            switch self {
            case .tooLarge: "larger than \(KeySet.bytesMax) bytes"
            case .notAKeySet: "not a JSON object with an array `keys`"
            case .noUsableKey: "none of its keys can be used"
            }
        }
    }

    /// A set that others can read may hold no secrets.
    public init(_ json: Span<UInt8>, allowsSecrets: Bool) throws(Fault) {
        guard json.count <= Self.bytesMax else { throw .tooLarge }
        var outline = JSONOutline()
        do { try outline.read(json, levels: 4) } catch { throw .notAKeySet }
        guard outline.kind == .object, let list = outline.index(of: "keys", in: json),
            outline.members[list].kind == .array
        else { throw .notAKeySet }
        var (keys, refused): ([TokenKey], [(index: Int, fault: KeyFault)]) = ([], [])
        var count = 0
        for (index, member) in outline.members.enumerated().dropFirst(list + 1) {
            guard member.depth > 1 else { break }
            guard member.depth == 2 else { continue }
            do throws(KeyFault) {
                guard keys.count < Self.keysMax else { throw .tooMany }
                keys.append(
                    try JWK(outline: outline, index: index).key(json, allowsSecrets: allowsSecrets))
            } catch { refused.append((count, error)) }
            count += 1
        }
        guard !keys.isEmpty else { throw .noUsableKey }
        (self.keys, self.refused) = (keys, refused)
    }
}

/// One key of the set, where it lies in the outline.
private struct JWK {
    let outline: JSONOutline
    let index: Int

    func key(_ json: Span<UInt8>, allowsSecrets: Bool) throws(KeyFault) -> TokenKey {
        guard outline.members[index].kind == .object, let type = text("kty", json) else {
            throw .notAKey
        }
        guard isForSignatures(json) else { throw .notForSignatures }
        // Somebody published what only the issuer may know.
        guard type == "oct" || member("d", json) == nil else { throw .privateKey }
        let key = try key(of: type, json, allowsSecrets)
        guard let alg = member("alg", json) else { return key }
        guard let name = json.jsonString(alg.value), let algorithm = TokenAlgorithm(named: name)
        else { throw .unknownAlgorithm }
        guard let narrowed = key.only(algorithm) else { throw .algorithmOfAnotherKind }
        return narrowed
    }

    private func key(
        of type: String, _ json: Span<UInt8>, _ allowsSecrets: Bool
    ) throws(KeyFault) -> TokenKey {
        let id = text("kid", json)
        switch (type, text("crv", json)) {
        case ("RSA", _):
            let modulus = try bytes("n", json)
            return TokenKey(
                try .rsa(modulus: modulus, exponent: try bytes("e", json)), id: id)
        case ("EC", "P-256"?):
            return TokenKey(
                try .ec(.p256, x: try bytes("x", json), y: try bytes("y", json)), id: id)
        case ("EC", "P-384"?):
            return TokenKey(
                try .ec(.p384, x: try bytes("x", json), y: try bytes("y", json)), id: id)
        case ("OKP", "Ed25519"?): return TokenKey(try .ed25519(try bytes("x", json)), id: id)
        case ("oct", _):
            guard allowsSecrets else { throw .publishedSecret }
            let secret = try bytes("k", json)
            do throws(TokenSetupFault) { return try .secret(secret, id: id) } catch {
                throw .secretTooShort
            }
        default: throw .unsupportedType
        }
    }

    private func isForSignatures(_ json: Span<UInt8>) -> Bool {
        if member("use", json) != nil, text("use", json) != "sig" { return false }
        guard let operations = outline.index(of: "key_ops", in: json, inside: index) else {
            return true
        }
        return outline.members[(operations + 1)...].prefix { $0.depth > 3 }.contains {
            $0.kind == .string && json.jsonString($0.value) == "verify"
        }
    }

    private func member(_ name: String, _ json: Span<UInt8>) -> JSONMember? {
        outline.index(of: name, in: json, inside: index).map { outline.members[$0] }
    }

    private func text(_ name: String, _ json: Span<UInt8>) -> String? {
        guard let member = member(name, json), member.kind == .string else { return nil }
        return json.jsonString(member.value)
    }

    private func bytes(_ name: String, _ json: Span<UInt8>) throws(KeyFault) -> [UInt8] {
        var bytes: [UInt8] = []
        guard let text = text(name, json), Base64URL.decode(Array(text.utf8).span, into: &bytes)
        else { throw .badParameters }
        return bytes
    }
}
