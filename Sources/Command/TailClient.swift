// Follows one job over a WebSocket, through every loss, until the job has ended.
//
// What always holds: `cursor` names the last event shown, so a reconnect asks for exactly what came
// later; what is shown is collected in a tick and drawn once at its end.

import CLinux
import JSON
import Loop

final class TailClient: TailSocketOwner {
    static let silenceGrace = Duration.seconds(10)
    private static let watchInterval = Duration.seconds(1)

    private let options: TailOptions
    private let place: Place
    private let loop: Loop
    private let tls: TLSClient?
    private var generator = SystemRandomNumberGenerator()
    /// Nil between two connections.
    private var socket: TailSocket?
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
            tls = try options.target.client(caFile: options.caFile)
        } catch { throw Failure(.usage, "--ca: \(error)") }
    }

    func run() throws(Failure) -> ExitCode {
        do throws(SystemError) {
            try loop.onSignals([SIGINT, SIGTERM]) { [unowned self] _, _ in
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
        socket = TailSocket(loop, options.target, tls, handshake, owner: self)
        isLive = false
        hear()
    }

    fileprivate func reconnect() {
        guard !isEnding else { return }
        do throws(Failure) { try connect() } catch { end(.failure(error)) }
    }

    func socket(_ ended: TailSocket, _ reason: TailSocket.End) {
        guard !isEnding else { return loop.stop() }
        guard ended === socket else { return }
        socket = nil
        switch advice(on: reason) {
        case .giveUp(let failure): end(.failure(failure))
        case .again(let words):
            guard wasConnected else {
                let place = "\(options.target.host):\(options.target.port)"
                return end(.failure(Failure(.unreachable, "can't reach \(place): \(words)")))
            }
            let pause = Retry.pause(
                afterFailures: failures, chance: .random(in: 0...1, using: &generator))
            failures += 1
            remark("\(words); reconnecting …")
            _ = loop.arm(Reconnect(self), after: pause)
        }
    }

    private func advice(on reason: TailSocket.End) -> Retry.Advice {
        switch reason {
        case .lost(let words): .again(words)
        case .strange(let words): .giveUp(Failure(.failed, "is that a Jobwire? " + words))
        case .refused(let status, let body): Retry.advice(status: status, body: body)
        case .closed(4401?, _) where wasConnected && options.canRenewToken:
            // A token we made ourselves has run out: the next connection brings a new one.
            .again("the token ran out")
        case .closed(let code, let words): Retry.advice(closeCode: code, reason: words)
        }
    }

    /// Says goodbye where there is somebody to say it to.
    private func end(_ outcome: Result<ExitCode, Failure>) {
        guard !isEnding else { return }
        isEnding = true
        self.outcome = outcome
        if let socket { socket.finish() } else { loop.stop() }
    }

    // MARK: - Hearing

    func hear() { (heardAt, hasAsked) = (.now(), false) }

    /// A peer that is half gone says nothing at all: it is asked, and then given up.
    fileprivate func watch() {
        guard !isEnding else { return }
        _ = loop.arm(Watch(self), after: Self.watchInterval)
        guard let socket else { return }
        let silence = Instant.now() - heardAt
        if silence > heartbeat + Self.silenceGrace {
            socket.close()
        } else if silence > heartbeat, !hasAsked {
            hasAsked = true
            socket.send(.text(#"{"type":"ping"}"#))
        }
    }

    func socketOpened(_ socket: TailSocket) {}

    func socket(_ socket: TailSocket, heard bytes: [UInt8]) {
        guard !isEnding else { return }
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
        case .gap(let gap): pass(gap)
        case .event(let seq):
            show(bytes, seq)
            self.seq = seq
            noteCursor()
            endIfFinished()
        case .tokenExpiring: renewToken(on: socket)
        case .notice(let level, let message): remark("\(level): \(message)")
        case .rejected(let code, let message): remark("rejected: \(code) \(message)")
        case .unsubscribed(let reason):
            end(.failure(Failure(.refused, "no longer subscribed: \(PrintableText.plain(reason))")))
        case .other, nil: break
        }
    }

    private func pass(_ gap: TailMessage.Gap) {
        if gap.isOfNewEpoch {
            (epoch, seq) = (gap.epoch, 0)
            picture.forgetNumbering()
        } else if let to = gap.to {
            seq = to
        }
        remark(gap.words)
        noteCursor()
    }

    private func noteCursor() { cursor = epoch.map { "\($0):\(seq)" } ?? cursor }

    private func endIfFinished() {
        guard isLive, picture.isFinished, !options.follows else { return }
        end(.success(picture.hasFailed ? .failed : .done))
    }

    private func renewToken(on socket: TailSocket) {
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
            socket.send(.text(String(decoding: writer.bytes, as: UTF8.self)))
        } catch { remark(error.reason) }
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
        guard !options.showsJSON else {
            return place.complain("jobwire tail: " + PrintableText.plain(words))
        }
        lines.append(view.remark(words))
    }

    private func draw() {
        guard !lines.isEmpty || (view.isTerminal && wasConnected && !options.showsJSON) else {
            return
        }
        view.columns = view.isTerminal ? max(System.columns(System.output), 20) : 0
        let text =
            options.showsJSON
            ? lines.map { $0 + "\n" }.joined()
            : view.drawn(lines, job: options.target.job?.text ?? "", picture)
        lines = []
        // Nobody reads any more, as after `| head`: that is no failure.
        if !place.write(text) { end(.success(.done)) }
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
