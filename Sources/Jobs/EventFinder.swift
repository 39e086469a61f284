// EventFinder takes apart what is published where the channel does not say whose it is: it finds the
// events in a message, and the job that each of them names.
//
// A message is one event, or an array of them; or it is the envelope in which Celery's transport wraps
// either (an object whose `body` is base64, as its `properties` say).
//
// Invariant: what comes out hangs on the message and the source alone, because each bridge counts it for
// itself. Whoever changes it counts `version` up, so that an old bridge and a new one do not record together.

import JSON

/// Where in an event the id stands: `jobId`, or `data.jobId` for a member of a member.
struct MemberPath: Equatable, Sendable {
    static let namesMax = 8

    let text: String
    fileprivate let names: [String]

    init(_ text: Substring) {
        self.text = String(text)
        names = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    }

    var isPath: Bool { names.count <= Self.namesMax && !names.contains("") }
}

/// Why a message, or an event in it, is nobody's.
public enum NamelessFault: Error, Equatable, Sendable {
    case notJSON, noName, badName(JobIDFault), tooMany, tooLarge

    public var message: String {
        switch self {
        case .notJSON: "it is no JSON object, nor an array of them"
        case .noName: "none of the members that would name its job is there"
        case .badName(let fault): fault.message
        case .tooMany: "it has more than \(EventFinder.eventsMax) events"
        case .tooLarge: "it has more than \(EventFinder.bytesMax) bytes"
        }
    }
}

public struct EventFinder: Sendable {
    static let version = 1
    static let eventsMax = 1_000
    static let bytesMax = 16_777_216

    /// Used again for each message.
    private var outline = JSONOutline()

    public init() {}

    /// Calls `each` with every event and whose it is, in order; once with a fault for all that is none.
    public mutating func read(
        _ message: Span<UInt8>, of source: Source,
        _ each: (Result<JobID, NamelessFault>, Span<UInt8>) -> Void
    ) {
        guard case .message(let paths) = source.naming else {
            preconditionFailure("its channel says whose it is")
        }
        guard message.count <= Self.bytesMax else { return each(.failure(.tooLarge), message) }
        let levels = paths.reduce(2) { max($0, $1.names.count + 1) }
        do throws(JSONFault) {
            try outline.read(message, levels: levels, allowingNonFinite: true)
            guard let body = body(of: message) else {
                return readEvents(message, paths, source.kind, each)
            }
            try outline.read(body.span, levels: levels, allowingNonFinite: true)
            readEvents(body.span, paths, source.kind, each)
        } catch { each(.failure(.notJSON), message) }
    }

    /// What an envelope holds; nil where it is none.
    private func body(of text: Span<UInt8>) -> [UInt8]? {
        guard let encoding = outline.member("properties", "body_encoding", in: text),
            text.jsonString(encoding.value) == "base64",
            let body = outline.member("body", in: text), body.kind == .string
        else { return nil }
        let range = body.value.lowerBound + 1..<body.value.upperBound - 1
        return Base64.decoded(text.unescaped(range).span)
    }

    /// The outline is of `text`.
    private func readEvents(
        _ text: Span<UInt8>, _ paths: [MemberPath], _ kind: JobID.Kind,
        _ each: (Result<JobID, NamelessFault>, Span<UInt8>) -> Void
    ) {
        switch outline.kind {
        case .object: each(job(paths, kind, inside: nil, text), text.extracting(outline.value))
        case .array:
            let events = outline.members.indices.filter { outline.members[$0].depth == 1 }
            guard !events.isEmpty else { return each(.failure(.noName), text) }
            guard events.count <= Self.eventsMax else { return each(.failure(.tooMany), text) }
            for index in events {
                let event = outline.members[index]
                guard event.kind == .object else {
                    each(.failure(.notJSON), text.extracting(event.value))
                    continue
                }
                each(job(paths, kind, inside: index, text), text.extracting(event.value))
            }
        default: each(.failure(.notJSON), text)
        }
    }

    private func job(
        _ paths: [MemberPath], _ kind: JobID.Kind, inside outer: Int?, _ text: Span<UInt8>
    ) -> Result<JobID, NamelessFault> {
        for path in paths {
            guard let name = name(at: path, inside: outer, text) else { continue }
            do throws(JobIDFault) {
                return .success(try JobID(checking: name, kind: kind))
            } catch { return .failure(.badName(error)) }
        }
        return .failure(.noName)
    }

    /// A string, or an integer as it is spelled.
    private func name(at path: MemberPath, inside outer: Int?, _ text: Span<UInt8>) -> String? {
        var index = outer
        for name in path.names {
            guard let inner = outline.index(of: name, in: text, inside: index) else { return nil }
            index = inner
        }
        guard let member = index.map({ outline.members[$0] }) else { return nil }
        switch member.kind {
        case .string: return text.jsonString(member.value)
        case .number: return text.jsonInteger(member.value).map { String($0) }
        default: return nil
        }
    }
}
