// Listener accepts connections, a bounded number in each tick.
//
// When the process is out of descriptors, accept fails and the connection stays in the queue, so
// the kernel would report it for ever. The loop keeps a spare descriptor for that: it is given up,
// the connection is accepted and closed (its client learns at once), and the spare is taken back.
// Then the listener rests. The owner is told once, and once more when accepting works again.

import CLinux

public protocol ListenerOwner: AnyObject {
    /// The stream closes at once unless it is given an owner. Over TLS it is not yet open.
    func listener(_ listener: Listener, accepted stream: Stream)
    /// The process or the machine has no descriptor or memory left. Once per episode.
    func listenerExhausted(_ listener: Listener, _ error: SystemError)
    func listenerRecovered(_ listener: Listener)
}

public final class Listener: EventTarget {
    public let port: Int
    private let loop: Loop
    private let tls: TLSServer?
    private let unixPath: String?
    /// Kept until `close`.
    private var owner: (any ListenerOwner)?
    private var descriptor: Descriptor
    private var token: PollToken?
    private var isExhausted = false

    init(
        on address: ListenAddress, tls: TLSServer?, owner: any ListenerOwner, loop: Loop
    ) throws(SystemError) {
        (self.loop, self.tls, self.owner) = (loop, tls, owner)
        if case .unix(let path) = address.endpoint { unixPath = path } else { unixPath = nil }
        descriptor = try Self.bound(to: address)
        port = Int(descriptor.localAddress().peer.port)
        token = try loop.poller.add(descriptor, .readable, for: self)
    }

    /// Stops accepting. Who waits in the kernel's queue is refused by the kernel.
    public func close() {
        guard let token else { return }
        self.token = nil
        owner = nil
        loop.poller.release(token)
        descriptor = .none
        if let unixPath { Kernel.unlink(unixPath) }
    }

    func ready(_ readiness: Readiness) {
        for _ in 0..<loop.limits.acceptsPerTickMax where token != nil {
            do {
                guard let (raw, peer) = try descriptor.accept() else { return }
                recover()
                try welcome(Stream.accepted(raw, from: peer.peer, on: loop, tls: tls))
            } catch {
                switch error.code {
                case EMFILE, ENFILE, ENOBUFS, ENOMEM, ENOSPC: return exhaust(error)
                default: continue  // This one went away while it waited; the next may be well.
                }
            }
        }
    }

    private func welcome(_ stream: Stream) {
        owner?.listener(self, accepted: stream)
        guard stream.owner != nil else { return stream.close() }
        // Over TLS the client speaks first; until then it costs nothing.
        if tls == nil || stream.isAwaitingIntroduction { stream.opens() }
    }

    private func exhaust(_ error: SystemError) {
        shed()
        if let token { loop.poller.change(descriptor, [], token) }
        _ = loop.arm(ListenerRest(self), after: loop.limits.acceptRest)
        guard !isExhausted else { return }
        isExhausted = true
        owner?.listenerExhausted(self, error)
    }

    /// Turns away who waits, as far as the spare descriptor can be had back.
    private func shed() {
        for _ in 0..<loop.limits.acceptsPerTickMax where loop.dropSpare() {
            let accepted = try? descriptor.accept()
            if let accepted { Kernel.close(accepted.raw) }
            loop.takeSpare()
            if accepted == nil { return }
        }
    }

    fileprivate func wake() {
        loop.takeSpare()
        if let token { loop.poller.change(descriptor, .readable, token) }
    }

    private func recover() {
        guard isExhausted else { return }
        isExhausted = false
        owner?.listenerRecovered(self)
    }

    private static func bound(to address: ListenAddress) throws(SystemError) -> Descriptor {
        var failure = SystemError(call: .bind, code: EADDRNOTAVAIL)
        for candidate in address.candidates {
            do {
                let descriptor = try Descriptor.socket(for: candidate)
                if candidate.isTCP {
                    let tcp = Int32(IPPROTO_TCP)
                    try descriptor.set(SO_REUSEADDR, 1, level: SOL_SOCKET)
                    try descriptor.set(SO_REUSEPORT, 1, level: SOL_SOCKET)
                    // Accepted sockets inherit it, which saves a call for each.
                    try descriptor.set(TCP_NODELAY, 1, level: tcp)
                } else {
                    removeStale(candidate, address)
                }
                try descriptor.bind(to: candidate)
                try descriptor.listen(backlog: backlog)
                return descriptor
            } catch {
                failure = error
            }
        }
        throw failure
    }

    /// A socket file nobody listens on was left behind by a process that was killed.
    private static func removeStale(_ candidate: SocketAddress, _ address: ListenAddress) {
        guard case .unix(let path) = address.endpoint else { return }
        do {
            try Descriptor.socket(for: candidate).connect(to: candidate)
        } catch  where error.code == ECONNREFUSED {
            Kernel.unlink(path)
        } catch {}
    }

    private static let backlog: Int32 = 4096
}

/// The wheel's handle on a resting listener.
private final class ListenerRest: TimerTarget {
    private let listener: Listener
    init(_ listener: Listener) { self.listener = listener }
    func timerFired(_ id: TimerID) { listener.wake() }
}
