// House is what all loops share: settings, metrics, the log, and each other's mailboxes. All of it is
// made once before the loops start; what changes later is atomic.

import Loop
import Settings
import Synchronization
import Telemetry

final class House: Sendable {
    let settings: Settings
    let listen: ListenAddress
    let metrics: Metrics
    let log: Log
    let admission: Admission
    let mailboxes: [Mailbox<WorkerMail>]
    /// Set by the feed's loop, read by whoever answers `/readyz`.
    let isRedisReady = Atomic<Bool>(false)
    let isSubscriptionProven = Atomic<Bool>(false)
    let isDraining = Atomic<Bool>(false)
    /// Loops that have ended; the last one lets the server return.
    let loopsEnded = Atomic<Int>(0)

    init(
        settings: Settings, listen: ListenAddress, metrics: Metrics, log: Log,
        mailboxes: [Mailbox<WorkerMail>]
    ) {
        self.settings = settings
        self.listen = listen
        self.metrics = metrics
        self.log = log
        self.mailboxes = mailboxes
        admission = Admission(
            connectionsMax: settings.connectionsMax,
            perAddressMax: settings.connectionsPerAddressMax)
    }

    var isReady: Bool {
        isRedisReady.load(ordering: .relaxed) && isSubscriptionProven.load(ordering: .relaxed)
            && !isDraining.load(ordering: .relaxed)
    }
}
