// House is what all loops share: settings, metrics, the log, the certificate, each other's mailboxes. All
// of it is made before the loops start; what changes later is atomic.

import Feed
import Fleet
import Loop
import Settings
import Synchronization
import Telemetry
import Tokens

final class House: Sendable {
    let settings: Settings
    let metrics: Metrics
    let log: Log
    let admission: Admission
    let handshakes: HandshakeLimits
    let proxies: TrustedProxies
    /// How many connections there were.
    let nextConnection = Atomic<Int>(0)
    /// nil where one loop knows them all.
    let watchers: Watchers?
    let mailboxes: [Mailbox<WorkerMail>]
    /// What each loop still has to do of the feed's updates.
    let backlogs: [Backlog]
    let tls: TLSServer?
    let tokenRules: TokenRules
    /// nil where all keys were here at the start.
    let keyKeeper: KeyKeeper?
    /// nil where the application is not asked.
    let rightsHook: RightsHook?
    /// False while an issuer's first keys are still to come.
    let areKeysHere: Atomic<Bool>
    /// How many loops know which tokens are revoked; on the others no token counts.
    let loopsKnowing = Atomic<Int>(0)
    /// All do.
    let areRevocationsKnown = Atomic<Bool>(false)
    /// Whether what is published reaches followers: set by the feed's loop, read by all that answer `/readyz`.
    let flow = Atomic<Flow>(.beginning)
    let isDraining = Atomic<Bool>(false)
    /// This bridge, as the others know it.
    let node = NodeName.random()
    /// Loops that serve no more. Loop 0 has the feed, so it is the last to go.
    let loopsEnded = Atomic<Int>(0)
    /// A loop could not begin: the house does not serve with fewer than it was told to.
    let hasFailed = Atomic<Bool>(false)

    init(settings: Settings, loops: Int, log: Log) throws(StartFault) {
        self.settings = settings
        self.log = log
        metrics = Metrics(
            loops: loops, version: Server.version,
            startedAt: Double(WallClock.milliseconds()) / 1_000)
        admission = Admission(
            Admission.Limits(
                connectionsMax: settings.connectionsMax,
                perAddressMax: settings.connectionsPerAddressMax,
                perSubjectMax: settings.connectionsPerSubjectMax))
        handshakes = HandshakeLimits(HandshakeLimits.Limits(settings), at: .now())
        proxies = try settings.proxies()
        watchers = loops > 1 ? Watchers() : nil
        tls = try TLSServer.make(settings)
        tokenRules = try TokenRules(settings)
        areKeysHere = Atomic<Bool>(tokenRules.awaited.isEmpty)
        var mailboxes: [Mailbox<WorkerMail>] = []
        do throws(SystemError) {
            for _ in 0..<loops { mailboxes.append(try Mailbox()) }
        } catch {
            throw .system(error)
        }
        self.mailboxes = mailboxes
        backlogs = mailboxes.map { _ in Backlog() }
        do throws(TokenSetupFault) {
            keyKeeper = try KeyKeeper(tokenRules.issuers, KeyKeeperOptions(settings)) {
                [mailboxes] news in
                for mailbox in mailboxes { mailbox.post(.keys(news)) }
            }
            rightsHook = try RightsHook(RightsHookOptions(settings)) { [mailboxes] answer in
                mailboxes[answer.loop].post(.ruled(answer))
            }
        } catch { throw .token(error) }
    }

    var isReady: Bool {
        flow.load(ordering: .relaxed) == .flows && areKeysHere.load(ordering: .relaxed)
            && areRevocationsKnown.load(ordering: .relaxed) && !isDraining.load(ordering: .relaxed)
    }

    var othersHaveEnded: Bool { loopsEnded.load(ordering: .relaxed) >= mailboxes.count - 1 }

    func postToAll(_ mail: WorkerMail) {
        for mailbox in mailboxes { mailbox.post(mail) }
    }
}

extension Flow: AtomicRepresentable {}
