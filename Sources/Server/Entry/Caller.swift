// Caller is who is at the other end of one connection, whatever speaks over it: HTTP first, then
// perhaps a session or an event stream, which it is handed on to.
//
// Behind a trusted proxy the address is the client's that the proxy names, in the PROXY header or with each
// request, and what is limited per address is counted once it is known whom a lasting use is for.
//
// Invariant: all that it is counted for is given back once, by `release`, or before by `letGo`. While it is
// counted for its address, that does not change.

import Jobs
import Loop
import Telemetry
import Tokens
import Wire

final class Caller {
    /// A connection's number in this process; no two have the same.
    let serial: Int
    let since = WallTime(milliseconds: WallClock.milliseconds())
    /// Of the client, as far as it is known: what logs name and limits count.
    private(set) var address: PeerAddress
    private var holder: TokenHolder?
    /// Whether the client speaks TLS, to us or to the outermost trusted proxy.
    private(set) var isSecure: Bool
    /// When it arrived, and was counted.
    let verdict: Admission.Verdict
    /// False: it is told why not, and nothing else.
    private(set) var isAdmitted: Bool
    /// A trusted proxy is at the other end, so that the client may change with each request.
    private(set) var isProxied: Bool
    private var isCountedForAddress: Bool
    /// Its next handshake or refused token has been counted: as its TLS handshake.
    var hasPaid = false
    private var isReleased = false
    private unowned let house: House

    init(_ peer: PeerAddress, _ house: House) {
        serial = house.nextConnection.add(1, ordering: .relaxed).newValue
        address = peer
        isSecure = house.tls != nil
        isProxied = house.proxies.contains(peer)
        self.house = house
        verdict = house.admission.admit(isProxied ? nil : peer.network)
        isAdmitted = verdict == .admitted
        isCountedForAddress = !isProxied && isAdmitted
    }

    /// The connection is open; where `proxy-protocol` is on, a proxy's header has named the client, or a proxy
    /// that is nearer to it. Whom it does not name it does not answer for: the head may be anybody's.
    func introduced(as client: PeerAddress) {
        guard isProxied, house.settings.proxyProtocol else { return }
        isProxied = client != address && house.proxies.contains(client)
        address = client
        if !isProxied { isAdmitted = countAddress() }
    }

    /// What a trusted proxy says in a request's head, which came from `hop`. False where it can't be read.
    func read(_ head: RequestHead, from hop: PeerAddress) -> Bool {
        guard isProxied else { return true }
        let forwarded = Forwarded(
            for: head.list("x-forwarded-for"), proto: head.list("x-forwarded-proto"), from: hop,
            trusted: house.proxies)
        address = forwarded.client
        isSecure = forwarded.isSecure ?? (house.tls != nil)
        return forwarded.isReadable
    }

    /// Before a lasting use. False where there are too many from the address.
    func countAddress() -> Bool {
        guard isAdmitted else { return false }
        if !isCountedForAddress { isCountedForAddress = house.admission.count(address.network) }
        return isCountedForAddress
    }

    /// The same of whom a token names. Nobody is not counted.
    func count(_ grant: Grant) -> Bool {
        guard let holder = TokenHolder(grant), holder != self.holder else { return true }
        guard house.admission.count(holder) else { return false }
        if let earlier = self.holder { house.admission.uncount(earlier) }
        self.holder = holder
        return true
    }

    /// A lasting use of an HTTP connection is over, and the connection goes on.
    func letGo() {
        if let holder { house.admission.uncount(holder) }
        holder = nil
        if isProxied, isCountedForAddress {
            house.admission.uncount(address.network)
            isCountedForAddress = false
        }
    }

    /// The connection has ended.
    func release() {
        precondition(!isReleased, "a connection ends once")
        isReleased = true
        letGo()
        if isCountedForAddress { house.admission.uncount(address.network) }
        house.admission.leave(verdict)
    }
}
