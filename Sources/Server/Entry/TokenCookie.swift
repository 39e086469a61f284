// TokenCookie is the cookie that a token may stand in: how it is found in a request, and how it is set.
//
// Other sites of the same domain can put cookies of any name beside ours, so one that is there twice is
// refused: nobody can say whose is whose.

import Tokens
import Wire

enum CookieFault: String, Error {
    case ambiguous, malformed
    case originMissing = "origin_missing"

    var message: String {
        switch self {
        case .ambiguous: "there are two cookies of the token's name"
        case .malformed: "the token's cookie holds what no cookie may"
        case .originMissing: "with a cookie this needs an Origin header"
        }
    }
}

struct TokenCookie {
    /// Browsers keep no longer one, name and value together, and don't say so.
    static let bytesMax = 4_096

    private let name: String

    /// nil where the setting names none.
    init?(_ name: String) {
        guard !name.isEmpty else { return nil }
        self.name = name
    }

    /// nil where it is not there. Other cookies are not ours to judge.
    func value(in head: RequestHead) throws(CookieFault) -> String? {
        var found: Substring.UTF8View?
        for line in head.all("cookie") {
            for pair in line.utf8.split(separator: UInt8(ascii: ";")) {
                let pair = trimmed(pair)
                guard let equals = pair.firstIndex(of: UInt8(ascii: "=")),
                    trimmed(pair[..<equals]).elementsEqual(name.utf8)
                else { continue }
                guard found == nil else { throw .ambiguous }
                found = trimmed(pair[pair.index(after: equals)...])
            }
        }
        return try found.map { value throws(CookieFault) in try unquoted(value) }
    }

    private func unquoted(_ value: Substring.UTF8View) throws(CookieFault) -> String {
        let quote = UInt8(ascii: "\"")
        var value = value
        if value.first == quote {
            guard value.count > 1, value.last == quote else { throw .malformed }
            value = value.dropFirst().dropLast()
        }
        guard value.allSatisfy(Self.mayHold) else { throw .malformed }
        return String(Substring(value))
    }

    /// RFC 6265 section 4.1.1.
    private static func mayHold(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: ","), UInt8(ascii: ";"), UInt8(ascii: "\\"): false
        default: 0x21...0x7E ~= byte
        }
    }

    private func trimmed(_ bytes: Substring.UTF8View) -> Substring.UTF8View {
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        var bytes = bytes.drop(while: isBlank)
        while let last = bytes.last, isBlank(last) { bytes.removeLast() }
        return bytes
    }

    /// For `Set-Cookie`. Without `seconds` it lasts as long as the browser is open.
    func setting(_ token: String, for seconds: Int64?, isSecure: Bool) -> String {
        "\(name)=\(token); Path=/; HttpOnly; SameSite=Strict"
            + (seconds.map { "; Max-Age=\($0)" } ?? "")
            + (isSecure || demandsSecure ? "; Secure" : "")
    }

    func clearing(isSecure: Bool) -> String { setting("", for: 0, isSecure: isSecure) }

    func holds(_ token: String) -> Bool { name.utf8.count + token.utf8.count <= Self.bytesMax }

    /// Browsers take such names with TLS only, so the operator has it where we can't see it.
    private var demandsSecure: Bool {
        let name = name.lowercased()
        return name.hasPrefix("__host-") || name.hasPrefix("__secure-")
    }
}
