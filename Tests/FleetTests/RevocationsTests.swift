// Which tokens a list of revocations means, and how an entry is written.

import Testing

@testable import Fleet

@Suite("Revocations")
struct RevocationsTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let name: String
        let revoked: Revocation
        var issuer: String?
        var subject: String?
        var id: String?
        var issuedAt: Int64?
        let counts: Bool
        var testDescription: String { name }
    }

    static let cases: [Case] = [
        Case(name: "its id", revoked: token("a"), id: "a", counts: true),
        Case(name: "another id", revoked: token("a"), id: "b", counts: false),
        Case(name: "a longer id", revoked: token("a"), id: "aa", counts: false),
        Case(name: "no id", revoked: token("a"), counts: false),
        Case(name: "an empty id", revoked: token(""), id: "", counts: true),
        Case(name: "its id of any issuer", revoked: token("a"), issuer: "i", id: "a", counts: true),
        Case(name: "its issuer", revoked: token("a", of: "i"), issuer: "i", id: "a", counts: true),
        Case(
            name: "other issuer", revoked: token("a", of: "i"), issuer: "j", id: "a", counts: false),
        Case(name: "no issuer", revoked: token("a", of: "i"), id: "a", counts: false),
        Case(
            name: "é written in two ways", revoked: token("\u{E9}"), id: "e\u{301}", counts: false),
        Case(
            name: "an issuer written in two ways", revoked: token("a", of: "\u{E9}"),
            issuer: "e\u{301}", id: "a", counts: false),
        Case(name: "a subject is no id", revoked: token("a"), subject: "a", counts: false),
        Case(
            name: "an id is no subject", revoked: subject("a", issuedUntil: 9), id: "a",
            counts: false),
        Case(
            name: "issued before", revoked: subject("a", issuedUntil: 9), subject: "a",
            issuedAt: 8, counts: true),
        Case(
            name: "issued in that second", revoked: subject("a", issuedUntil: 9), subject: "a",
            issuedAt: 9, counts: true),
        Case(
            name: "issued later", revoked: subject("a", issuedUntil: 9), subject: "a",
            issuedAt: 10, counts: false),
        Case(
            name: "issued nobody knows when", revoked: subject("a", issuedUntil: 9),
            subject: "a", counts: true),
        Case(
            name: "a subject of another issuer", revoked: subject("a", of: "i", issuedUntil: 9),
            issuer: "j", subject: "a", issuedAt: 1, counts: false),
        Case(
            name: "a subject of that issuer", revoked: subject("a", of: "i", issuedUntil: 9),
            issuer: "i", subject: "a", issuedAt: 1, counts: true),
    ]

    @Test("a token counts no more when one of them means it", arguments: cases)
    func means(_ each: Case) throws {
        var revocations = Revocations(max: 9)
        #expect(revocations.insert(each.revoked) == .new)
        #expect(revocations.insert(token("another")) == .new)
        #expect(revocations.insert(subject("another", issuedUntil: 9)) == .new)
        #expect(
            revocations.cover(
                issuer: each.issuer, subject: each.subject, id: each.id, issuedAt: each.issuedAt)
                == each.counts)
    }

    @Test("without any, nobody is refused")
    func none() {
        let none = Revocations(max: 9)
        #expect(!none.cover(issuer: "i", subject: "s", id: "a", issuedAt: nil))
    }

    @Test(
        "there are never more than there may be, and what is known may last longer",
        arguments: 0...4)
    func limit(max: Int) {
        var revocations = Revocations(max: max)
        for number in 0..<6 {
            let each =
                number % 2 == 0 ? token("\(number)") : subject("\(number)", issuedUntil: 1)
            #expect(revocations.insert(each) == (number < max ? .new : .full))
            #expect(revocations.count == min(number + 1, max))
        }
        guard max > 1 else { return }
        #expect(revocations.insert(token("0")) == .known)
        #expect(revocations.insert(token("0", until: late + 1)) == .new)
        #expect(revocations.insert(token("0")) == .known)
        #expect(revocations.insert(subject("1", issuedUntil: 0)) == .known)
        #expect(revocations.insert(subject("1", issuedUntil: 2)) == .new)
        #expect(revocations.count == max)
        #expect(revocations.cover(issuer: nil, subject: "1", id: nil, issuedAt: 2))
    }

    @Test("they go when their time is over, and not before", arguments: 0...6)
    func sweep(now: Int64) {
        var revocations = Revocations(max: 99)
        for end in Int64(1)...5 {
            _ = revocations.insert(token("\(end)", until: end))
            _ = revocations.insert(subject("\(end)", issuedUntil: 1, until: end))
        }
        revocations.sweep(now: now)
        for end in Int64(1)...5 {
            let isThere = end > now
            #expect(
                revocations.cover(issuer: nil, subject: nil, id: "\(end)", issuedAt: nil)
                    == isThere)
            #expect(
                revocations.cover(issuer: nil, subject: "\(end)", id: nil, issuedAt: 0) == isThere)
        }
        #expect(revocations.all.count == revocations.count)
    }

    @Test(
        "an entry reads back as it was written",
        arguments: [
            token("a"), token("", of: ""), token("a\"\\\u{0}\u{1F600}é", of: "https://i/"),
            subject("a", issuedUntil: 0), subject("\n", of: "i", issuedUntil: .max, until: 5),
            subject("a", issuedUntil: .min),
        ])
    func roundTrip(_ each: Revocation) {
        #expect(Revocation(member: each.member, score: "\(each.until)") == each)
        #expect(each.member.count <= Revocation.memberBytesMax)
    }

    @Test(
        "what somebody else wrote there is no entry",
        arguments: [
            "", "x", "null", "[]", "{}", #"{"jti":5}"#, #"{"jti":null}"#, #"{"sub":"a"}"#,
            #"{"sub":"a","iat":"5"}"#, #"{"sub":"a","iat":1.5}"#, #"{"sub":"a","iat":1e3}"#,
            #"{"iss":5,"jti":"a"}"#, #"{"jti":"a""#, "\u{FEFF}{}",
            #"{"jti":"\#(String(repeating: "x", count: 20_000))"}"#,
            String(repeating: "[", count: 9_000),
        ])
    func strange(_ text: String) {
        #expect(Revocation(member: bytes(text), score: "5") == nil)
    }

    @Test(
        "an end that is no number is none, and a far one is the farthest",
        arguments: [
            ("5", 5), ("-5", 0), ("inf", 1 << 53), ("1e300", 1 << 53), ("-inf", 0), ("nan", nil),
            ("", nil), ("x", nil), ("5.9", 5),
        ] as [(String, Int64?)])
    func scores(_ score: String, _ until: Int64?) {
        #expect(Revocation(member: token("a").member, score: score)?.until == until)
    }

    @Test("the longest names fit")
    func longest() {
        let longest = String(repeating: "\u{1}", count: Revocation.nameBytesMax)
        let each = subject(longest, of: longest, issuedUntil: .min)
        #expect(each.member.count <= Revocation.memberBytesMax)
        #expect(Revocation(member: each.member, score: "\(late)") == each)
    }
}
