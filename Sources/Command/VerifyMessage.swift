// What a socket that follows many jobs says, as far as `jobwire verify` compares it.

import JSON

enum VerifyMessage: Equatable {
    /// Its own bytes are those from `rest` on.
    case event(job: String, seq: UInt64, rest: Int)
    /// A job's, whose next event has this number; or the queue's, without one.
    case subscribed(job: String?, next: UInt64)
    case live(job: String, epoch: String?)
    case gap(job: String, from: UInt64?, to: UInt64?, isNewEpoch: Bool)
    /// Told in words: what it refuses, or what it warns of.
    case rejected(String)
    case notice(String)
    case other
}

struct VerifyMessageReader {
    private var outline = JSONOutline()

    mutating func read(_ bytes: [UInt8]) -> VerifyMessage {
        let span = bytes.span
        guard (try? outline.read(span, levels: 3)) != nil, outline.kind == .object else {
            return .other
        }
        let job = outline.member("job_id", in: span).flatMap { span.jsonString($0.value) }
        if let seq = outline.member("seq", in: span).flatMap({ span.jsonUnsigned($0.value) }),
            let job, let id = outline.member("job_id", in: span)
        {
            return .event(job: job, seq: seq, rest: id.value.upperBound + 1)
        }
        let type = outline.member("type", in: span).flatMap { span.jsonString($0.value) }
        switch (type, job) {
        case ("subscribed"?, let job):
            let replayed = outline.index(of: "data", in: span)
                .flatMap { outline.index(of: "replay", in: span, inside: $0) }
                .flatMap { outline.index(of: "from", in: span, inside: $0) }
                .flatMap { span.jsonUnsigned(outline.members[$0].value) }
            return .subscribed(job: job, next: replayed ?? (number("seq", span) ?? 0) + 1)
        case ("live"?, let job?): return .live(job: job, epoch: text("epoch", span))
        case ("gap"?, let job?):
            return .gap(
                job: job, from: number("from", span), to: number("to", span),
                isNewEpoch: text("reason", span) == "epoch_changed")
        case ("rejected"?, _):
            return .rejected("\(text("code", span) ?? ""): \(text("message", span) ?? "")")
        case ("notice"?, _) where text("level", span) != "info":
            return .notice(text("message", span) ?? "")
        default: return .other
        }
    }

    private func text(_ name: String, _ span: Span<UInt8>) -> String? {
        outline.member("data", name, in: span).flatMap { span.jsonString($0.value) }
    }

    private func number(_ name: String, _ span: Span<UInt8>) -> UInt64? {
        outline.member("data", name, in: span).flatMap { span.jsonUnsigned($0.value) }
    }
}
