// A bridge in a schedule: the recorder, the followed jobs and the hub as they are, with the thin shell
// around them written anew for simulated connections. Whatever it can do next the world chooses.

import Bytes
import Jobs
import Loop

@testable import Feed
@testable import Hub

final class SimulatedBridge {
    enum Action { case subscribe, connect, hear, reply, runAsked, step, touch }

    unowned let world: World
    let index: Int
    var isAlive = true
    var isPaused = false
    var clock: Instant { world.clock }
    /// It counts one of the two jobs only.
    let countsOneJob: Bool
    var recorder: Recorder
    var followed = FollowedJobs(earlyBytesMax: 1 << 20)
    var hub = Hub(limits: .init())
    var subscription: Subscription?
    var commands: Commands?
    var clients: [FollowerID: Client] = [:]
    /// What the last `next` said there was nothing to do at; asked again when something has changed.
    private var isIdle = false
    private var followers: Int32 = 0

    init(_ world: World, _ index: Int, countsOneJob: Bool) {
        self.world = world
        self.index = index
        self.countsOneJob = countsOneJob
        recorder = Self.recorder(world, countsOneJob)
    }

    private static func recorder(_ world: World, _ countsOneJob: Bool) -> Recorder {
        let isTold = countsOneJob && !world.isWithout(.patterns)
        guard let patterns = Name(checking: isTold ? "one" : "all") else { fatalError() }
        return Recorder(
            me: Name.random(using: &world.random), patterns: patterns, limits: world.limits)
    }

    func restart() {
        recorder = Self.recorder(world, countsOneJob)
        followed = FollowedJobs(earlyBytesMax: 1 << 20)
        hub = Hub(limits: .init())
        (subscription, commands, clients, isIdle) = (nil, nil, [:], false)
    }

    private func without(_ check: Check) -> Bool { world.isWithout(check) }

    private func reign(_ redis: SimulatedRedis) -> String {
        without(.sameServer) ? "reign" : redis.reign
    }

    // MARK: what it can do

    var actions: [Action] {
        var actions: [Action] = []
        if subscription == nil { actions.append(.subscribe) }
        if commands == nil { actions.append(.connect) }
        if subscription?.unread.isEmpty == false { actions.append(.hear) }
        if subscription?.asked.isEmpty == false { actions.append(.runAsked) }
        if commands?.replies.isEmpty == false { actions.append(.reply) }
        if commands != nil, !isIdle { actions.append(.step) }
        if recorder.isWhole, followed.isWanting { actions.append(.touch) }
        return actions
    }

    func take(_ action: Action) throws(Violation) {
        if action != .step { isIdle = false }
        switch action {
        case .subscribe:
            let redis = world.target()
            subscription = Subscription(redis, onlyJob: countsOneJob ? 0 : nil)
            recorder.subscriptionReady(reign: reign(redis), at: clock)
            followed.checkAll()
        case .connect:
            let redis = world.target()
            commands = Commands(redis, self)
            recorder.commandsReady(reign: reign(redis))
        case .hear:
            guard let heard = subscription?.unread.removeFirst() else { return }
            try hear(heard)
        case .reply:
            guard let reply = commands?.replies.removeFirst() else { return }
            try receive(reply)
        case .step: step()
        case .touch:
            for wish in followed.nextWishes(checksMax: 2) {
                commands?.requests.append(.touch(wish))
            }
        case .runAsked: subscription?.runAsked()
        }
        world.ledger.watch(self)
    }

    private func step() {
        let wasAligned = recorder.isAligned
        let next = recorder.next(at: clock, using: &world.random)
        if wasAligned { forgiveWhatFollowsAHole() }
        if let next { world.tell("  bridge \(index): \(next)") }
        switch next {
        case .record(let call): commands?.requests.append(.record(call))
        case .ask(let token): commands?.requests.append(.ask(token))
        case .answer(let call): commands?.requests.append(.answer(call))
        case .open(let call): commands?.requests.append(.open(call))
        case .pulse(let call): commands?.requests.append(.pulse(call))
        case .present(let change):
            // Without it nobody waits to be counted.
            let isAwaited = !without(change.place == .there ? .presence : .claim)
            subscription?.asked.append(change)
            if !isAwaited { recorder.presenceConfirmed() }
        case .reconnectSubscription: cutSubscription()
        case .reconnectCommands: cutCommands()
        case nil: isIdle = true
        }
    }

    /// What comes next in its era nobody holds any more: it gives up its names, and whatever they named.
    private func forgiveWhatFollowsAHole() {
        if !recorder.isAligned { world.ledger.forgive(self) }
    }

    func timePassed() { isIdle = false }

    /// For a story: what is next in the way of the action.
    func what(_ action: Action) -> String {
        switch action {
        case .hear: subscription.map { "\($0.unread[0])" } ?? ""
        case .reply: commands.map { "\($0.replies[0])" } ?? ""
        default: "\(recorder.standing) asking \(recorder.asking.map { "\($0)" } ?? "nothing")"
        }
    }

    /// It has opened this era and works in it, or is about to hear that it does.
    func isOpening(_ era: Name) -> Bool {
        recorder.naming?.era == era
            || subscription?.unread.contains {
                if case .control(let message) = $0, case .mark(era, _) = message.word {
                    true
                } else {
                    false
                }
            } == true
    }

    /// It has lost its subscription only, and is quicker with what it held than another is with an era.
    var isAboutToSendTail: Bool {
        isAlive && !isPaused && commands != nil && recorder.tail != nil
    }

    var heardAndHeld: Set<Int> {
        let queue = recorder.queue
        let held = queue.batch(from: queue.first, entriesMax: .max, bytesMax: .max)
        let unread = subscription?.unread.compactMap {
            if case .message(_, let uid) = $0 { uid } else { nil }
        }
        return Set(held.map { World.read($0).uid } + (unread ?? []))
    }

    // MARK: the connections

    func cutSubscription() {
        subscription?.cut()
        subscription = nil
        isIdle = false
        // What was only kept, under the names of a dead era, is given up.
        if recorder.isKeeping { world.ledger.forgiveKept(self) }
        recorder.subscriptionLost()
        if without(.tail) { recorder.tail = nil }
    }

    func cutCommands() {
        guard let commands else { return }
        self.commands = nil
        isIdle = false
        for case .touch(let wish) in commands.requests { followed.failed(wish) }
        for case .touched(let wish, _, _) in commands.replies { followed.failed(wish) }
        recorder.commandsLost()
        if without(.doubted) { recorder.doubted = [] }
    }

    // MARK: what is heard

    private func hear(_ heard: Heard) throws(Violation) {
        switch heard {
        case .message(let job, let uid):
            if !recorder.hear(World.event(job, uid, at: clock)) { world.ledger.forgive(self) }
        case .stamped(let by, let era, let last, let items):
            if let named = recorder.named, named.era == era {
                try world.ledger.agrees(self, named, last, items)
            }
            if recorder.named != nil || !without(.letGo) {
                let canBe = recorder.hear(
                    StampedMessage(by: by, era: era, last: last), at: clock)
                if !canBe { throw Violation("\(last) was recorded before it was heard") }
            }
            for item in items {
                let update = World.update(item)
                guard let loops = followed.hear(update, nil) else { continue }
                try tell([.update(update, nil, loops)])
            }
        case .control(let message): try hear(message)
        case .presence: recorder.presenceConfirmed()
        }
    }

    private func hear(_ message: ControlMessage) throws(Violation) {
        if case .where(_, _, let expected) = message.word, without(.deadEra),
            let naming = recorder.naming,
            naming.era != expected.era
        {
            return
        }
        if case .mark(let era, let by) = message.word, by != recorder.me {
            let opener = world.bridges.first { $0.recorder.me == by }
            try world.ledger.overrule(self, by: opener, in: era)
        }
        recorder.hear(heard(message), at: clock)
        if without(.answer) { recorder.marks.removeAll { $0.token.text.first != "m" } }
        giveUpKept()
        if case .mark = message.word { followed.touchAll() }
    }

    /// Without `ownMark` only the era named like the token that is out now is taken for our own.
    private func heard(_ message: ControlMessage) -> ControlMessage {
        guard without(.ownMark), case .mark(let token, recorder.me) = message.word,
            recorder.asking?.token != token
        else { return message }
        return ControlMessage(
            .mark(token: token, by: Name.random(using: &world.random)), patterns: message.patterns)
    }

    private func giveUpKept() {
        guard without(.keep), recorder.isKeeping else { return }
        recorder.lose(keepingNames: false)
        recorder.queue.removeAll()
    }

    private func receive(_ reply: Commands.Reply) throws(Violation) {
        switch reply {
        case .record(let call, let answer):
            if call.isTail, answer == .otherEra { try world.ledger.refuseTail(self) }
            let isDeaf = answer == .otherEra && !call.isTail && without(.eraAnswer)
            let wasAligned = recorder.isAligned
            recorder.answered(call, isDeaf ? .failed : answer, at: clock)
            if wasAligned, case .hole = answer { forgiveWhatFollowsAHole() }
            giveUpKept()
        case .told(let call, let answer):
            if !without(.eraAnswer) { recorder.answered(call, answer) }
            giveUpKept()
        case .asked(let token, let present):
            recorder.answered(ask: token, present: present, at: clock)
        case .pulsed(let call, var answer):
            if without(.sameServer) {
                answer = PulseAnswer(reign: "reign", isPrimary: true, present: answer.present)
            }
            recorder.answered(call, answer, at: clock)
        case .opened(let token, let isOpen):
            recorder.answered(open: token, isOpen: isOpen, at: clock, using: &world.random)
        case .touched(let wish, let reign, let touched):
            guard without(.sameServer) || reign == subscription?.reign else {
                return followed.failed(wish)
            }
            try tell(news(of: wish, touched))
        }
    }

    private func news(of wish: FollowedJobs.Wish, _ touched: SimulatedRedis.Touched?)
        -> [FollowedNews]
    {
        guard let touched else {
            return wish.isCheck
                ? followed.stands(wish, at: Cursor(epoch: nil, seq: 0))
                : followed.opened(wish, Opening(job: wish.job))
        }
        let job = touched.job
        if wish.isCheck {
            return followed.stands(wish, at: Cursor(epoch: job.epoch, seq: job.seq))
        }
        let updates = touched.entries.map {
            World.update(
                StampedItem(
                    job: World.jobs[0] == wish.job ? 0 : 1, epoch: job.epoch, seq: $0.seq,
                    item: $0.item))
        }
        if let behind = touched.behind, wish.behind == Cursor(epoch: job.epoch, seq: behind) {
            return followed.missed(wish, updates.map { ($0, nil) })
        }
        return followed.opened(
            wish,
            Opening(
                job: wish.job, epoch: job.epoch, seq: job.seq, forks: job.forks, updates: updates,
                behind: touched.behind))
    }

    // MARK: the followers

    private func tell(_ news: [FollowedNews]) throws(Violation) {
        let asks = hub.asks
        for each in news {
            switch each {
            case .update(let update, let change, _):
                if hub.hear(update, change) == .askFeed {
                    followed.follow(update.job, from: 0, at: clock)
                }
                try drain()
            case .opened(let opening, _):
                try drain()
                let (welcomes, resumed, request) = hub.open(opening, afterAsks: asks)
                for welcome in welcomes { try welcomed(welcome) }
                for follower in resumed { try read(follower) }
                if request == .askFeed { followed.follow(opening.job, from: 0, at: clock) }
                try drain()
            }
        }
    }

    private func drain() throws(Violation) {
        var deliveries: [Delivery] = []
        var welcomes: [Welcome] = []
        hub.drain(at: 0) {
            deliveries.append($0)
            return []
        } welcome: {
            welcomes.append($0)
        }
        for delivery in deliveries {
            for follower in delivery.live {
                if let epoch = delivery.beginsEpoch { clients[follower]?.heard(of: epoch) }
                for entry in delivery.entries { try clients[follower]?.hear(entry.update) }
            }
        }
        for welcome in welcomes { try welcomed(welcome) }
    }

    private func welcomed(_ welcome: Welcome) throws(Violation) {
        clients[welcome.follower]?.welcomed(welcome)
        try read(welcome.follower)
    }

    private func read(_ follower: FollowerID) throws(Violation) {
        guard let client = clients[follower] else { return }
        var hasCaughtUp = false
        while !hasCaughtUp {
            let (items, isDone) = hub.read(
                World.jobs[client.job], for: follower, bytes: 1 << 20, at: 0)
            for item in items { try client.hear(item) }
            hasCaughtUp = isDone
        }
    }

    /// Where the job left earlier epochs, as this bridge tells followers.
    func forks(of job: JobID) -> [Fork] { hub.topics[job]?.forks ?? [] }

    func join(_ client: Client) throws(Violation) {
        followers += 1
        let follower = FollowerID(index: followers)
        clients[follower] = client
        client.place = (self, follower)
        client.comes()
        let job = World.jobs[client.job]
        let (welcome, request) = hub.follow(job, by: follower, wish: client.wish)
        if let welcome { try welcomed(welcome) }
        if request == .askFeed { followed.follow(job, from: 0, at: clock) }
        try drain()
    }

    func leave(_ client: Client) {
        guard let (_, follower) = client.place else { return }
        clients[follower] = nil
        client.place = nil
        if hub.unfollow(World.jobs[client.job], by: follower) {
            followed.unfollow(World.jobs[client.job], from: 0)
        }
    }
}
