// What a client offers of permessage-deflate (RFC 7692) and what we answer.
//
// We keep no window between messages, in either direction: that is what lets one compressed frame go
// to every follower, and an idle socket own no buffer. An offer that is malformed, or that wants a
// window smaller than the one our shared frames are made with, is declined; the next one may do.

public struct DeflateOffer: Equatable, Sendable {
    /// The client asked for a bound on our window; the answer must then name ours.
    let boundsOurWindow: Bool

    /// The first acceptable one of the extensions offered, each `name; parameter; parameter=value`.
    static func first(of extensions: [String]) -> DeflateOffer? {
        extensions.lazy.compactMap(DeflateOffer.init).first
    }

    init?(_ offer: String) {
        let parts = offer.split(separator: ";", omittingEmptySubsequences: false).map(Self.trimmed)
        guard parts[0].lowercased() == "permessage-deflate" else { return nil }
        var seen: Set<String> = []
        var bounds = false
        for part in parts.dropFirst() {
            let name = Self.trimmed(part.prefix { $0 != "=" }).lowercased()
            let value = part.contains("=") ? Self.value(part) : nil
            guard seen.insert(name).inserted else { return nil }
            switch (name, value) {
            case ("server_no_context_takeover", nil), ("client_no_context_takeover", nil): break
            case ("client_max_window_bits", nil): break
            case ("client_max_window_bits", let bits?):
                guard Self.windowBits(bits) != nil else { return nil }
            case ("server_max_window_bits", let bits?):
                guard let bits = Self.windowBits(bits), bits >= Deflater.windowBits else {
                    return nil
                }
                bounds = true
            default: return nil
            }
        }
        boundsOurWindow = bounds
    }

    var answer: String {
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
            + (boundsOurWindow ? "; server_max_window_bits=\(Deflater.windowBits)" : "")
    }

    private static func value(_ part: String) -> String {
        let value = trimmed(part.drop { $0 != "=" }.dropFirst())
        guard value.count >= 2, value.hasPrefix("\""), value.hasSuffix("\"") else { return value }
        return String(value.dropFirst().dropLast())
    }

    /// 8 to 15, without leading zeros.
    private static func windowBits(_ text: String) -> Int? {
        (8...15).first { String($0) == text }
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        String(
            decoding: text.utf8.drop(while: ASCII.isBlank).reversed().drop(while: ASCII.isBlank)
                .reversed(), as: UTF8.self)
    }
}
