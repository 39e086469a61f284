// The first part of a token: which algorithm it claims. Nobody has vouched for it yet.

import JSON

extension JSONOutline {
    /// So that looking for duplicates stays cheap whatever a stranger sends.
    static let tokenMembersMax = 128

    /// Reads one part of a token, a JSON object in which no name stands twice.
    mutating func readTokenPart(_ bytes: Span<UInt8>) throws(TokenFault) {
        do { try read(bytes, levels: 2) } catch { throw .malformed }
        guard kind == .object else { throw .malformed }
        let outer = members.filter { $0.depth == 1 }
        guard outer.count <= Self.tokenMembersMax else { throw .malformed }
        for index in outer.indices {
            for earlier in outer[..<index] where bytes.sameKey(outer[index], earlier) {
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
        return zip(one.key, other.key).allSatisfy { self[$0] == self[$1] }
    }
}
