// The first part of a token: which algorithm and which key it claims. Nobody has vouched for it yet.
//
// A header chooses among keys that are here; keys and addresses of keys inside it (`jwk`, `jku`, `x5c`,
// `x5u`) are not looked at.

import JSON

struct TokenHeader {
    let algorithm: TokenAlgorithm
    let keyID: String?

    init(_ outline: JSONOutline, _ bytes: Span<UInt8>) throws(TokenFault) {
        guard outline.member("crit", in: bytes) == nil else { throw .criticalHeader }
        guard let alg = outline.member("alg", in: bytes), let name = bytes.jsonString(alg.value),
            let algorithm = TokenAlgorithm(named: name)
        else { throw .algorithmNotAllowed }
        self.algorithm = algorithm
        if let type = outline.member("typ", in: bytes) {
            guard let name = bytes.jsonString(type.value),
                Self.types.contains(where: { $0.utf8.elementsEqual(name.lowercased().utf8) })
            else { throw .wrongType }
        }
        keyID = try outline.member("kid", in: bytes).map { member throws(TokenFault) in
            guard let name = bytes.jsonString(member.value) else { throw .malformed }
            return name
        }
    }

    /// Other tokens may be signed with the same key and mean something else (RFC 8725 section 3.11).
    private static let types = ["jwt", "at+jwt", "application/jwt", "application/at+jwt"]
}

extension JSONOutline {
    /// So that looking for duplicates stays cheap whatever a stranger sends.
    static let tokenMembersMax = 128

    /// Reads one part of a token, a JSON object in which no name stands twice.
    mutating func readTokenPart(
        _ bytes: Span<UInt8>, levels: Int = 1
    ) throws(TokenFault) {
        do { try read(bytes, levels: levels) } catch { throw .malformed }
        guard kind == .object else { throw .malformed }
        var count = 0
        for (index, member) in members.enumerated() where member.depth == 1 {
            count += 1
            guard count <= Self.tokenMembersMax else { throw .malformed }
            for earlier in members[..<index]
            where earlier.depth == 1 && bytes.sameKey(member, earlier) {
                throw .duplicateMember
            }
        }
    }
}

extension Span<UInt8> {
    fileprivate func sameKey(_ one: JSONMember, _ other: JSONMember) -> Bool {
        if one.keyHasEscapes || other.keyHasEscapes {
            return unescaped(one.key) == unescaped(other.key)
        }
        guard one.key.count == other.key.count else { return false }
        let distance = other.key.lowerBound - one.key.lowerBound
        for index in one.key where self[index] != self[index + distance] { return false }
        return true
    }
}
