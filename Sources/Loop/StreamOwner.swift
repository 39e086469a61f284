// StreamOwner is whoever a stream's bytes are for. It is told all that happens to the stream, on its loop, in order.

public protocol StreamOwner: AnyObject {
    /// An accepted stream over TLS has sent its first bytes, and it is known who it is; what comes next costs.
    /// False closes it.
    func streamMayShakeHands(_ stream: Stream) -> Bool
    /// Connected, and over TLS the handshake is done. An accepted plain stream opens at once.
    func streamOpened(_ stream: Stream)
    /// Returns how many bytes were consumed. The rest comes again, with more behind it: when more
    /// has arrived, when reading was resumed, or when another owner took over.
    func stream(_ stream: Stream, received bytes: Span<UInt8>) -> Int
    /// Everything owed went out, after a tick in which some had to stay.
    func streamDrained(_ stream: Stream)
    /// Once, whoever closed, at the end of a tick.
    func streamClosed(_ stream: Stream, _ end: StreamEnd)
}

extension StreamOwner {
    public func streamMayShakeHands(_ stream: Stream) -> Bool { true }
}

public enum StreamEnd: Error, Equatable, Sendable {
    case closedByUs, closedByPeer, connectFailed(String), timedOut, reset(SystemError), tls(String)
    case inputTooLong, badIntroduction(ProxyHeaderFault)
}
