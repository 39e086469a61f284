// A Revocation says which tokens count no more, and for how long that must be remembered. In Redis it is a
// JSON text, {"iss":…,"jti":…} or {"iss":…,"sub":…,"iat":…}, whose score in a sorted set is its end.
//
// Names are compared byte for byte: no Unicode equivalence may make one token's end another's.

import JSON

public struct Revocation: Sendable, Equatable {
    /// Who, in the words of one issuer; without one, in anybody's.
    public struct Name: Sendable, Hashable {
        public let issuer: String?
        public let text: String

        public init(_ text: String, of issuer: String? = nil) {
            (self.issuer, self.text) = (issuer, text)
        }

        public static func == (one: Name, other: Name) -> Bool {
            one.text.utf8.elementsEqual(other.text.utf8)
                && (one.issuer == nil) == (other.issuer == nil)
                && (one.issuer ?? "").utf8.elementsEqual((other.issuer ?? "").utf8)
        }

        /// Equal bytes are equal texts, and those have equal hashes.
        public func hash(into hasher: inout Hasher) {
            hasher.combine(text)
            hasher.combine(issuer)
        }
    }

    public enum Target: Sendable, Hashable {
        /// One token, by its id.
        case token(Name)
        /// All tokens that were issued to this subject until then, in seconds since 1970, that second included.
        case subject(Name, issuedUntil: Int64)
    }

    public let target: Target
    /// Seconds since 1970. After that no token that it means may count anyway.
    public let until: Int64

    public init(_ target: Target, until: Int64) { (self.target, self.until) = (target, until) }

    /// Of a token's id, a subject and an issuer.
    public static let nameBytesMax = 1_024
    /// Each byte of a name takes six at most.
    static let memberBytesMax = 16_384

    public var name: Name {
        switch target {
        case .token(let name), .subject(let name, _): name
        }
    }
}

extension Revocation {
    /// As it stands in the sorted set: the same for all who revoke the same.
    var member: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        if let issuer = name.issuer {
            json.key("iss")
            json.string(issuer)
        }
        switch target {
        case .token(let name):
            json.key("jti")
            json.string(name.text)
        case .subject(let name, let issuedUntil):
            json.key("sub")
            json.string(name.text)
            json.key("iat")
            json.integer(issuedUntil)
        }
        json.endObject()
        return json.bytes
    }

    /// nil where somebody else wrote there.
    init?(member: [UInt8], score: String) {
        guard let score = Double(score), !score.isNaN else { return nil }
        self.init(member: member, until: Int64(max(0, min(score, 0x1p53))))
    }

    init?(member: [UInt8], until: Int64) {
        var outline = JSONOutline()
        let text = member.span
        guard member.count <= Self.memberBytesMax, (try? outline.read(text)) != nil,
            outline.kind == .object
        else { return nil }
        func string(_ name: String) -> String? {
            outline.member(name, in: text).flatMap { text.jsonString($0.value) }
        }
        let issuer = string("iss")
        guard issuer != nil || outline.member("iss", in: text) == nil else { return nil }
        if let id = string("jti") {
            self.init(.token(Name(id, of: issuer)), until: until)
        } else if let subject = string("sub"), let time = outline.member("iat", in: text),
            let issuedUntil = text.jsonInteger(time.value)
        {
            self.init(
                .subject(Name(subject, of: issuer), issuedUntil: issuedUntil), until: until)
        } else {
            return nil
        }
    }
}
