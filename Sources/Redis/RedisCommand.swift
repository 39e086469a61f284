// A command as Redis reads it: an array of strings, each with its length in front.

import Bytes

enum RedisCommand {
    static func encoded(_ arguments: [[UInt8]]) -> SharedBytes {
        SharedBytes(capacity: arguments.reduce(headBytesMax) { $0 + $1.count + headBytesMax }) {
            output in
            append(UInt8(ascii: "*"), arguments.count, to: &output)
            for argument in arguments {
                append(UInt8(ascii: "$"), argument.count, to: &output)
                let bytes = argument.span
                for index in bytes.indices { output.append(bytes[index]) }
                end(&output)
            }
        }
    }

    /// The head's words, and then the rest.
    static func encoded(_ head: [[UInt8]], _ rest: CommandWords) -> SharedBytes {
        let first = CommandWords(head)
        return SharedBytes(capacity: first.bytes.count + rest.bytes.count + headBytesMax) {
            output in
            append(UInt8(ascii: "*"), first.count + rest.count, to: &output)
            output.append(copying: first.bytes.span)
            output.append(copying: rest.bytes.span)
        }
    }

    static func encoded(_ words: String...) -> SharedBytes { encoded(words.map { Array($0.utf8) }) }

    private static func append(_ mark: UInt8, _ count: Int, to output: inout OutputSpan<UInt8>) {
        output.append(mark)
        for digit in String(count).utf8 { output.append(digit) }
        end(&output)
    }

    private static func end(_ output: inout OutputSpan<UInt8>) {
        output.append(UInt8(ascii: "\r"))
        output.append(UInt8(ascii: "\n"))
    }

    /// A mark, the digits of an `Int`, a line end; and the line end behind an argument.
    static let headBytesMax = 1 + 19 + 2 + 2
}
