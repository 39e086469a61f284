// One WebSocket of tail or verify: shakes hands, reads frames, answers pings. What it means is its owner's
// business.
//
// Invariant: the owner is told of the end exactly once, and hears nothing afterwards.

import Bytes
import Loop

protocol TailSocketOwner: AnyObject {
    /// Anything at all came.
    func hear()
    func socketOpened(_ socket: TailSocket)
    func socket(_ socket: TailSocket, heard bytes: [UInt8])
    func socket(_ ended: TailSocket, _ reason: TailSocket.End)
}

final class TailSocket {
    enum End: Equatable {
        /// The server closed, with its code.
        case closed(UInt16?, String)
        /// It answered, but opened no WebSocket.
        case refused(status: Int, body: String)
        case strange(String)
        case lost(String)
    }

    private enum Phase {
        case shakingHands(Handshake)
        case open(ServerFrameReader)
        /// We said goodbye, or heard one; only the stream's end is still to come.
        case ending(End)
    }

    private static let connectTimeout = Duration.seconds(10)

    private unowned let owner: any TailSocketOwner
    private var phase: Phase
    private var stream: Stream?
    private var generator = SystemRandomNumberGenerator()

    init(
        _ loop: Loop, _ target: TailTarget, _ tls: TLSClient?, _ handshake: Handshake,
        owner: any TailSocketOwner
    ) {
        self.owner = owner
        phase = .shakingHands(handshake)
        stream = loop.connect(
            to: .tcp(host: target.host, port: target.port), tls: tls,
            timeout: Self.connectTimeout, owner: self)
    }

    func send(_ frame: MaskedFrame) {
        guard case .open = phase else { return }
        let key = UInt32.random(in: .min ... .max, using: &generator)
        stream?.send(frame.encoded(maskingKey: key))
    }

    /// Says goodbye and lets it arrive.
    func finish() {
        send(.close(1000))
        if case .open = phase { stream?.finish() } else { stream?.close() }
        phase = .ending(.closed(1000, ""))
    }

    /// Gives up a peer that says nothing.
    func close() {
        phase = .ending(.lost("the server fell silent"))
        stream?.close()
    }

    private func end(_ end: End) {
        phase = .ending(end)
        stream?.close()
    }
}

extension TailSocket: StreamOwner {
    func streamOpened(_ stream: Stream) {
        if case .shakingHands(let handshake) = phase { stream.send(SharedBytes(handshake.request)) }
    }

    func stream(_ stream: Stream, received bytes: Span<UInt8>) -> Int {
        owner.hear()
        guard case .shakingHands(let handshake) = phase else { return readFrames(bytes) }
        switch handshake.read(bytes) {
        case .more: return 0
        case .open(let consumed):
            stream.inputBytesMax = ServerFrameReader.messageBytesMax + 16
            phase = .open(ServerFrameReader())
            owner.socketOpened(self)
            return consumed + readFrames(bytes.extracting(consumed..<bytes.count))
        case .refused(let status, let body): end(.refused(status: status, body: body))
        case .strange(let words): end(.strange(words))
        }
        return bytes.count
    }

    private func readFrames(_ bytes: Span<UInt8>) -> Int {
        var consumed = 0
        while case .open(var reader) = phase {
            let before = consumed
            do throws(ServerFault) {
                let frame = try reader.next(in: bytes, consumed: &consumed)
                phase = .open(reader)
                if let frame { receive(frame) }
            } catch {
                end(.lost("the server broke the protocol: \(error.rawValue)"))
            }
            if consumed == before { break }
        }
        if case .open = phase { return consumed }
        return bytes.count
    }

    private func receive(_ frame: ServerFrame) {
        switch frame {
        case .text(let bytes): owner.socket(self, heard: bytes)
        case .ping(let bytes): send(.pong(bytes))
        case .binary, .pong: break
        case .close(let code, let reason): end(.closed(code, reason))
        }
    }

    func streamDrained(_ stream: Stream) {}

    func streamClosed(_ stream: Stream, _ end: StreamEnd) {
        self.stream = nil
        guard case .ending(let reason) = phase else { return owner.socket(self, .lost(end.words)) }
        owner.socket(self, reason)
    }
}

extension StreamEnd {
    fileprivate var words: String {
        switch self {
        case .closedByUs: "closed"
        case .closedByPeer: "the connection ended"
        case .connectFailed(let why): PrintableText.plain(why)
        case .timedOut: "no answer in time"
        case .reset(let error): "\(error)"
        case .tls(let why): "TLS: " + PrintableText.plain(why)
        case .inputTooLong: "a message was too long"
        // Only who accepts is introduced to.
        case .badIntroduction(let fault): fault.rawValue
        }
    }
}

extension TailSocket.End {
    var words: String {
        switch self {
        case .closed(let code, let reason):
            "closed with \(code ?? 1005) \(PrintableText.plain(reason))"
        case .refused(let status, _): "refused with \(status)"
        case .strange(let words), .lost(let words): words
        }
    }
}

extension TailTarget {
    /// Nil where TLS is not wanted.
    func client(caFile: String?) throws(TLSFault) -> TLSClient? {
        guard usesTLS else { return nil }
        return try TLSClient(caFile: caFile, serverName: host, certificateFile: nil, keyFile: nil)
    }
}
