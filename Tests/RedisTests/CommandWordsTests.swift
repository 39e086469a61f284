// Words in one piece of memory are the same command as words in arrays.

import Support
import Testing

@testable import Redis

@Suite("Words of a command")
struct CommandWordsTests {
    @Test("of any length and kind are encoded as if each were an array of its own")
    func encoded() {
        var words = CommandWords()
        var plain: [[UInt8]] = []
        for length in [0, 1, 9, 10, 11, 99, 100, 101, 999, 1_000, 65_536, 100_000] {
            let text = String(repeating: "x", count: length)
            words.append(text)
            words.append(text, "yz\r\n")
            words.append(Array(text.utf8))
            words.append(Array(text.utf8).span)
            plain += [text, text + "yz\r\n", text, text].map { Array($0.utf8) }
        }
        for number in [0, 1, 9, 10, 12_345, -1, .max, .min] as [Int64] {
            words.append(number)
            plain.append(Array(String(number).utf8))
        }
        let head = [Array("EVALSHA".utf8), [0, 255]]
        let one = RedisCommand.encoded(head, words)
        let other = RedisCommand.encoded(head + plain)
        let isSame = one.span.isEqual(to: other.span)
        #expect(words.count == plain.count && isSame)
        let whole = RedisCommand.encoded([], CommandWords(head + plain))
        let isWholeSame = whole.span.isEqual(to: other.span)
        #expect(isWholeSame)
    }
}
