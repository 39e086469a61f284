// EventFrame is the one place where an entry of a job's history becomes what followers receive: a
// whole WebSocket text frame, written once and shared by rings, outboxes and loops.

import Bytes
import JSON
import Jobs

public enum EventFrame {
    /// `{"seq":N,"job_id":"…",` (or `"feed"`) and then `rest`, which is a PreparedEvent's.
    public static func encode(job: JobID, seq: UInt64, rest: Span<UInt8>) -> SharedBytes {
        // A job id needs no escapes: JobID refuses what would have to be escaped.
        let id = job.text.utf8
        let number = Decimal(seq)
        let member = job.kind.member
        let count =
            Self.fixedBytes + number.count + member.utf8CodeUnitCount + id.count + rest.count
        return SharedBytes(capacity: Frames.headerBytes(for: count) + count) { output in
            Frames.appendHeader(0x81, payloadBytes: count, to: &output)
            output.append(literal: #"{"seq":"#)
            number.append(to: &output)
            output.append(literal: #",""#)
            output.append(literal: member)
            output.append(literal: #"":""#)
            for byte in id { output.append(byte) }
            output.append(literal: #"","#)
            output.append(copying: rest)
        }
    }

    /// Says that the events `from` to `to`, inclusive, nil when unknown, are missing, and where a page
    /// has them.
    public static func gap(
        job: JobID, epoch: Epoch?, from: UInt64?, to: UInt64?, reason: GapReason,
        id: RequestID? = nil, events: String? = nil
    ) -> SharedBytes {
        ServerMessage.frame("gap", about: .job(job), id: id) { data in
            ServerMessage.write("from", from, to: &data)
            ServerMessage.write("to", to, to: &data)
            data.key("reason")
            data.string(reason.rawValue)
            ServerMessage.write(epoch, to: &data)
            if let events {
                data.key("events")
                data.string(events)
            }
        }
    }

    private static let fixedBytes = 7 + 2 + 3 + 2
}

/// A number's digits, without a String or an array between.
private struct Decimal {
    private var digits = InlineArray<20, UInt8>(repeating: 0)
    private(set) var count = 0

    init(_ value: UInt64) {
        var rest = value
        repeat {
            count &+= 1
            digits[20 &- count] = 0x30 | UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
    }

    @inline(__always)
    func append(to output: inout OutputSpan<UInt8>) {
        for index in 20 &- count..<20 { output.append(digits[index]) }
    }
}
