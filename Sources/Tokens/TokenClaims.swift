// The second part of a token, whose signature has been checked: who, until when, what.
//
// A claim that is there is right or the token is refused; it is never passed over.

import JSON

struct TokenClaims {
    private(set) var expiresAt: Int64?
    private(set) var notBefore: Int64?
    private(set) var issuedAt: Int64?
    private var subject: String?
    private var scope: Grant.Scope = []
    private var jobs = NameRights()
    private var queues = NameRights()
    private var feeds = NameRights()

    init(_ outline: JSONOutline, _ bytes: Span<UInt8>) throws(TokenFault) {
        for (index, member) in outline.members.enumerated() where member.depth == 1 {
            if bytes.key(of: member, is: "exp") {
                expiresAt = try bytes.time(member)
            } else if bytes.key(of: member, is: "nbf") {
                notBefore = try bytes.time(member)
            } else if bytes.key(of: member, is: "iat") {
                issuedAt = try bytes.time(member)
            } else if bytes.key(of: member, is: "sub") {
                guard let text = bytes.cleanText(member) else { throw .badSubject }
                subject = text.isEmpty ? nil : text
            } else if bytes.key(of: member, is: "scope") {
                guard let text = bytes.cleanText(member) else { throw .badScope }
                scope = Grant.Scope(words: text)
            } else if bytes.key(of: member, is: "jobs") {
                jobs = try bytes.names(outline, index)
            } else if bytes.key(of: member, is: "queues") {
                queues = try bytes.names(outline, index)
            } else if bytes.key(of: member, is: "feeds") {
                feeds = try bytes.names(outline, index)
            }
        }
    }

    /// Whether now lies within the token's time, give or take the leeway.
    func check(_ rules: TokenRules, now: Int64) throws(TokenFault) {
        guard expiresAt != nil || !rules.requiresExpiry else { throw .noExpiry }
        if let expiresAt, now.subtractingClamped(rules.leeway) >= expiresAt { throw .expired }
        let latest = now.addingClamped(rules.leeway)
        if let notBefore, notBefore > latest { throw .notYetValid }
        if let issuedAt, issuedAt > latest { throw .notYetValid }
    }

    var grant: Grant {
        Grant(
            subject: subject, expiresAt: expiresAt, scope: scope, jobs: jobs, queues: queues,
            feeds: feeds)
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
    fileprivate func names(
        _ outline: JSONOutline, _ index: Int
    ) throws(TokenFault) -> NameRights {
        guard outline.members[index].kind == .array else { throw .badNames }
        var names: [String] = []
        for element in outline.members[(index + 1)...] {
            guard element.depth == 2 else { break }
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
        guard let rights = NameRights(names) else { throw .badNames }
        return rights
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
