// A stream that a proxy introduces: its header comes before all else, before TLS too.
//
// TLS reads from the descriptor itself, so no byte behind the header may be taken: they are looked at where
// they lie, and only what belongs to the header is taken. What came of it so far lies in `unread`.

extension Stream {
    /// For who accepts a proxy's connection, before it opens. Until it is introduced its peer is the proxy.
    public func awaitIntroduction() {
        precondition(phase == .handshaking)
        isAwaitingIntroduction = true
    }

    func readIntroduction() {
        do throws(SystemError) {
            let scratch = loop.scratch
            let room = ProxyHeader.bytesMax - unread.count
            guard let seen = try scratch.peek(descriptor, atMost: room) else { return }
            guard seen > 0 else { return end(.closedByPeer) }
            let earlier = unread.count
            unread.append(scratch.span(seen), from: 0)
            let arrived = unread
            let header: ProxyHeader?
            do throws(ProxyHeaderFault) { header = try ProxyHeader.read(arrived.span) } catch {
                return end(.badIntroduction(error))
            }
            // They have been seen, so they are there.
            _ = try scratch.receive(
                from: descriptor, atMost: header.map { $0.length - earlier } ?? seen)
            if let header { introduced(header) }
        } catch { end(.reset(error)) }
    }

    private func introduced(_ header: ProxyHeader) {
        unread = []
        isAwaitingIntroduction = false
        if let client = header.client { peer = client }
        opens()
    }
}
