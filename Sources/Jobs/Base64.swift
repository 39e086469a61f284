// Base64 of RFC 4648 section 4, with padding: how bytes that are no text travel in JSON.

enum Base64 {
    static func append(_ input: Span<UInt8>, to output: inout [UInt8]) {
        output.reserveCapacity(output.count + (input.count + 2) / 3 * 4)
        for start in stride(from: 0, to: input.count, by: 3) {
            let count = min(3, input.count - start)
            var group = 0
            for offset in 0..<3 {
                group = group << 8 | (offset < count ? Int(input[start + offset]) : 0)
            }
            for place in 0..<4 {
                let digit = letters[group >> (18 - 6 * place) & 63]
                output.append(place <= count ? digit : UInt8(ascii: "="))
            }
        }
    }

    private static let letters = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
}
