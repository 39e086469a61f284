// MessagePack against what PyPI's msgpack made (conformance/make-messagepack.py), and against whatever a
// hostile client may send.

import Bytes
import Foundation
import Jobs
import Testing
import Wire

@Suite("MessagePack")
struct MessagePackTests {
    private let vectors: Vectors

    init() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent()
        vectors = try JSONDecoder().decode(
            Vectors.self,
            from: Data(
                contentsOf: root.appending(path: "../../conformance/messagepack.json").standardized)
        )
    }

    @Test("a message is, to the byte, what another library makes of it")
    func encoded() throws {
        #expect(vectors.encoded.count > 80)
        for row in vectors.encoded {
            let frame = MessagePack.frame(Frames.text(Array(row.text("json").utf8).span))
            #expect(frame.span[0] == 0x82)
            #expect(
                hex(Array(copying: Frames.payload(of: frame))) == row.text("hex"), "\(row.name)")
        }
    }

    @Test("a frame that is no text stays what it is")
    func otherFrames() {
        for frame in [
            Frames.ping([1].span), Frames.close(4401, reason: "x"), Frames.binary([1].span),
        ] {
            #expect(Array(copying: MessagePack.frame(frame).span) == Array(copying: frame.span))
        }
    }

    @Test("an object of 65,536 members has the longest head")
    func longestMap() throws {
        let text = "{" + (0..<65_536).map { "\"\($0)\":[]" }.joined(separator: ",") + "}"
        let packed = Array(
            copying: Frames.payload(of: MessagePack.frame(Frames.text(Array(text.utf8).span))))
        #expect(packed.starts(with: [0xDF, 0, 1, 0, 0, 0xA1, 0x30, 0x90]))
        #expect(try MessagePackReader.json(packed.span) == Array(text.utf8))
    }

    @Test("what a worker sent that was not UTF-8 is those bytes again", arguments: 0...70)
    func binary(count: Int) throws {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37) } + [0xFF]
        var reader = EventReader()
        let event = reader.read(bytes.span, heardAt: WallTime(milliseconds: 0))
        let frame = EventFrame.encode(job: try JobID(checking: "j"), seq: 1, rest: event.rest.span)
        let packed = Array(copying: Frames.payload(of: MessagePack.frame(frame)))
        let expected = Array("data".utf8) + [0xC4, UInt8(bytes.count)] + bytes
        #expect(packed.firstRange(of: expected) != nil, "\(hex(packed))")
    }

    @Test("what a client says in MessagePack means what it means in JSON")
    func messages() throws {
        for row in vectors.messages {
            let json = try MessagePackReader.json(unhexed(row.text("hex")).span)
            let (found, meant) = (String(decoding: json, as: UTF8.self), row.text("json"))
            #expect(try value(found).isEqual(value(meant)), "\(row.name): \(found.prefix(200))")
        }
    }

    @Test("what JSON has no word for, and what is no MessagePack, is refused by its rule")
    func refused() throws {
        for row in vectors.refused {
            let bytes = unhexed(row.text("hex"))
            var rule: String?
            do throws(MessagePackFault) { _ = try MessagePackReader.json(bytes.span) } catch {
                rule = error.rule.rawValue
                #expect(0...bytes.count ~= error.offset)
            }
            #expect(rule == row.rule, "\(row.name)")
        }
        let rules = Set(vectors.refused.compactMap(\.rule))
        #expect(rules == Set(MessagePackFault.Rule.allCases.map(\.rawValue)))
    }

    @Test("values may be as deep as in JSON, and no deeper")
    func depth() throws {
        func nested(_ count: Int, _ head: [UInt8]) -> [UInt8] {
            Array((0..<count).map { _ in head }.joined()) + [0xC0]
        }
        for head: [UInt8] in [[0x91], [0x81, 0xA1, 0x61]] {
            let deepest = nested(MessagePackReader.nestingMax, head)
            #expect(throws: Never.self) { try MessagePackReader.json(deepest.span) }
            #expect(throws: MessagePackFault.self) {
                try MessagePackReader.json(nested(MessagePackReader.nestingMax + 1, head).span)
            }
        }
    }

    @Test("no message of any bytes becomes more than six times as long")
    func growth() throws {
        for byte in UInt8.min...UInt8.max {
            for count in [0, 1, 2, 5, 9, 31, 65_535] {
                let bytes =
                    [0xDC, UInt8(count >> 8), UInt8(count & 0xFF)]
                    + [UInt8](repeating: byte, count: count)
                if let json = try? MessagePackReader.json(bytes.span) {
                    #expect(json.count <= 6 * bytes.count)
                }
            }
        }
        let controls = [0xDA, 0x10, 0x00] + [UInt8](repeating: 1, count: 4_096)
        #expect(try MessagePackReader.json(controls.span).count <= 6 * controls.count)
    }

    @Test("a client's request is read, and a broken one refused with what is wrong and where")
    func requests() throws {
        var reader = ClientMessageReader()
        // {"type":"ping","id":7}
        let ping = unhexed("82a474797065a470696e67a2696407")
        guard case .ping(let id) = try reader.read(messagePack: ping.span) else {
            Issue.record("no ping")
            return
        }
        #expect(id?.json == Array("7".utf8))
        do throws(ClientRefusal) {
            _ = try reader.read(messagePack: Array(ping.dropLast()).span)
            Issue.record("read")
        } catch {
            #expect(error.code == "bad_message")
            #expect(error.message == "not MessagePack: endedEarly at byte 14")
        }
        do throws(ClientRefusal) {
            _ = try reader.read(messagePack: [0x90].span)
            Issue.record("read")
        } catch { #expect(error.code == "bad_message") }
    }

    private func value(_ json: String) throws -> NSObject {
        let any = try JSONSerialization.jsonObject(
            with: Data("[\(json)]".utf8), options: .fragmentsAllowed)
        return try #require(any as? NSObject)
    }
}

private struct Vectors: Decodable {
    let encoded, messages, refused: [Row]
}

private struct Row: Decodable {
    let name: String
    let rule: String?
    private let texts: [String: String]

    func text(_ member: String) -> String { texts[member] ?? "" }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    private struct Part: Decodable {
        let text: String
        init(from decoder: any Decoder) throws {
            var row = try decoder.unkeyedContainer()
            text = String(repeating: try row.decode(String.self), count: try row.decode(Int.self))
        }
    }

    init(from decoder: any Decoder) throws {
        let row = try decoder.container(keyedBy: Key.self)
        name = try row.decode(String.self, forKey: Key(stringValue: "name"))
        rule = try row.decodeIfPresent(String.self, forKey: Key(stringValue: "rule"))
        var texts: [String: String] = [:]
        for member in ["json", "hex"] {
            texts[member] =
                try row.decodeIfPresent(String.self, forKey: Key(stringValue: member))
                ?? row.decodeIfPresent([Part].self, forKey: Key(stringValue: member + "_parts"))?
                .map(\.text).joined()
        }
        self.texts = texts
    }
}

private func hex(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef")
    return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
}

private func unhexed(_ text: String) -> [UInt8] {
    let digits = text.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count - 1, by: 2).map {
        UInt8(digits[$0] * 16 + digits[$0 + 1])
    }
}
