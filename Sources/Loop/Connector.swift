// Connector opens a stream's socket: it looks the name up and tries each address in turn.
//
// Invariant: all of it, the TLS handshake included, ends by `deadline`; no address gets more than
// its share of the time that is left, so one that never answers does not hide the others, and none
// more than `dialTimeout`.

final class Connector {
    let tls: TLSClient?
    private let endpoint: Endpoint
    private let stream: Stream
    private let loop: Loop
    private let deadline: Instant
    private let dialTimeout: Duration
    private var untried: [SocketAddress] = []
    private var isLookingUp = false
    private var lastFailure: StreamEnd = .timedOut

    init(
        _ stream: Stream, to endpoint: Endpoint, tls: TLSClient?, timeout: Duration,
        dialTimeout: Duration
    ) {
        (self.stream, self.endpoint, self.tls) = (stream, endpoint, tls)
        self.dialTimeout = dialTimeout
        loop = stream.loop
        deadline = .now() + timeout
    }

    /// What a certificate must name, unless the client was given another name.
    var host: String? {
        if case .tcp(let host, _) = endpoint { host } else { nil }
    }

    func begin() {
        switch endpoint {
        case .unix(let path):
            guard let address = SocketAddress(unixPath: path) else {
                return stream.end(.connectFailed("\(endpoint): the path is not usable"))
            }
            found([address])
        case .tcp(let host, let port):
            guard let port = UInt16(exactly: port) else {
                return stream.end(.connectFailed("\(endpoint): no such port"))
            }
            if let address = SocketAddress(host: host, port: port) { return found([address]) }
            isLookingUp = true
            stream.arm(after: deadline - .now())
            loop.resolver.lookUp(host, port: port) { [self] in lookedUp($0) }
        }
    }

    private func lookedUp(_ result: Result<[SocketAddress], LookupFault>) {
        isLookingUp = false
        guard stream.phase != .closed else { return }
        switch result {
        case .success(let addresses): found(addresses)
        case .failure(let fault): stream.end(.connectFailed("\(endpoint): \(fault.description)"))
        }
    }

    func found(_ addresses: [SocketAddress]) {
        untried = addresses.reversed()
        tryNext()
    }

    private func tryNext() {
        while let address = untried.popLast() {
            do {
                let left = deadline - .now()
                guard left > .zero else { break }
                try stream.attempt(address)
                return stream.arm(after: min(left / (untried.count + 1), dialTimeout))
            } catch {
                note(error)
            }
        }
        stream.end(lastFailure)
    }

    func attemptFailed(_ error: SystemError) {
        note(error)
        tryNext()
    }

    /// The attempt's share of the time is used up.
    func triesAnother() -> Bool {
        guard !isLookingUp, !untried.isEmpty else { return false }
        lastFailure = .timedOut
        tryNext()
        return true
    }

    /// The rest of the time is the handshake's.
    func connected() { stream.arm(after: deadline - .now()) }

    private func note(_ error: SystemError) {
        stream.abandonAttempt()
        lastFailure = .connectFailed("\(endpoint): \(Kernel.text(of: error.code))")
    }
}
