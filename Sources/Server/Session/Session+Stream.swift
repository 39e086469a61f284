// The session's door to its socket: bytes in, time passing, the end.

import Loop
import Telemetry
import Wire

extension Session: StreamOwner {
    func streamOpened(_ stream: Stream) {}

    func stream(_ stream: Stream, received bytes: Span<UInt8>) -> Int {
        heard(bytes.count)
        var consumed = 0
        do throws(FrameViolation) {
            while isListening, let frame = try reader.next(in: bytes, consumed: &consumed) {
                take(frame)
            }
        } catch {
            worker.metrics.messageRefusals.add(MessageRefusal(error))
            close(.violation(error))
        }
        if !isClosing, !hasRoomForAnswers {
            stream.pauseReading()
            worker.readLater(id)
        }
        return isClosing ? bytes.count : consumed
    }

    /// Not between the token and the greeting, which may have to wait for the feed, nor while answers
    /// to what was said before pile up unread.
    var isListening: Bool {
        switch phase {
        case .authenticating: hasRoomForAnswers
        case .open: isGreeted && hasRoomForAnswers
        case .closing: false
        }
    }

    private var hasRoomForAnswers: Bool {
        stream.owedBytes <= worker.settings.outboxBytesMax
    }

    private func take(_ frame: ClientFrame) {
        switch frame {
        case .pong: return
        case .close(let code, _): return closed(by: code)
        case .text, .binary, .ping: break
        }
        worker.metrics.messagesIn.add(1)
        guard mayTake(1) else { return close(.tooManyMessages) }
        switch frame {
        case .text(let text): answer(text: text)
        case .binary(let bytes): answer(binary: bytes)
        case .ping(let payload): send(Frames.pong(payload.span))
        case .pong, .close: break
        }
    }

    func streamDrained(_ stream: Stream) { readOn() }

    func streamClosed(_ stream: Stream, _ end: StreamEnd) { gone(end) }
}
