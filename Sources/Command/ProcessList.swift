// What the system shows others of this process: its arguments (`ps`) and, to its own user, its variables.
//
// Invariant: once a command line has been read, no secret that came with it stands there any more. Until
// then it did, for a moment: a file is the better place, and the documents say so.
//
// `unsafe` is sound here: the kernel says where the two areas are and that they are ours, they live as long
// as the process, and nobody else reads or writes them at the time.

import CLinux

enum ProcessList {
    /// Writes stars over each value that stands alone or behind a `=`.
    static func strikeOut(_ secrets: [[UInt8]]) {
        guard !secrets.isEmpty else { return }
        for area in areas() {
            for secret in secrets where !secret.isEmpty { strikeOut(secret, in: area) }
        }
    }

    /// Where arguments and variables are: fields 48 to 51 of proc(5)'s `stat`.
    private static func areas() -> [Range<Int>] {
        guard let stat = try? System.readFile("/proc/self/stat"),
            let name = stat.lastIndex(of: UInt8(ascii: ")"))
        else { return [] }
        let fields = stat[(name + 1)...].split(separator: UInt8(ascii: " "))
            .map { Int(String(decoding: $0, as: UTF8.self)) ?? 0 }
        guard fields.count > 48 else { return [] }
        return [(fields[45], fields[46]), (fields[47], fields[48])]
            .filter { 0 < $0.0 && $0.0 < $0.1 }.map { $0.0..<$0.1 }
    }

    private static func strikeOut(_ secret: [UInt8], in area: Range<Int>) {
        guard let start = unsafe UnsafeMutablePointer<UInt8>(bitPattern: area.lowerBound) else {
            return
        }
        let text = unsafe UnsafeMutableBufferPointer(start: start, count: area.count)
        for end in secret.count..<max(area.count, secret.count) where unsafe text[end] == 0 {
            let begin = end - secret.count
            let before = unsafe begin == 0 ? 0 : text[begin - 1]
            guard before == 0 || before == UInt8(ascii: "="),
                unsafe text[begin..<end].elementsEqual(secret)
            else { continue }
            for index in begin..<end { unsafe text[index] = UInt8(ascii: "*") }
        }
    }
}
