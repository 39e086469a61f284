// What a connection of ws-echo does: read a head, upgrade, and then say messages back.

import Bytes
import Loop
import Wire

final class Echo: ListenerOwner {
    private let deflater = Deflater()

    func listener(_ listener: Listener, accepted stream: Stream) {
        stream.setOwner(EchoConnection(deflater))
    }
    func listenerExhausted(_ listener: Listener, _ error: SystemError) {}
    func listenerRecovered(_ listener: Listener) {}
}

final class EchoConnection: StreamOwner {
    private static let messageBytesMax = 16 * 1_048_576
    /// A client that reads slower than it writes has to wait.
    private static let owedBytesMax = 4 * messageBytesMax

    private enum Phase { case handshake, open(MessageReader, deflate: Bool), closing }

    private var phase = Phase.handshake
    private let deflater: Deflater

    init(_ deflater: Deflater) { self.deflater = deflater }

    func stream(_ stream: Stream, received bytes: Span<UInt8>) -> Int {
        switch phase {
        case .handshake: return upgrade(bytes, on: stream)
        case .open(var reader, let deflate):
            var consumed = 0
            phase = .closing  // so that the reader is owned once while it is written to
            let isOpen = say(&reader, bytes, &consumed, deflate, on: stream)
            if isOpen { phase = .open(reader, deflate: deflate) }
            if stream.owedBytes > Self.owedBytesMax { stream.pauseReading() }
            return consumed
        case .closing: return bytes.count
        }
    }

    func streamOpened(_ stream: Stream) {}
    func streamDrained(_ stream: Stream) { stream.resumeReading() }
    func streamClosed(_ stream: Stream, _ end: StreamEnd) {}

    private func upgrade(_ bytes: Span<UInt8>, on stream: Stream) -> Int {
        do throws(HTTPViolation) {
            guard let (head, consumed) = try HeadReader().read(bytes) else { return 0 }
            do throws(UpgradeRefusal) {
                let upgrade = try Upgrade(reading: head)
                stream.send(upgrade.response(protocol: nil, deflate: true))
                let reader = MessageReader(
                    limits: MessageLimits(messageBytesMax: Self.messageBytesMax),
                    deflate: upgrade.deflate != nil)
                phase = .open(reader, deflate: upgrade.deflate != nil)
                stream.setOwner(self)  // what came behind the head comes again
            } catch {
                refuse(error.response, on: stream)
            }
            return consumed
        } catch {
            refuse(Response(status: error.status), on: stream)
            return bytes.count
        }
    }

    private func refuse(_ response: Response, on stream: Stream) {
        phase = .closing
        stream.send(response.encoded(keepAlive: false))
        stream.finish()
    }

    /// False once the connection is on its way to its end.
    private func say(
        _ reader: inout MessageReader, _ bytes: Span<UInt8>, _ consumed: inout Int,
        _ deflate: Bool, on stream: Stream
    ) -> Bool {
        do throws(FrameViolation) {
            while let frame = try reader.next(in: bytes, consumed: &consumed) {
                switch frame {
                case .text(let text): send(Frames.text(text.span), deflate, on: stream)
                case .binary(let binary): send(Frames.binary(binary.span), deflate, on: stream)
                case .ping(let payload): stream.send(Frames.pong(payload.span))
                case .pong: break
                case .close(let code, let reason):
                    stream.send(Frames.close(code, reason: reason))
                    stream.finish()
                    return false
                }
            }
            return true
        } catch {
            stream.send(Frames.close(error.closeCode, reason: error.rawValue))
            stream.finish()
            return false
        }
    }

    private func send(_ frame: SharedBytes, _ deflate: Bool, on stream: Stream) {
        stream.send(deflate ? deflater.compressed(frame) ?? frame : frame)
    }
}
