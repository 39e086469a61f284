// Reads the vectors that all languages share.

import Glibc

struct FileMissing: Error { let path: String }

func conformanceFile(_ name: String, here: String = #filePath) throws -> [UInt8] {
    let path =
        here.split(separator: "/").dropLast(3).map { "/\($0)" }.joined() + "/conformance/\(name)"
    guard let file = unsafe fopen(path, "r") else { throw FileMissing(path: path) }
    defer { unsafe fclose(file) }
    var bytes: [UInt8] = []
    while true {
        let byte = unsafe fgetc(file)
        guard byte != EOF else { return bytes }
        bytes.append(UInt8(truncatingIfNeeded: byte))
    }
}

func unhexed(_ text: String) -> [UInt8] {
    let digits = text.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count - 1, by: 2).map {
        UInt8(digits[$0] * 16 + digits[$0 + 1])
    }
}
