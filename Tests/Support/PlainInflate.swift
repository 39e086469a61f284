// A slow inflater (RFC 1951) that shares no line with zlib or with Wire, so that what Wire compresses
// is checked by somebody else. Nil for whatever is not deflate; a stream left open by an empty
// stored block ends where its bytes do.

public func plainInflated(_ bytes: [UInt8]) -> [UInt8]? {
    var inflate = PlainInflate(bytes: bytes)
    return inflate.run() ? inflate.output : nil
}

private struct PlainInflate {
    let bytes: [UInt8]
    var position = 0
    var output: [UInt8] = []

    static let lengthBases = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115,
        131,
        163, 195, 227, 258,
    ]
    static let distanceBases = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537,
        2049, 3073, 4097, 6145, 8193, 12_289, 16_385, 24_577,
    ]
    static let codeOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

    mutating func run() -> Bool {
        while true {
            if position == bytes.count * 8, !output.isEmpty { return true }
            guard let isLast = bits(1), let kind = bits(2) else { return false }
            let isSound =
                switch kind {
                case 0: stored()
                case 1: compressed(.fixedLiterals, .fixedDistances)
                case 2: dynamic()
                default: false
                }
            guard isSound else { return false }
            if isLast == 1 { return true }
        }
    }

    mutating func bits(_ count: Int) -> Int? {
        guard position + count <= bytes.count * 8 else { return nil }
        var value = 0
        for place in 0..<count {
            value |= Int(bytes[position / 8] >> (position % 8) & 1) << place
            position += 1
        }
        return value
    }

    mutating func stored() -> Bool {
        position = (position + 7) & ~7
        guard let length = bits(16), let check = bits(16), length ^ check == 0xFFFF else {
            return false
        }
        guard position / 8 + length <= bytes.count else { return false }
        output += bytes[(position / 8)..<(position / 8 + length)]
        position += length * 8
        return true
    }

    mutating func dynamic() -> Bool {
        guard let literals = bits(5), let distances = bits(5), let codes = bits(4) else {
            return false
        }
        var lengths = [Int](repeating: 0, count: 19)
        for index in 0..<codes + 4 {
            guard let length = bits(3) else { return false }
            lengths[Self.codeOrder[index]] = length
        }
        let alphabet = Huffman(lengths)
        lengths = []
        while lengths.count < literals + distances + 258 {
            switch symbol(alphabet) {
            case let length? where length < 16: lengths.append(length)
            case 16:
                guard let last = lengths.last, let more = bits(2) else { return false }
                lengths += repeatElement(last, count: 3 + more)
            case 17:
                guard let more = bits(3) else { return false }
                lengths += repeatElement(0, count: 3 + more)
            case 18:
                guard let more = bits(7) else { return false }
                lengths += repeatElement(0, count: 11 + more)
            default: return false
            }
        }
        return compressed(
            Huffman(Array(lengths[..<(literals + 257)])),
            Huffman(Array(lengths[(literals + 257)...])))
    }

    mutating func compressed(_ literals: Huffman, _ distances: Huffman) -> Bool {
        while let symbol = symbol(literals) {
            if symbol < 256 {
                output.append(UInt8(symbol))
                continue
            }
            if symbol == 256 { return true }
            guard symbol - 257 < Self.lengthBases.count else { return false }
            let extraBits = symbol < 265 || symbol == 285 ? 0 : (symbol - 261) / 4
            guard let extra = bits(extraBits), let code = self.symbol(distances), code < 30,
                let further = bits(code < 4 ? 0 : code / 2 - 1)
            else { return false }
            let distance = Self.distanceBases[code] + further
            guard distance <= output.count else { return false }
            for _ in 0..<Self.lengthBases[symbol - 257] + extra {
                output.append(output[output.count - distance])
            }
        }
        return false
    }

    mutating func symbol(_ code: Huffman) -> Int? {
        var word = 0
        for length in 1...15 {
            guard let bit = bits(1) else { return nil }
            word = word << 1 | bit
            if let symbol = code.symbols[Huffman.Word(length: length, bits: word)] { return symbol }
        }
        return nil
    }
}

private struct Huffman {
    struct Word: Hashable { let length, bits: Int }

    var symbols: [Word: Int] = [:]

    init(_ lengths: [Int]) {
        var next = 0
        for length in 1...15 {
            for (symbol, own) in lengths.enumerated() where own == length {
                symbols[Word(length: length, bits: next)] = symbol
                next += 1
            }
            next <<= 1
        }
    }

    static let fixedLiterals = Huffman(
        Array(repeating: 8, count: 144) + Array(repeating: 9, count: 112)
            + Array(repeating: 7, count: 24) + Array(repeating: 8, count: 8))
    static let fixedDistances = Huffman(Array(repeating: 5, count: 30))
}
