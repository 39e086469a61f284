// What the server of a one-job socket says, read from JSON (protocol.md, section 3).

import JSON
import Jobs

enum TailMessage: Equatable {
    case connected(heartbeat: Duration, Subscribed)
    case live(epoch: String?, seq: UInt64)
    case gap(Gap)
    case event(seq: UInt64)
    case tokenExpiring
    case notice(level: String, message: String)
    case rejected(code: String, message: String)
    case unsubscribed(reason: String)
    /// `pong`, `authenticated`, and what later versions will say.
    case other

    /// The job's state at the moment of `seq`.
    struct Subscribed: Equatable {
        var epoch: String?
        var seq: UInt64 = 0
        /// The message's `data`, among whose members are those of the snapshot.
        var snapshot: [UInt8] = []
    }
}

extension TailMessage {
    struct Gap: Equatable {
        let from: UInt64?
        let to: UInt64?
        let reason: String
        let epoch: String?

        var isOfNewEpoch: Bool { reason == "epoch_changed" }

        /// Numbers count what is missing, but where nobody knows: an unrecorded gap has the one number that is
        /// its own.
        var words: String {
            if isOfNewEpoch { return "the server counts anew; events before may be missing" }
            if reason == "unrecorded" { return "events may be missing here: unrecorded" }
            guard let from, let to else { return "events are missing: \(reason)" }
            return from == to
                ? "event \(from) is missing: \(reason)"
                : "events \(from) to \(to) are missing: \(reason)"
        }
    }
}

struct TailMessageReader {
    private var outline = JSONOutline()

    /// Nil for what is no JSON object.
    mutating func read(_ bytes: [UInt8]) -> TailMessage? {
        let span = bytes.span
        guard (try? outline.read(span, levels: 2)) != nil, outline.kind == .object else {
            return nil
        }
        if let seq = outline.member("seq", in: span) {
            return span.jsonUnsigned(seq.value).map { .event(seq: $0) }
        }
        switch outline.member("type", in: span).flatMap({ span.jsonString($0.value) }) {
        case "connected":
            let seconds = Int(clamping: number("heartbeat_seconds", span) ?? 25)
            return .connected(
                heartbeat: .seconds(min(max(seconds, 1), 86_400)),
                TailMessage.Subscribed(
                    epoch: text("epoch", span), seq: number("seq", span) ?? 0,
                    snapshot: outline.member("data", in: span).map { $0.value.map { span[$0] } }
                        ?? []))
        case "live": return .live(epoch: text("epoch", span), seq: number("seq", span) ?? 0)
        case "gap":
            return .gap(
                TailMessage.Gap(
                    from: number("from", span), to: number("to", span),
                    reason: text("reason", span) ?? "unknown", epoch: text("epoch", span)))
        case "token_expiring": return .tokenExpiring
        case "notice":
            return .notice(
                level: text("level", span) ?? "info", message: text("message", span) ?? "")
        case "rejected":
            return .rejected(code: text("code", span) ?? "", message: text("message", span) ?? "")
        case "unsubscribed": return .unsubscribed(reason: text("reason", span) ?? "")
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
