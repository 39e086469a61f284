// Makes batches of lines of a stream of bytes: whole lines, many in one event while they come fast.
//
// Invariant: what is kept between two calls is shorter than `lineBytesMax`.

struct LineBatches {
    /// A longer line is cut in two.
    static let lineBytesMax = 16_384
    static let linesMax = 500
    /// Of one event, before escapes.
    static let batchBytesMax = 131_072

    private var unfinished: [UInt8] = []

    /// The lines that these bytes complete, in batches.
    mutating func take(_ bytes: [UInt8]) -> [[String]] {
        var batches: [[String]] = []
        var batch: [String] = []
        var size = 0
        func put(_ line: ArraySlice<UInt8>) {
            if batch.count == Self.linesMax || size + line.count > Self.batchBytesMax {
                batches.append(batch)
                (batch, size) = ([], 0)
            }
            batch.append(Self.text(line))
            size += line.count
        }
        unfinished += bytes
        var rest = unfinished[...]
        while true {
            if let end = rest.prefix(Self.lineBytesMax).firstIndex(of: UInt8(ascii: "\n")) {
                put(rest[..<end])
                rest = rest[(end + 1)...]
            } else if rest.count >= Self.lineBytesMax {
                put(rest.prefix(Self.lineBytesMax))
                rest = rest.dropFirst(Self.lineBytesMax)
            } else {
                break
            }
        }
        unfinished = Array(rest)
        return batch.isEmpty ? batches : batches + [batch]
    }

    /// The last line, where nothing ended it.
    mutating func finish() -> [String]? {
        defer { unfinished = [] }
        return unfinished.isEmpty ? nil : [Self.text(unfinished[...])]
    }

    private static func text(_ line: ArraySlice<UInt8>) -> String {
        String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
    }
}
