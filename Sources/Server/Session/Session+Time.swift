// A session's time: how often a client may speak, and how long it may be silent, slow or without rights.

import Loop
import Telemetry
import Tokens
import Wire

extension Session: TimerTarget {
    func heard(_ bytes: Int) {
        lastHeard = worker.loop.now
        worker.metrics.bytesIn.add(bytes)
    }

    /// So many jobs of one subscribe cost as much as a message.
    static let jobsPerMessage = 10

    /// Each message costs one, and one more for each ten jobs that it names.
    func mayTake(_ count: Int) -> Bool {
        let settings = worker.settings
        let mayTake = allowance.take(
            count, perSecond: settings.messagesPerSecondMax, burst: settings.messagesBurstMax,
            at: worker.loop.now)
        if !mayTake { worker.metrics.rateLimited.add() }
        return mayTake
    }

    func timerFired(_ id: TimerID) {
        timer = nil
        switch phase {
        case .authenticating: close(.authTimeout)
        case .open: beat()
        case .closing: break
        }
    }

    private func tellExpiring(_ grant: Grant) {
        guard isGreeted, let end = worker.end(of: grant) else { return }
        expiring.told()
        send(ServerMessage.tokenExpiring(expiresAt: end))
    }

    /// Looks whether the token, the peer and the socket still live, and when to look again.
    func beat() {
        guard case .open(let grant) = phase else { return }
        let now = worker.loop.now
        let settings = worker.settings
        let lifeLeft = worker.lifeLeft(of: grant)
        if let lifeLeft, lifeLeft <= .zero { return close(.tokenExpired) }
        let untilExpiring = expiring.wait(left: worker.timeLeft(of: grant))
        if let untilExpiring, untilExpiring <= .zero { tellExpiring(grant) }
        if let owedSince = stream.owedSince, now - owedSince >= settings.writeTimeout {
            return closeSlow()
        }
        // Who waits for its greeting is not read, so its pongs are not heard either.
        guard now - lastHeard <= settings.pingInterval * 2 || !isGreeted else {
            worker.metrics.drops.add(.silentPeer)
            return stream.close()
        }
        if now >= nextPing {
            send(Frames.ping([UInt8]().span))
            nextPing = now + settings.pingInterval
        }
        var next = min(settings.pingInterval, settings.writeTimeout)
        let untilSlow = stream.owedSince.map { settings.writeTimeout - (now - $0) }
        for deadline in [lifeLeft, untilExpiring, untilSlow] {
            if let deadline, deadline > .zero { next = min(next, deadline) }
        }
        if let timer { worker.loop.disarm(timer) }
        timer = worker.loop.arm(self, after: next)
    }
}
