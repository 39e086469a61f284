// Worker is one loop's world: its listener, its sessions, its hub, and on loop 0 the feed.
//
// It joins the rooms and owns nothing they own. A tick: sockets and mailboxes are read, sessions and
// the feed change the hub; before the flush the hub is drained into the outboxes (Delivery.swift);
// the loop writes each dirty socket once; after the flush the latency is counted.
//
// Invariant: everything here is touched by its own thread only. What crosses is `WorkerMail`.

import Bytes
import Feed
import Fleet
import Hub
import Jobs
import Loop
import Settings
import Telemetry
import Tokens
import Wire

final class Worker {
    let index: Int
    let house: House
    let loop: Loop
    let hub: Hub
    private let alarm: Alarm
    let metrics: MetricsBlock
    let revoked: RevokedTokens
    let door: Door
    let headReader: HeadReader
    let bodyLimits: BodyLimits
    let deflater = Deflater()
    var messageReader: ClientMessageReader
    /// On loop 0 only.
    var feed: (any JobFeed)?
    var fleet: Fleet?
    /// How many asks of each loop have reached the feed; see Hub.
    var asksTaken: [Int]
    private(set) var listener: Listener?
    private(set) var drain: Drain?
    /// Loop 0 keeps this for all; `condition` is what this loop's clients have been told.
    var isRedisLost = false
    /// On loop 0: when the keys of each issuer were last read from afar.
    lazy var keysReadAt = KeyReadings(house.tokenRules, loop.now)
    private(set) var condition = RedisCondition.back
    /// What workers or Redis make us repeat is said so many times a second and then counted.
    let throttledLog: LogThrottle
    private(set) lazy var rights = RightsDesk(self)

    /// Sessions by their follower's index. A place is used again after its session has left the hub.
    private(set) var sessions: [Session?] = []
    /// Those who follow without a WebSocket. Their places among the sessions are nil and not free.
    var httpFollowers: [FollowerID: any HTTPFollower] = [:]
    private var freePlaces: [Int32] = []
    /// Connections that are no WebSocket yet, or never will be.
    private(set) var visitors: [ObjectIdentifier: HTTPConnection] = [:]
    /// Sessions that are owed more of a history than one round gave them.
    private var readers: Set<FollowerID> = []
    /// Visitors that asked more than they have read answers.
    private var pausedVisitors: [HTTPConnection] = []
    /// See FeedQuestion.swift.
    var asked: [UInt64: (FeedAnswer) -> Void] = [:]
    var nextTicket: UInt64 = 0
    var fleetDesk = FleetDesk()
    var office = Office()
    private var courier: Courier
    var tickets: TicketAllowance
    var hasHeldDelivery = false
    /// What the tick delivered, to be timed once it is written: when the first update of each job was
    /// heard, and how many messages came of it.
    var delivered: [(heardAt: Int64, messages: Int)] = []

    var settings: Settings { house.settings }
    var log: Log { house.log }
    var isDraining: Bool { house.isDraining.load(ordering: .relaxed) }

    init(index: Int, house: House) throws(StartFault) {
        self.index = index
        self.house = house
        let settings = house.settings
        do throws(SystemError) { loop = try Loop() } catch { throw .system(error) }
        hub = Hub(limits: HubLimits(settings))
        alarm = Alarm(loop)
        metrics = house.metrics.block(index)
        asksTaken = Array(repeating: 0, count: house.mailboxes.count)
        revoked = RevokedTokens(loop, max: settings.revocationsMax)
        door = try Door(house, revoked)
        headReader = HeadReader(limits: HeadLimits(settings))
        bodyLimits = BodyLimits(settings)
        messageReader = ClientMessageReader(jobsMax: settings.subscriptionsPerConnectionMax)
        throttledLog = LogThrottle(house.log, perSecondMax: settings.logRepeatsPerSecondMax)
        tickets = TicketAllowance(
            max: settings.ticketsMax, perSubjectMax: settings.ticketsPerSubjectMax, at: loop.now)
        courier = Courier(house.backlogs) { house.mailboxes[$1].post($0) }
    }

    /// Binds the address, and from then on hears mail. Throws what an operator can mend.
    func listen(on address: ListenAddress) throws(StartFault) -> Int {
        do throws(SystemError) {
            try loop.attach(house.mailboxes[index]) { [unowned self] mail in receive(mail) }
            let listener = try loop.listen(on: address, tls: house.tls, owner: self)
            self.listener = listener
            return listener.port
        } catch {
            throw .cannotListen(address, error)
        }
    }

    /// Serves until `stop` comes by mail.
    func run() {
        revoked.whenNew = { [unowned self] in endRevoked($0) }
        loop.beforeFlush = { [unowned self] in
            drainHub()
            carryOutViews()
            if let due = hub.nextRelease { alarm.set(to: due) }
            if feed != nil { flushOutgoing() }
        }
        loop.afterFlush = { [unowned self] in
            countLatency()
            countHeard()
            metrics.loopLag.observe(nanoseconds: loop.tickLag.nanoseconds)
            readOn()
        }
        beat()
        loop.run()
        throttledLog.tellHeld(at: loop.now.milliseconds, all: true)
    }

    /// The loop that owns the feed serves the others until they have ended.
    var mustOutlast: Bool { feed != nil && !house.othersHaveEnded }

    func stop() {
        feed?.stop()
        fleet?.stop()
        loop.stop()
    }

    /// Once a second.
    fileprivate func beat() {
        throttledLog.tellHeld(at: loop.now.milliseconds)
        if feed != nil { metrics.logLinesLost.add(log.takeLost()) }
        countKeyAge()
        noteRates()
        sweepViews()
        sweepRevocations()
        _ = loop.arm(self, after: .seconds(1))
    }

    // MARK: mail

    private func receive(_ mail: WorkerMail) {
        switch mail {
        case .follow(let job, let loop, let isBrief): follow(job, from: loop, isBrief: isBrief)
        case .unfollow(let job, let loop): feed?.unfollow(job, from: loop)
        case .followAll(let wants, let loop): followAll(wants, from: loop)
        case .ask(let question, let loop, let ticket):
            feed?.answer(question) { [house] answer in
                house.mailboxes[loop].post(.answered(answer, ticket: ticket))
            }
        case .updates(let updates, let bytes):
            for (update, change) in updates { hear(update, change) }
            house.backlogs[index].shrink(by: bytes)
        case .announced(let announcements, let bytes):
            for each in announcements { hear(each) }
            house.backlogs[index].shrink(by: bytes)
        case .missed(let jobs): for job in jobs { carryOut(hub.missed(job), for: job) }
        case .opened(let opening, let asks): open(opening, afterAsks: asks)
        case .answered(let answer, let ticket): asked.removeValue(forKey: ticket)?(answer)
        case .fleet(let mail): receive(mail)
        case .redis(let condition): tell(condition)
        case .keys(let news): hear(news)
        case .ruled(let answer): rights.hear(answer)
        case .errand(let mail): receive(mail)
        case .drain: beginDrain()
        case .stop: stop()
        }
    }

    // MARK: feed

    /// What the feed of this loop says; see `FeedNews` for the order it keeps.
    func hear(_ news: FeedNews) {
        switch news {
        case .update(let update, let change, let loops):
            for other in house.mailboxes.indices where loops.contains(other) {
                if other == index {
                    hear(update, change)
                } else {
                    courier.carry(update, change, to: other)
                }
            }
        case .opened(let opening, let loop):
            let asks = asksTaken[loop]
            if loop == index {
                open(opening, afterAsks: asks)
            } else {
                post(.opened(opening, afterAsks: asks), to: loop)
            }
        case .active(let announcement, let loops):
            for other in house.mailboxes.indices where loops.contains(other) {
                if other == index {
                    hear(announcement)
                } else {
                    courier.carry(announcement, to: other)
                }
            }
        case .caughtUp: flushOutgoing()
        default: hear(status: news)
        }
    }

    /// Mail keeps the order of what was heard before it.
    private func post(_ mail: WorkerMail, to loop: Int) {
        flushOutgoing()
        house.mailboxes[loop].post(mail)
    }

    private func flushOutgoing() {
        let letGo = courier.flush()
        guard letGo > 0 else { return }
        metrics.drops.add(.memoryLimit, letGo)
        throttledLog.line(
            .warning, "loop_behind", at: loop.now.milliseconds, ["events": .integer(letGo)])
    }

    // MARK: sessions

    func session(_ id: FollowerID) -> Session? { sessions[Int(id.index)] }

    /// Places a session in the list, under an id of its own.
    func enter(_ make: (FollowerID) -> Session) -> Session {
        let session = make(takePlace())
        sessions[Int(session.id.index)] = session
        metrics.webSockets.add(1)
        return session
    }

    func forget(_ session: Session) {
        sessions[Int(session.id.index)] = nil
        metrics.webSockets.add(-1)
        vacate(session.id)
    }

    func takePlace() -> FollowerID {
        if freePlaces.isEmpty {
            freePlaces.append(Int32(sessions.count))
            sessions.append(nil)
        }
        return FollowerID(index: freePlaces.removeLast())
    }

    func vacate(_ id: FollowerID) { freePlaces.append(id.index) }

    var sessionCount: Int { sessions.count - freePlaces.count }

    func enter(_ visitor: HTTPConnection) { visitors[ObjectIdentifier(visitor)] = visitor }
    func forget(_ visitor: HTTPConnection) { visitors[ObjectIdentifier(visitor)] = nil }

    private func tell(_ condition: RedisCondition) {
        self.condition = condition
        let notice = condition.notice
        for session in sessions { session?.notify(notice) }
        for follower in httpFollowers.values { follower.notify(notice) }
    }

    private func beginDrain() {
        guard drain == nil else { return }
        listener?.close()
        rights.drain()
        for visitor in visitors.values { visitor.drain() }
        drain = Drain(self)
    }

    /// The follower goes on reading histories after a flush, when its socket has taken some.
    func readLater(_ follower: FollowerID) { readers.insert(follower) }

    func goOnLater(_ visitor: HTTPConnection) { pausedVisitors.append(visitor) }

    private func readOn() {
        if !pausedVisitors.isEmpty {
            let due = pausedVisitors
            pausedVisitors = []
            for visitor in due { visitor.goOn() }
        }
        guard !readers.isEmpty else { return }
        let due = readers
        readers = []
        for id in due {
            session(id)?.readOn()
            httpFollowers[id]?.readOn()
        }
    }
}

extension Worker: TimerTarget {
    func timerFired(_ id: TimerID) { beat() }
}
