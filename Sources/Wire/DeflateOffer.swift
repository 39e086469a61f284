// What a client offers of permessage-deflate (RFC 7692) and what we answer.
//
// We keep no window between messages, in either direction: that is what lets one compressed frame go
// to every follower, and an idle socket own no buffer. An offer that is malformed, or that wants a
// window smaller than the one our shared frames are made with, is declined; the next one may do.

public struct DeflateOffer: Equatable, Sendable {
    /// The client asked for a bound on our window; the answer must then name ours.
    let boundsOurWindow: Bool

    /// Reads one extension, `name; parameter; parameter=value`; nil where it is not acceptable.
    init?(_ bytes: Span<UInt8>, _ offer: Range<Int>) {
        let parts = bytes.parts(of: offer, separatedBy: UInt8(ascii: ";"))
        guard bytes.spells("permessage-deflate", in: parts[0]) else { return nil }
        var seen: [Parameter] = []
        for part in parts.dropFirst() {
            let equals = part.first { bytes[$0] == UInt8(ascii: "=") }
            let name = bytes.trimmed(part.lowerBound..<(equals ?? part.upperBound))
            guard
                let parameter = Parameter.allCases.first(where: {
                    bytes.spells($0.rawValue, in: name)
                }), !seen.contains(parameter)
            else { return nil }
            seen.append(parameter)
            let bits = equals.flatMap { bytes.windowBits($0 + 1..<part.upperBound) }
            guard equals == nil || bits != nil, parameter.allows(bits) else { return nil }
        }
        boundsOurWindow = seen.contains(.serverWindow)
    }

    private enum Parameter: String, CaseIterable {
        case serverTakeover = "server_no_context_takeover"
        case clientTakeover = "client_no_context_takeover"
        case serverWindow = "server_max_window_bits"
        case clientWindow = "client_max_window_bits"

        func allows(_ bits: Int?) -> Bool {
            switch self {
            case .serverTakeover, .clientTakeover: bits == nil
            case .serverWindow: bits.map { $0 >= Deflater.windowBits } ?? false
            case .clientWindow: true
            }
        }
    }

    var answer: String {
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
            + (boundsOurWindow ? "; server_max_window_bits=\(Deflater.windowBits)" : "")
    }
}

extension Span<UInt8> {
    /// 8 to 15, without leading zeros, quoted or not.
    fileprivate func windowBits(_ range: Range<Int>) -> Int? {
        var digits = trimmed(range)
        let quote = UInt8(ascii: "\"")
        if digits.count >= 2, self[digits.lowerBound] == quote, self[digits.upperBound - 1] == quote
        {
            digits = digits.dropFirst().dropLast()
        }
        return (8...15).first { spells(String($0), in: digits) }
    }
}
