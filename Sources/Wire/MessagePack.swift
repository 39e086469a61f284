// MessagePack says in MessagePack what a text frame says in JSON, in one pass and without a tree.
//
// Every number of a text that an Int64 or UInt64 holds, spelled without fraction and exponent, stays an
// integer; any other becomes a float64. All is written in its shortest form. The `data` of an event
// whose bytes were not UTF-8 is those bytes again, a bin value.
//
// Invariant: a container's head is one byte in `bytes` until all is written; the few that need more
// room are in `wide`, and get it when the frame is put together.

import Bytes
import JSON
import Jobs

public enum MessagePack {
    /// The same message in a binary frame. A frame that is no text says nothing in JSON and stays.
    public static func frame(_ frame: SharedBytes) -> SharedBytes {
        guard frame.span[0] == 0x81 else { return frame }
        let text = Frames.payload(of: frame)
        var writer = MessagePackWriter(reserving: text.count)
        writer.write(json: text)
        return writer.frame()
    }
}

private struct MessagePackWriter {
    private struct Container {
        let at: Int
        let isMap: Bool
        var items = 0

        /// What its head takes beyond one byte.
        var extraBytes: Int { size < 16 ? 0 : size < 65_536 ? 2 : 4 }
        /// A member is two items, its key and its value.
        var size: Int { isMap ? items / 2 : items }
    }

    private var bytes: [UInt8] = []
    private var open: [Container] = []
    private var wide: [Container] = []

    init(reserving count: Int) { bytes.reserveCapacity(count) }

    mutating func write(json text: Span<UInt8>) {
        var tokens = JSONTokens()
        while let token = tokens.next(in: text) {
            if token == .end {
                close()
                continue
            }
            if !open.isEmpty { open[open.count - 1].items += 1 }
            switch token {
            case .beginObject:
                if let (binary, behind) = binary(text, tokens) {
                    append(binary)
                    tokens = behind
                } else {
                    begin(isMap: true)
                }
            case .beginArray: begin(isMap: false)
            case .string(let range, hasEscapes: false): append(string: text.extracting(range))
            case .string(let range, hasEscapes: true): append(string: text.unescaped(range).span)
            case .number(let range): append(number: range, text)
            case .bool(let value): bytes.append(value ? 0xC3 : 0xC2)
            case .null: bytes.append(0xC0)
            case .end: break
            }
        }
        precondition(open.isEmpty, "a text without an end")
    }

    /// A whole binary frame of what was written.
    func frame() -> SharedBytes {
        let heads = wide.sorted { $0.at < $1.at }
        let count = heads.reduce(bytes.count) { $0 + $1.extraBytes }
        return SharedBytes(capacity: Frames.headerBytes(for: count) + count) { output in
            Frames.appendHeader(0x82, payloadBytes: count, to: &output)
            var from = 0
            for head in heads {
                output.append(copying: bytes.span.extracting(from..<head.at))
                output.append((head.isMap ? 0xDE : 0xDC) + (head.extraBytes == 2 ? 0 : 1))
                for place in (0..<head.extraBytes).reversed() {
                    output.append(UInt8(truncatingIfNeeded: head.size >> (place * 8)))
                }
                from = head.at + 1
            }
            output.append(copying: bytes.span.extracting(from...))
        }
    }

    // MARK: - Containers

    private mutating func begin(isMap: Bool) {
        open.append(Container(at: bytes.count, isMap: isMap))
        bytes.append(0)
    }

    private mutating func close() {
        let container = open.removeLast()
        if container.extraBytes == 0 {
            bytes[container.at] = (container.isMap ? 0x80 : 0x90) | UInt8(container.size)
        } else {
            wide.append(container)
        }
    }

    // MARK: - Values

    private mutating func append(string text: Span<UInt8>) {
        switch text.count {
        case ..<32: bytes.append(0xA0 | UInt8(text.count))
        case ..<256: append(0xD9, UInt8(text.count))
        case ..<65_536: append(0xDA, UInt16(text.count))
        default: append(0xDB, UInt32(text.count))
        }
        bytes.append(text)
    }

    private mutating func append(_ binary: [UInt8]) {
        switch binary.count {
        case ..<256: append(0xC4, UInt8(binary.count))
        case ..<65_536: append(0xC5, UInt16(binary.count))
        default: append(0xC6, UInt32(binary.count))
        }
        bytes += binary
    }

    private mutating func append(number range: Range<Int>, _ text: Span<UInt8>) {
        if let integer = text.jsonInteger(range) {
            guard integer < 0 else { return append(UInt64(integer)) }
            switch integer {
            case (-32)...: bytes.append(UInt8(truncatingIfNeeded: integer))
            case Int64(Int8.min)...: append(0xD0, UInt8(truncatingIfNeeded: integer))
            case Int64(Int16.min)...: append(0xD1, UInt16(truncatingIfNeeded: integer))
            case Int64(Int32.min)...: append(0xD2, UInt32(truncatingIfNeeded: integer))
            default: append(0xD3, UInt64(bitPattern: integer))
            }
        } else if let large = text.jsonUnsigned(range) {
            append(large)
        } else {
            // As every reader of JSON takes 1e999.
            let beyond = text[range.lowerBound] == UInt8(ascii: "-") ? -Double.infinity : .infinity
            append(0xCB, (text.jsonDouble(range) ?? beyond).bitPattern)
        }
    }

    private mutating func append(_ size: UInt64) {
        switch size {
        case ..<128: bytes.append(UInt8(size))
        case ...0xFF: append(0xCC, UInt8(size))
        case ...0xFFFF: append(0xCD, UInt16(size))
        case ...0xFFFF_FFFF: append(0xCE, UInt32(size))
        default: append(0xCF, size)
        }
    }

    private mutating func append(_ mark: UInt8, _ value: some FixedWidthInteger) {
        bytes.append(mark)
        for place in stride(from: value.bitWidth - 8, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> place))
        }
    }

    // MARK: - What was not UTF-8

    /// The bytes that the object which begins here carries, and the place behind it; nil where it is
    /// not the `data` of a binary event, spelled as EventReader spells it.
    private func binary(
        _ text: Span<UInt8>, _ tokens: JSONTokens
    ) -> (bytes: [UInt8], behind: JSONTokens)? {
        guard open.count == 1, text.extracting(..<tokens.at).ends(with: EventReader.binaryOpening)
        else { return nil }
        var ahead = tokens
        guard case .string(let key, hasEscapes: false)? = ahead.next(in: text),
            text.extracting(key).ends(with: EventReader.binaryMember),
            case .string(let value, hasEscapes: false)? = ahead.next(in: text),
            ahead.next(in: text) == .end, let bytes = Base64.decoded(text.extracting(value))
        else { return nil }
        return (bytes, ahead)
    }
}

extension Span<UInt8> {
    fileprivate func ends(with end: [UInt8]) -> Bool {
        count >= end.count && end.indices.allSatisfy { self[count - end.count + $0] == end[$0] }
    }
}
