// The second part of a token, whose signature has been checked: who, until when, what.
//
// A claim that is there is right or the token is refused; it is never passed over.

import JSON

struct TokenClaims: Sendable {
    var grant: Grant
    private let notBefore: Int64?

    init(
        _ outline: JSONOutline, _ bytes: Span<UInt8>, _ names: ClaimNames = ClaimNames()
    ) throws(TokenFault) {
        func time(_ name: String) throws(TokenFault) -> Int64? {
            guard let member = outline.member(name, in: bytes) else { return nil }
            return try bytes.time(member)
        }
        func rights(_ path: ClaimPath) throws(TokenFault) -> NameRights {
            guard let index = try outline.index(of: path, in: bytes) else { return NameRights() }
            guard let rights = NameRights(try bytes.names(outline, index)) else { throw .badNames }
            return rights
        }
        notBefore = try time("nbf")
        grant = Grant(
            subject: try bytes.subject(outline, names.subject), expiresAt: try time("exp"),
            scope: try bytes.scope(outline, names.scope), jobs: try rights(names.jobs),
            queues: try rights(names.queues), feeds: try rights(names.feeds),
            issuer: try outline.issuer(in: bytes), id: try outline.tokenID(in: bytes),
            issuedAt: try time("iat"))
    }

    /// Whether now lies within the token's time, give or take the leeway.
    func check(_ rules: TokenRules, now: Int64) throws(TokenFault) {
        guard grant.expiresAt != nil || !rules.requiresExpiry else { throw .noExpiry }
        if let end = grant.expiresAt, now.subtractingClamped(rules.leeway) >= end {
            throw .expired
        }
        let latest = now.addingClamped(rules.leeway)
        if let notBefore, notBefore > latest { throw .notYetValid }
        if let issuedAt = grant.issuedAt, issuedAt > latest { throw .notYetValid }
    }
}

extension JSONOutline {
    func issuer(in bytes: Span<UInt8>) throws(TokenFault) -> String? {
        guard let member = member("iss", in: bytes) else { return nil }
        guard let name = bytes.cleanText(member) else { throw .wrongIssuer }
        return name
    }

    fileprivate func tokenID(in bytes: Span<UInt8>) throws(TokenFault) -> String? {
        guard let member = member("jti", in: bytes) else { return nil }
        guard let id = bytes.cleanText(member) else { throw .badTokenID }
        return id
    }

    /// Whether `aud`, a text or an array of texts, holds one of these.
    func isFor(_ audience: [String], in bytes: Span<UInt8>) -> Bool {
        guard let index = index(of: "aud", in: bytes) else { return false }
        let members =
            members[index].kind == .array
            ? members[(index + 1)...].prefix { $0.depth > 1 } : members[index...index]
        return members.contains { member in
            guard member.kind == .string, let name = bytes.jsonString(member.value) else {
                return false
            }
            return audience.contains { $0.utf8.elementsEqual(name.utf8) }
        }
    }

    /// The claim at the end of the path; nil where the token has none.
    fileprivate func index(
        of path: ClaimPath, in bytes: Span<UInt8>
    ) throws(TokenFault) -> Int? {
        var outer: Int?
        var rest = path.parts[...]
        while true {
            var found: Int?
            var count = rest.count
            while found == nil, count > 0 {
                let name = count == 1 ? String(rest[rest.startIndex]) : joined(rest.prefix(count))
                found = try index(ofOnly: name, inside: outer, in: bytes)
                if found == nil { count -= 1 }
            }
            guard let found else { return nil }
            rest = rest.dropFirst(count)
            if rest.isEmpty { return found }
            guard members[found].kind == .object else { return nil }
            outer = found
        }
    }

    private func joined(_ parts: ArraySlice<Substring>) -> String { parts.joined(separator: ".") }

    private func index(
        ofOnly name: String, inside outer: Int?, in bytes: Span<UInt8>
    ) throws(TokenFault) -> Int? {
        guard let outer else { return index(of: name, in: bytes) }
        let depth = members[outer].depth + 1
        var found: Int?
        var index = outer + 1
        while index < members.count, members[index].depth >= depth {
            if members[index].depth == depth, bytes.key(of: members[index], is: name) {
                guard found == nil else { throw .duplicateMember }
                found = index
            }
            index += 1
        }
        return found
    }
}

extension Grant.Scope {
    static let words: [(word: String, scope: Self)] = [
        ("jobs:read", .jobsRead), ("jobs:publish", .jobsPublish), ("admin", .admin),
    ]

    /// Words between spaces; those of other services mean nothing here.
    public init(words text: String) {
        self = []
        for word in text.utf8.split(separator: UInt8(ascii: " ")) {
            for known in Self.words where word.elementsEqual(known.word.utf8) {
                insert(known.scope)
            }
        }
    }
}

extension Span<UInt8> {
    fileprivate func time(_ member: JSONMember) throws(TokenFault) -> Int64 {
        guard member.kind == .number else { throw .badTime }
        if let seconds = jsonInteger(member.value) { return seconds }
        // RFC 7519 allows fractions, and `time.time() + 3600` of Python has one.
        guard let seconds = jsonDouble(member.value), seconds.magnitude < 0x1p53 else {
            throw .badTime
        }
        return Int64(seconds.rounded(.down))
    }

    fileprivate func subject(
        _ outline: JSONOutline, _ path: ClaimPath
    ) throws(TokenFault) -> String? {
        guard let index = try outline.index(of: path, in: self) else { return nil }
        guard let text = cleanText(outline.members[index]) else { throw .badSubject }
        return text.isEmpty ? nil : text
    }

    /// A text, or an array of texts as some issuers write it.
    fileprivate func scope(
        _ outline: JSONOutline, _ path: ClaimPath
    ) throws(TokenFault) -> Grant.Scope {
        guard let index = try outline.index(of: path, in: self) else { return [] }
        let member = outline.members[index]
        guard member.kind == .array else {
            guard let text = cleanText(member) else { throw .badScope }
            return Grant.Scope(words: text)
        }
        var scope: Grant.Scope = []
        for element in outline.members[(index + 1)...].prefix(while: { $0.depth > member.depth }) {
            guard let text = cleanText(element) else { throw .badScope }
            scope.formUnion(Grant.Scope(words: text))
        }
        return scope
    }

    /// Text without control characters. U+FFFD stands for half a character, and two such halves
    /// would make two names one.
    fileprivate func cleanText(_ member: JSONMember) -> String? {
        guard member.kind == .string, let text = jsonString(member.value),
            !text.unicodeScalars.contains(where: {
                $0.value < 0x20 || 0x7F...0x9F ~= $0.value || $0 == "\u{FFFD}"
            })
        else { return nil }
        return text
    }

    /// An array of texts and whole numbers; a number is the text it is written with.
    fileprivate func names(_ outline: JSONOutline, _ index: Int) throws(TokenFault) -> [String] {
        let list = outline.members[index]
        guard list.kind == .array else { throw .badNames }
        var names: [String] = []
        for element in outline.members[(index + 1)...].prefix(while: { $0.depth > list.depth }) {
            switch element.kind {
            case .string:
                guard let name = cleanText(element) else { throw .badNames }
                names.append(name)
            case .number:
                let text = jsonText(element.value)
                guard text.utf8.dropFirst().allSatisfy({ 0x30...0x39 ~= $0 }) else {
                    throw .badNames
                }
                names.append(text)
            default: throw .badNames
            }
        }
        return names
    }
}

extension Int64 {
    fileprivate func addingClamped(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other < 0 ? .min : .max) : sum
    }

    fileprivate func subtractingClamped(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other < 0 ? .max : .min) : difference
    }
}
