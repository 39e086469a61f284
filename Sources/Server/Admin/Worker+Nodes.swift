// What operators ask of all bridges: each is asked by the fleet, this one too, and answers on its loop 0. A
// bridge that does not answer in time is named, not passed over.

import Fleet
import JSON
import Jobs
import Loop

/// What a bridge answers to a NodeListRequest.
struct NodePage: Equatable {
    /// So much fits into one message between bridges, with room for the rest of it.
    static let bytesMax = 49_152

    /// Each a JSON object, and where the next page would begin behind it.
    private(set) var rows: [(json: [UInt8], end: ConnectionPlace)] = []
    /// nil when all was looked at.
    var next: ConnectionPlace?

    init() {}

    mutating func append(_ json: [UInt8], end: ConnectionPlace) { rows.append((json, end)) }

    /// Whoever may write in Redis may have written it: what is no page is nil.
    init?(_ text: Span<UInt8>) {
        var outline = JSONOutline()
        guard (try? outline.read(text, levels: 2)) != nil, outline.kind == .object else {
            return nil
        }
        func elements(_ name: String) -> [JSONMember] {
            guard let array = outline.index(of: name, in: text) else { return [] }
            return outline.members[(array + 1)...].prefix { $0.depth > 1 }.filter(\.isElement)
        }
        let (rows, ends) = (elements("rows"), elements("ends"))
        guard rows.count == ends.count, rows.count <= ConnectionsRequest.limitMax else {
            return nil
        }
        for (row, end) in zip(rows, ends) {
            guard row.kind == .object,
                let place = text.jsonString(end.value).flatMap({ ConnectionPlace(checking: $0) })
            else { return nil }
            append(Array(text, row.value), end: place)
        }
        if let next = outline.member("next", in: text).flatMap({ text.jsonString($0.value) }) {
            guard let place = ConnectionPlace(checking: next) else { return nil }
            self.next = place
        }
    }

    var json: [UInt8] {
        var json = JSONWriter(reserving: rows.reduce(256) { $0 + $1.json.count + 16 })
        json.beginObject()
        json.key("rows")
        json.beginArray()
        for (row, _) in rows { json.raw(row.span) }
        json.endArray()
        json.key("ends")
        json.beginArray()
        for (_, end) in rows { json.string(end.text) }
        json.endArray()
        if let next {
            json.key("next")
            json.string(next.text)
        }
        json.endObject()
        return json.bytes
    }

    static func == (one: Self, other: Self) -> Bool {
        one.next == other.next && one.rows.elementsEqual(other.rows) { $0 == $1 }
    }
}

extension Array where Element == UInt8 {
    fileprivate init(_ text: Span<UInt8>, _ range: Range<Int>) {
        self = []
        append(text.extracting(range))
    }
}

// MARK: - Answering

extension Worker {
    /// On loop 0.
    func answerConnections(_ question: [UInt8], _ answer: @escaping ([UInt8]) -> Void) {
        guard let request = NodeListRequest(question.span), beginWalk() else { return }
        var (page, left) = (NodePage(), NodePage.bytesMax)
        walk(from: request.from) {
            .list(request.filter, from: $0, rows: request.limit - page.rows.count, bytes: left)
        } _: { report, place in
            for (json, end) in report.rows {
                left -= json.count
                page.append(json, end: ConnectionPlace(loop: place.loop, index: end))
            }
            return !report.isFull
        } whenOver: { [unowned self] next in
            office.walks -= 1
            page.next = next
            answer(page.json)
        }
    }

    func answerDisconnect(_ question: [UInt8], _ answer: @escaping ([UInt8]) -> Void) {
        guard let serial = question.span.jsonInteger(question.indices), beginWalk() else {
            return
        }
        disconnect(Int(serial)) { [unowned self] isFound in
            office.walks -= 1
            answer(Array((isFound ? "true" : "false").utf8))
        }
    }

    private func beginWalk() -> Bool {
        guard office.walks < Self.walksMax else { return false }
        office.walks += 1
        return true
    }

    /// One of this bridge's connections.
    private func disconnect(_ serial: Int, _ answer: @escaping (_ isFound: Bool) -> Void) {
        var isFound = false
        walk(from: ConnectionPlace()) {
            .disconnect(serial: serial, from: $0)
        } _: { report, _ in
            isFound = report.reached > 0
            return !isFound
        } whenOver: { _ in
            answer(isFound)
        }
    }

    /// What we said ourselves was told here before.
    func hearBroadcast(_ message: [UInt8], from node: NodeName) {
        guard node != house.node, let broadcast = try? Broadcast(message.span) else { return }
        _ = deliver(broadcast)
    }
}

// MARK: - Asking

/// What all bridges together answered.
struct ConnectionsPage {
    var rows: [[UInt8]] = []
    var next: (node: NodeName, place: ConnectionPlace)?
    var nodes: [NodeName] = []
    var silent: [NodeName] = []
    /// The others are not known, for this reason.
    var fault: FleetFault?

    /// `answers` in the order of the nodes; nil from who was silent.
    init(
        _ order: [(node: NodeName, from: ConnectionPlace)], _ answers: [NodePage?], limit: Int
    ) {
        for (index, (node, from)) in order.enumerated() {
            guard let answer = answers[index] else {
                silent.append(node)
                continue
            }
            nodes.append(node)
            // Behind a page that is full the others are only named.
            guard next == nil else { continue }
            var stands = from
            for (row, end) in answer.rows {
                guard rows.count < limit else { break }
                rows.append(row)
                stands = end
            }
            let isWhole = answer.rows.isEmpty || stands == answer.rows.last?.end
            if !isWhole || rows.count == limit {
                next = (node, isWhole ? answer.next ?? stands : stands)
            } else if let more = answer.next {
                next = (node, more)
            }
        }
    }

    var json: [UInt8] {
        var json = JSONWriter(reserving: rows.reduce(512) { $0 + $1.count + 1 })
        json.beginObject()
        json.key("connections")
        json.beginArray()
        for row in rows { json.raw(row.span) }
        json.endArray()
        json.key("next")
        if let next { json.string("\(next.node)-\(next.place.text)") } else { json.null() }
        json.key("nodes")
        json.write(nodes)
        json.key("silent")
        json.write(silent)
        json.key("fault")
        if let fault { json.string(fault.name) } else { json.null() }
        json.endObject()
        return json.bytes
    }
}

extension JSONWriter {
    fileprivate mutating func write(_ names: [NodeName]) {
        beginArray()
        for name in names { string(name.text) }
        endArray()
    }
}

extension Worker {
    /// The answer is nil where there is no such bridge.
    func connections(
        _ request: ConnectionsRequest, _ answer: @escaping (ConnectionsPage?) -> Void
    ) {
        nodes { [unowned self] result in
            var (known, fault) = ([house.node], FleetFault?.none)
            switch result {
            case .success(let nodes): known = nodes.map(\.name)
            case .failure(let failure): fault = failure
            }
            if let node = request.node, !known.contains(node) { return answer(nil) }
            let order = request.order(known)
            gather(order.map { ($0.node, NodeListRequest(request, from: $0.from).json) }) {
                var page = ConnectionsPage(
                    order, $0.map { $0.flatMap { NodePage($0.span) } }, limit: request.limit)
                page.fault = fault
                answer(page)
            }
        }
    }

    /// Asks all at once. In the same order, nil for who did not answer.
    private func gather(
        _ questions: [(node: NodeName, json: [UInt8])],
        _ answer: @escaping ([[UInt8]?]) -> Void
    ) {
        var (answers, left) = ([[UInt8]?](repeating: nil, count: questions.count), questions.count)
        guard left > 0 else { return answer([]) }
        for (index, (node, json)) in questions.enumerated() {
            ask(FleetMessage(FleetKind.connections.rawValue, json), of: node) { result in
                answers[index] = try? result.get()
                left -= 1
                if left == 0 { answer(answers) }
            }
        }
    }

    /// False where there is none.
    func disconnect(
        _ id: ConnectionID, _ answer: @escaping (Result<Bool, FleetFault>) -> Void
    ) {
        guard id.node != house.node else { return disconnect(id.serial) { answer(.success($0)) } }
        nodes { [unowned self] result in
            switch result {
            case .failure(let fault): answer(.failure(fault))
            case .success(let nodes) where !nodes.contains { $0.name == id.node }:
                answer(.success(false))
            case .success:
                let question = FleetMessage(
                    FleetKind.disconnect.rawValue, Array(String(id.serial).utf8))
                ask(question, of: id.node) {
                    // It has gone since it was last heard of.
                    if case .failure(.noSuchNode) = $0 { return answer(.success(false)) }
                    answer($0.map { $0 == Array("true".utf8) })
                }
            }
        }
    }
}
