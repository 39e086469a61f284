// Base64 of RFC 4648 section 4, with padding: how bytes that are no text travel in JSON.

public enum Base64 {
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

    /// Nil where the text is not just what `append` writes for some bytes.
    public static func decoded(_ text: Span<UInt8>) -> [UInt8]? {
        guard text.count.isMultiple(of: 4) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        var (group, bits) = (0, 0)
        var end = text.count
        while end > 0, text.count - end < 2, text[end - 1] == UInt8(ascii: "=") { end -= 1 }
        for index in 0..<end {
            guard let digit = values[Int(text[index])] else { return nil }
            group = group << 6 | Int(digit)
            bits += 6
            guard bits >= 8 else { continue }
            bits -= 8
            bytes.append(UInt8(truncatingIfNeeded: group >> bits))
            group &= (1 << bits) - 1
        }
        return group == 0 && bits < 6 ? bytes : nil
    }

    private static let values: [UInt8?] = {
        var values = [UInt8?](repeating: nil, count: 256)
        for (value, letter) in letters.enumerated() { values[Int(letter)] = UInt8(value) }
        return values
    }()

    private static let letters = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
}
