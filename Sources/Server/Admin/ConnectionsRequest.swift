// ConnectionsRequest is `GET /api/v1/connections`: which connections, and from where on.
//
// A bridge's connections stand in no order of time: a page goes through loops and places, and remembers the
// place. So a connection that stays is seen once, whatever comes and goes meanwhile.

import Fleet
import JSON
import Jobs
import Wire

/// A place in one bridge: `<loop>.<index>`.
struct ConnectionPlace: Equatable, Sendable {
    var loop = 0
    var index = 0

    init(loop: Int = 0, index: Int = 0) { (self.loop, self.index) = (loop, index) }

    init?(checking text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let loop = Self.number(parts[0]), let index = Self.number(parts[1])
        else { return nil }
        self.init(loop: loop, index: index)
    }

    private static func number(_ text: some StringProtocol) -> Int? {
        guard 1...9 ~= text.utf8.count,
            text.utf8.allSatisfy({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 })
        else { return nil }
        return Int(text)
    }

    var text: String { "\(loop).\(index)" }
}

struct ConnectionFilter: Equatable, Sendable {
    var subject: String?
    var job: JobID?

    /// Names are compared by their bytes, as everywhere.
    func admits(_ subject: String?) -> Bool {
        guard let wanted = self.subject else { return true }
        return subject.map { wanted.utf8.elementsEqual($0.utf8) } ?? false
    }
}

struct ConnectionsRequest: Equatable, Sendable {
    static let limitUsual = 50
    static let limitMax = 200

    var filter = ConnectionFilter()
    var node: NodeName?
    var limit = Self.limitUsual
    /// Bridges are gone through by their names; one that has gone meanwhile is passed over.
    var cursor: (node: NodeName, place: ConnectionPlace)?

    init(_ query: Query) throws(Close) {
        filter.subject = query.first("subject")
        if let text = query.first("job_id") {
            do throws(JobIDFault) { filter.job = try JobID(checking: text) } catch {
                throw .badRequest(error.message(of: .job))
            }
        }
        if let text = query.first("node") {
            guard let node = NodeName(checking: text) else {
                throw .badRequest("node is a bridge's name")
            }
            self.node = node
        }
        limit = try query.count("limit", default: Self.limitUsual, in: 1...Self.limitMax)
        if let text = query.first("cursor") {
            let parts = text.split(separator: "-", omittingEmptySubsequences: false)
            guard parts.count == 2, let node = NodeName(checking: parts[0]),
                let place = ConnectionPlace(checking: parts[1])
            else { throw .badRequest("cursor is the next of an earlier page") }
            cursor = (node, place)
        }
    }

    /// For the log.
    var description: String {
        var words: [String] = []
        if let node { words.append("node:\(node)") }
        if let job = filter.job { words.append("job:\(job.text)") }
        if let subject = filter.subject { words.append("subject:\(subject)") }
        return words.isEmpty ? "all" : words.joined(separator: " ")
    }

    static func == (one: Self, other: Self) -> Bool {
        one.filter == other.filter && one.node == other.node && one.limit == other.limit
            && one.cursor?.node == other.cursor?.node && one.cursor?.place == other.cursor?.place
    }

    /// What of the bridges is still to be asked, and from where on.
    func order(_ nodes: [NodeName]) -> [(node: NodeName, from: ConnectionPlace)] {
        nodes.sorted { $0.text < $1.text }.compactMap { each in
            guard node == nil || node == each else { return nil }
            guard let cursor else { return (each, ConnectionPlace()) }
            guard each != cursor.node else { return (each, cursor.place) }
            return each.text > cursor.node.text ? (each, ConnectionPlace()) : nil
        }
    }
}

/// The part of a request that one bridge answers.
struct NodeListRequest: Equatable, Sendable {
    var filter = ConnectionFilter()
    var limit = ConnectionsRequest.limitUsual
    var from = ConnectionPlace()

    init(_ request: ConnectionsRequest, from: ConnectionPlace) {
        (filter, limit, self.from) = (request.filter, request.limit, from)
    }

    /// nil where no bridge has written it.
    init?(_ text: Span<UInt8>) {
        var outline = JSONOutline()
        guard (try? outline.read(text)) != nil else { return nil }
        func string(_ name: String) -> String? {
            outline.member(name, in: text).flatMap { text.jsonString($0.value) }
        }
        guard let place = string("from").flatMap({ ConnectionPlace(checking: $0) }),
            let limit = outline.member("limit", in: text).flatMap({ text.jsonInteger($0.value) }),
            1...ConnectionsRequest.limitMax ~= Int(limit)
        else { return nil }
        (from, self.limit) = (place, Int(limit))
        filter.subject = string("subject")
        if let job = string("job_id") {
            guard let job = try? JobID(checking: job) else { return nil }
            filter.job = job
        }
    }

    var json: [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.key("from")
        json.string(from.text)
        json.key("limit")
        json.integer(limit)
        if let subject = filter.subject {
            json.key("subject")
            json.string(subject)
        }
        if let job = filter.job {
            json.key("job_id")
            json.string(job.text)
        }
        json.endObject()
        return json.bytes
    }
}
