// The first part of a token: which algorithm it claims. Nobody has vouched for it yet.

import JSON

extension JSONOutline {
    /// So that looking for duplicates stays cheap whatever a stranger sends.
    static let tokenMembersMax = 128

    /// Reads one part of a token, a JSON object in which no name stands twice.
    mutating func readTokenPart(_ bytes: Span<UInt8>) throws(TokenFault) {
        do { try read(bytes, levels: 2) } catch { throw .malformed }
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

    func tokenAlgorithm(_ bytes: Span<UInt8>) throws(TokenFault) -> TokenAlgorithm {
        guard member("crit", in: bytes) == nil else { throw .criticalHeader }
        guard let alg = member("alg", in: bytes), let name = bytes.jsonString(alg.value),
            let algorithm = TokenAlgorithm.allCases.first(where: {
                $0.rawValue.utf8.elementsEqual(name.utf8)
            })
        else { throw .algorithmNotAllowed }
        return algorithm
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
