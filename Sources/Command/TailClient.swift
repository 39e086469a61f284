// Follows one job over a WebSocket, through every loss, until the job has ended.
//
// What always holds: `cursor` names the last event shown, so a reconnect asks for exactly what came
// later; what is shown is collected in a tick and drawn once at its end.

import Bytes
import CLinux
import JSON
import Loop

final class TailClient {
    private enum Phase {
        case waiting
        case shakingHands(Stream, Handshake)
        case open(Stream, ServerFrameReader)
        case ending
    }

    static let connectTimeout = Duration.seconds(10)
    static let silenceGrace = Duration.seconds(10)
    private static let watchInterval = Duration.seconds(1)

    private let options: TailOptions
    private let place: Place
    private let loop: Loop
    private let tls: TLSClient?
    private var generator = SystemRandomNumberGenerator()
    private var phase = Phase.waiting
    private var messages = TailMessageReader()
    private var picture = JobPicture()
    private var view: TailView
    private var lines: [String] = []
    private var epoch: String?
    private var seq: UInt64 = 0
    private var cursor: String?
    private var isLive = false
    private var wasConnected = false
    private var failures = 0
    private var heartbeat = Duration.seconds(25)
    private var heardAt = Instant.now()
    private var hasAsked = false
    private var isEnding = false
    private var outcome: Result<ExitCode, Failure> = .success(.done)

    init(_ options: TailOptions, _ view: TailView, _ place: Place) throws(Failure) {
        (self.options, self.view, self.place, cursor) = (options, view, place, options.after)
        do throws(SystemError) { loop = try Loop() } catch { throw Failure(.failed, "\(error)") }
        do throws(TLSFault) {
            tls =
                options.target.usesTLS
                ? try TLSClient(
                    caFile: options.caFile, serverName: options.target.host, certificateFile: nil,
                    keyFile: nil) : nil
        } catch { throw Failure(.usage, "--ca: \(error)") }
    }

    func run() throws(Failure) -> ExitCode {
        do throws(SystemError) {
            try loop.onSignals([SIGINT, SIGTERM]) { [unowned self] _ in
                end(.success(.interrupted))
            }
        } catch { throw Failure(.failed, "\(error)") }
        loop.beforeFlush = { [unowned self] in draw() }
        try connect()
        _ = loop.arm(Watch(self), after: Self.watchInterval)
        loop.run()
        draw()
        if !options.showsJSON { _ = place.write(view.ended()) }
        return try outcome.get()
    }

    // MARK: - Connecting

    private func connect() throws(Failure) {
        var query: [(name: String, value: String)] = []
        if let cursor {
            query.append(("after", cursor))
        } else if let history = options.history {
            query.append(("history", history))
        }
        let key = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        let handshake = Handshake(
            options.target, query: query, token: try options.token(), key: key)
        let stream = loop.connect(
            to: .tcp(host: options.target.host, port: options.target.port), tls: tls,
            timeout: Self.connectTimeout, owner: self)
        phase = .shakingHands(stream, handshake)
        isLive = false
        hear()
    }

    fileprivate func reconnect() {
        guard !isEnding else { return }
        do throws(Failure) { try connect() } catch { end(.failure(error)) }
    }

    private func lose(_ advice: Retry.Advice) {
        guard !isEnding else { return loop.stop() }
        phase = .waiting
        switch advice {
        case .giveUp(let failure): end(.failure(failure))
        case .again(let reason):
            guard wasConnected else {
                let place = "\(options.target.host):\(options.target.port)"
                return end(.failure(Failure(.unreachable, "can't reach \(place): \(reason)")))
            }
            let pause = Retry.pause(
                afterFailures: failures, chance: .random(in: 0...1, using: &generator))
            failures += 1
            remark("\(reason); reconnecting …")
            _ = loop.arm(Reconnect(self), after: pause)
        }
    }

    /// Says goodbye where there is somebody to say it to.
    private func end(_ outcome: Result<ExitCode, Failure>) {
        guard !isEnding else { return }
        isEnding = true
        self.outcome = outcome
        switch phase {
        case .open(let stream, _):
            phase = .ending
            send(.close(1000), on: stream)
            stream.finish()
        case .shakingHands(let stream, _): stream.close()
        case .waiting, .ending: loop.stop()
        }
    }

    // MARK: - Hearing

    private func hear() { (heardAt, hasAsked) = (.now(), false) }

    /// A peer that is half gone says nothing at all: it is asked, and then given up.
    fileprivate func watch() {
        guard !isEnding else { return }
        _ = loop.arm(Watch(self), after: Self.watchInterval)
        guard case .open(let stream, _) = phase else { return }
        let silence = Instant.now() - heardAt
        if silence > heartbeat + Self.silenceGrace {
            stream.close()
        } else if silence > heartbeat, !hasAsked {
            hasAsked = true
            send(.text(#"{"type":"ping"}"#), on: stream)
        }
    }

    private func receive(_ frame: ServerFrame, on stream: Stream) {
        switch frame {
        case .text(let bytes): receive(bytes, on: stream)
        case .ping(let bytes): send(.pong(bytes), on: stream)
        case .binary, .pong: break
        case .close(let code, let reason):
            // A token we made ourselves has run out: the next connection brings a new one.
            let isExpired = code == 4401 && wasConnected && options.canRenewToken
            stream.close()
            lose(isExpired ? .again("the token ran out") : Retry.advice(closeCode: code, reason: reason))
        }
    }

    private func receive(_ bytes: [UInt8], on stream: Stream) {
        switch messages.read(bytes) {
        case .connected(let heartbeat, let subscribed):
            if wasConnected { remark("connected again") }
            (wasConnected, self.heartbeat) = (true, heartbeat)
            epoch = epoch ?? subscribed.epoch
            picture.begin(subscribed)
        case .live(let epoch, let seq):
            (self.epoch, self.seq, isLive, failures) = (epoch, seq, true, 0)
            noteCursor()
            endIfFinished()
        case .gap(let from, let to, let reason, let epoch):
            gap(from, to, reason, epoch)
        case .event(let seq):
            show(bytes, seq)
            self.seq = seq
            noteCursor()
            endIfFinished()
        case .tokenExpiring: renewToken(on: stream)
        case .notice(let level, let message): remark("\(level): \(message)")
        case .rejected(let code, let message): remark("rejected: \(code) \(message)")
        case .unsubscribed(let reason):
            end(.failure(Failure(.refused, "no longer subscribed: \(PrintableText.plain(reason))")))
        case .other, nil: break
        }
    }

    private func gap(_ from: UInt64?, _ to: UInt64?, _ reason: String, _ newEpoch: String?) {
        if reason == "epoch_changed" {
            (epoch, seq) = (newEpoch, 0)
            picture.forgetNumbering()
            remark("the server counts anew; events before may be missing")
        } else {
            if let to { seq = to }
            let which = from.flatMap { from in to.map { from == $0 ? "\(from)" : "\(from) to \($0)" } }
            remark("events \(which.map { $0 + " " } ?? "")are missing: \(reason)")
        }
        noteCursor()
    }

    private func noteCursor() { cursor = epoch.map { "\($0):\(seq)" } ?? cursor }

    private func endIfFinished() {
        guard isLive, picture.isFinished, !options.follows else { return }
        end(.success(picture.hasFailed ? .failed : .done))
    }

    private func renewToken(on stream: Stream) {
        guard options.canRenewToken else { return remark("the token ends soon") }
        do throws(Failure) {
            var writer = JSONWriter()
            writer.beginObject()
            writer.key("type")
            writer.string("auth")
            writer.key("data")
            writer.beginObject()
            writer.key("token")
            writer.string(try options.token())
            writer.endObject()
            writer.endObject()
            send(.text(String(decoding: writer.bytes, as: UTF8.self)), on: stream)
        } catch { remark(error.reason) }
    }

    private func send(_ frame: MaskedFrame, on stream: Stream) {
        stream.send(frame.encoded(maskingKey: .random(in: .min ... .max, using: &generator)))
    }

    // MARK: - Showing

    private func show(_ event: [UInt8], _ seq: UInt64) {
        let said = picture.hear(event, seq: seq)
        guard options.types?.contains(said.type) ?? true else { return }
        if options.showsJSON {
            lines.append(PrintableText.json(event))
        } else {
            lines += view.lines(of: said, picture)
        }
    }

    /// With `--json` standard output is for events alone.
    private func remark(_ words: String) {
        guard !options.showsJSON else { return place.complain("jobwire tail: " + PrintableText.plain(words)) }
        lines.append(view.remark(words))
    }

    private func draw() {
        guard !lines.isEmpty || (view.isTerminal && wasConnected && !options.showsJSON) else { return }
        view.columns = view.isTerminal ? max(System.columns(System.output), 20) : 0
        let text =
            options.showsJSON
            ? lines.map { $0 + "\n" }.joined()
            : view.drawn(lines, job: options.target.job.text, picture)
        lines = []
        // Nobody reads any more, as after `| head`: that is no failure.
        if !place.write(text) { end(.success(.done)) }
    }
}

extension TailClient: StreamOwner {
    func streamOpened(_ stream: Stream) {
        if case .shakingHands(_, let handshake) = phase { stream.send(SharedBytes(handshake.request)) }
    }

    func stream(_ stream: Stream, received bytes: Span<UInt8>) -> Int {
        hear()
        switch phase {
        case .waiting, .ending: return bytes.count
        case .shakingHands(_, let handshake):
            switch handshake.read(bytes) {
            case .more: return 0
            case .open(let consumed):
                phase = .open(stream, ServerFrameReader())
                stream.inputBytesMax = ServerFrameReader.messageBytesMax + 16
                return consumed + readFrames(bytes.extracting(consumed..<bytes.count), on: stream)
            case .refused(let status, let body):
                stream.close()
                lose(Retry.advice(status: status, body: body))
            case .strange(let reason):
                stream.close()
                lose(.giveUp(Failure(.failed, "is that a Jobwire? " + reason)))
            }
            return bytes.count
        case .open: return readFrames(bytes, on: stream)
        }
    }

    private func readFrames(_ bytes: Span<UInt8>, on stream: Stream) -> Int {
        var consumed = 0
        while case .open(_, var reader) = phase {
            let before = consumed
            do throws(ServerFault) {
                let frame = try reader.next(in: bytes, consumed: &consumed)
                phase = .open(stream, reader)
                if let frame { receive(frame, on: stream) }
            } catch {
                stream.close()
                lose(.again("the server broke the protocol: \(error.rawValue)"))
            }
            if consumed == before { break }
        }
        if case .open = phase { return consumed }
        return bytes.count
    }

    func streamDrained(_ stream: Stream) {}

    func streamClosed(_ stream: Stream, _ reason: StreamEnd) {
        guard !isEnding else { return loop.stop() }
        switch phase {
        case .shakingHands(let current, _) where current === stream,
            .open(let current, _) where current === stream:
            lose(.again(reason.words))
        default: break
        }
    }
}

extension StreamEnd {
    fileprivate var words: String {
        switch self {
        case .closedByUs: "the server fell silent"
        case .closedByPeer: "the connection ended"
        case .connectFailed(let why): PrintableText.plain(why)
        case .timedOut: "no answer in time"
        case .reset(let error): "\(error)"
        case .tls(let why): "TLS: " + PrintableText.plain(why)
        case .inputTooLong: "a message was too long"
        }
    }
}

private final class Reconnect: TimerTarget {
    private let client: TailClient
    init(_ client: TailClient) { self.client = client }
    func timerFired(_ id: TimerID) { client.reconnect() }
}

private final class Watch: TimerTarget {
    private let client: TailClient
    init(_ client: TailClient) { self.client = client }
    func timerFired(_ id: TimerID) { client.watch() }
}
