// What a client hears, parsed by Foundation and not by our own reader, and the ledger of one job: the
// contract's "never a duplicate, never out of order, never silently missing".

import Foundation
import Support
import Testing

struct Heard: @unchecked Sendable {
    let text: String
    /// Of numbers, strings, arrays and dictionaries, which nobody changes.
    private let object: [String: Any]

    init(_ text: String) throws {
        self.text = text
        let json = try JSONSerialization.jsonObject(with: Data(text.utf8))
        object = try #require(json as? [String: Any], "\(text)")
    }

    var type: String { object["type"] as? String ?? "" }
    var seq: Int? { object["seq"] as? Int }
    var job: String? { object["job_id"] as? String }
    var id: Any? { object["id"] }
    var data: [String: Any] { object["data"] as? [String: Any] ?? [:] }

    func top(_ key: String) -> Any? { object[key] }
    func text(_ key: String) -> String? { data[key] as? String }
    func number(_ key: String) -> Int? { data[key] as? Int }
    func object(_ key: String) -> [String: Any] { data[key] as? [String: Any] ?? [:] }
    /// `connected` of a one-job socket, or `subscribed`: where the job stands.
    var cursor: String? { number("seq").flatMap { seq in text("epoch").map { "\($0):\(seq)" } } }
}

extension WebSocketClient {
    func hear() throws -> Heard { try Heard(try nextText()) }

    /// All up to and with the first that is wanted.
    func hear(until isWanted: (Heard) -> Bool) throws -> [Heard] {
        var heard: [Heard] = []
        repeat { heard.append(try hear()) } while !isWanted(heard[heard.count - 1])
        return heard
    }

    @discardableResult
    func hear(until type: String) throws -> [Heard] { try hear { $0.type == type } }

    func hear(throughSeq seq: Int) throws -> [Heard] { try hear { $0.seq == seq } }

    func say(_ text: String) throws { try send(text) }

    struct Ending: Equatable {
        let code: UInt16?
        let reason: String
    }

    /// Reads on until the server says good-bye, for which it does not wait for ever. What came before is
    /// looked at then.
    @discardableResult
    func ending(_ see: (Heard) -> Void = { _ in }) throws -> Ending {
        var texts: [String] = []
        while true {
            switch try next() {
            case .text(let text): texts.append(text)
            case .close(let code, let reason):
                for text in texts { see(try Heard(text)) }
                return Ending(code: code, reason: reason)
            default: continue
            }
        }
    }
}

/// What one client knows of one job.
struct Ledger {
    private(set) var seqs: [Int] = []
    private(set) var gaps: [(from: Int?, to: Int?, reason: String)] = []
    private(set) var texts: [Int: String] = [:]
    private(set) var epoch: String?
    private var next: Int?
    private var isLive = false

    /// What to ask for after a break.
    var cursor: String { "\(epoch ?? ""):\((next ?? 1) - 1)" }
    var lastSeq: Int { (next ?? 1) - 1 }

    mutating func see(_ heard: Heard, sourceLocation: SourceLocation = #_sourceLocation) {
        switch heard.type {
        case _ where heard.seq != nil: event(heard, sourceLocation)
        case "connected", "subscribed":
            isLive = false
            if next == nil {
                epoch = heard.text("epoch")
                next = heard.object("replay")["from"] as? Int ?? (heard.number("seq") ?? 0) + 1
                // Before the replay, or in its place, a gap may say what is not kept.
                if heard.object("replay")["complete"] as? Bool == false { next = nil }
            }
        case "gap":
            let (from, to) = (heard.number("from"), heard.number("to"))
            gaps.append((from, to, heard.text("reason") ?? ""))
            if heard.text("reason") == "epoch_changed" {
                (epoch, next) = (heard.text("epoch"), 1)
            } else if let from, let to {
                #expect(
                    next == nil || next == from,
                    "a gap begins where the client stands: \(heard.text)",
                    sourceLocation: sourceLocation)
                (epoch, next) = (heard.text("epoch"), to + 1)
            }
        case "live":
            isLive = true
            guard let told = heard.text("epoch"), told != epoch else { break }
            (epoch, next) = (told, (heard.number("seq") ?? 0) + 1)
        default: break
        }
    }

    private mutating func event(_ heard: Heard, _ sourceLocation: SourceLocation) {
        guard let seq = heard.seq else { return }
        #expect(
            next == nil || next == seq, "a hole, a double or a step back",
            sourceLocation: sourceLocation)
        seqs.append(seq)
        texts[seq] = heard.text
        next = seq + 1
    }
}
