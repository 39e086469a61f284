// A hub, a feed that is far away, some jobs, and clients that follow jobs and view queues. Mail takes its
// time in both directions; a step of a test delivers it.

import Hub
import Jobs
import Testing

struct ViewStage {
    enum ToFeed { case follow(JobID, isBrief: Bool), unfollow(JobID), watch(Bool) }
    enum ToHub {
        case update(Update, SnapshotChange?), active(Announcement)
        case opened(Opening, afterAsks: Int), missed(JobID)
    }

    /// What one client has of one job: a subscription of its own, or by a view.
    struct Seat {
        var ledger: Ledger
        var isOwn: Bool
        /// The job was quiet; where it goes meanwhile nobody is told.
        var isLetGo = false
        /// What follows need not begin where this ends.
        var mayEnd = false
    }

    struct Client {
        var views: [String: View] = [:]
        var own: Set<JobID> = []
        var seats: [JobID: Seat] = [:]
        /// Whatever a job has behind this must reach the client.
        var owed: [JobID: UInt64] = [:]
        var reading: Set<JobID> = []
        var isHeld = false
    }

    private static let nothing = UInt64.max - 1

    let hub: Hub
    /// No job goes from queue to queue.
    var isSteady = false
    var histories: [JobID: History] = [:]
    let jobs: [JobID]
    /// Where a job belongs after each of its events.
    private(set) var belongings: [JobID: [Belonging]] = [:]
    var clients: [FollowerID: Client]
    private var followed: Set<JobID> = []
    private var isWatching = false
    private var asksTaken = 0
    private(set) var toFeed: [ToFeed] = []
    private(set) var toHub: [ToHub] = []
    private(set) var departures: [Departure] = []

    static func job(_ index: Int) -> JobID {
        guard let job = try? JobID(checking: "job-\(index)") else { fatalError("a good id") }
        return job
    }

    init(jobs: Int = 4, clients: Int = 4, ringMax: Int = 1_000, viewJobsMax: Int = 100) {
        hub = Hub(
            limits: HubLimits(ring: RingLimits(eventsMax: ringMax), viewJobsMax: viewJobsMax))
        self.jobs = (0..<jobs).map(Self.job)
        self.clients = [:]
        for index in 0..<clients { self.clients[FollowerID(index: Int32(index))] = Client() }
        for job in self.jobs { histories[job] = History(job: job, ringMax: ringMax) }
    }

    // MARK: workers and the feed

    func last(_ job: JobID) -> UInt64 { histories[job]?.updates.last?.seq ?? 0 }
    func belonging(of job: JobID) -> Belonging { belongings[job]?.last ?? Belonging() }
    func queue(of job: JobID) -> String? { belonging(of: job).queue }

    /// An event; with a queue or an owner it brings the job there.
    mutating func publish(_ job: JobID, to queue: String? = nil, owner: String? = nil) {
        guard let update = histories[job]?.publish() else { return }
        let old = belonging(of: job)
        let new = Belonging(queue: queue ?? old.queue, owner: owner ?? old.owner)
        belongings[job, default: []].append(new)
        if followed.contains(job) {
            toHub.append(.update(update, change(to: Belonging(queue: queue, owner: owner))))
        } else if isWatching {
            toHub.append(
                .active(
                    Announcement(
                        job: job, belonging: new,
                        after: update.cursorBefore)))
        }
    }

    private func change(to new: Belonging) -> SnapshotChange? {
        let members = [("queue", new.queue), ("owner", new.owner)].compactMap { name, value in
            value.map { "\"\(name)\":\"\($0)\"" }
        }
        guard !members.isEmpty else { return nil }
        return EventReader(eventBytesMax: 1_000).change(
            #"{"type":"status","data":{\#(members.joined(separator: ","))}}"#)
    }

    private func opening(of job: JobID, isBrief: Bool) -> Opening {
        let whole = histories[job]?.opening ?? Opening(job: job)
        var snapshot = Snapshot()
        if let change = change(to: belonging(of: job)) { snapshot.apply(change) }
        return Opening(
            job: job, epoch: whole.epoch, seq: whole.seq, forks: whole.forks, snapshot: snapshot,
            updates: isBrief ? whole.updates.suffix(Opening.briefEntriesMax) : whole.updates,
            isBrief: isBrief)
    }

    mutating func feedReads() {
        guard !toFeed.isEmpty else { return }
        switch toFeed.removeFirst() {
        case .follow(let job, let isBrief):
            followed.insert(job)
            asksTaken += 1
            toHub.append(.opened(opening(of: job, isBrief: isBrief), afterAsks: asksTaken))
        case .unfollow(let job): followed.remove(job)
        case .watch(let isWatching):
            self.isWatching = isWatching
            // What was published before nobody had promised.
            for id in Array(clients.keys) where isWatching { promise(id) }
        }
    }

    // MARK: the hub

    mutating func hubReads() {
        guard !toHub.isEmpty else { return }
        switch toHub.removeFirst() {
        case .update(let update, let change): carryOut(hub.hear(update, change), update.job)
        case .active(let announcement): carryOut(hub.announce(announcement), announcement.job)
        case .missed(let job):
            let request = hub.missed(job)
            if request == .nothing { forgive(job) }
            carryOut(request, job)
        case .opened(let opening, let asks):
            let (welcomes, resumed, request) = hub.open(opening, afterAsks: asks)
            for welcome in welcomes { take(welcome) }
            for id in resumed { clients[id]?.reading.insert(opening.job) }
            settle()
            carryOut(request, opening.job)
        }
        settle()
    }

    /// All that is on its way of the job is lost, and the hub is told.
    mutating func lose(_ job: JobID) {
        if dropUpdates(of: job) > 0 { toHub.append(.missed(job)) }
    }

    private mutating func dropUpdates(of job: JobID) -> Int {
        let before = toHub.count
        toHub.removeAll {
            if case .update(let update, _) = $0 { update.job == job } else { false }
        }
        return before - toHub.count
    }

    /// What is on its way of the job is lost, and the feed makes up for it by what comes behind the rest.
    mutating func makeUp(_ job: JobID) {
        let lost = dropUpdates(of: job)
        let whole = opening(of: job, isBrief: false)
        toHub.append(
            .opened(
                Opening(
                    job: job, epoch: whole.epoch, seq: whole.seq, forks: whole.forks,
                    snapshot: whole.snapshot, updates: whole.updates.suffix(lost),
                    behind: whole.seq - UInt64(lost)), afterAsks: asksTaken))
    }

    /// Events were lost of a job that no view followed at that moment, so that the hub can't tell who
    /// would have seen them: the next one begins a new subscription.
    private mutating func forgive(_ job: JobID) {
        for id in Array(clients.keys) where clients[id]?.own.contains(job) == false {
            clients[id]?.owed[job] = Self.nothing
            clients[id]?.seats[job]?.mayEnd = true
        }
    }

    private mutating func carryOut(_ request: HubRequest, _ job: JobID) {
        guard request != .nothing else { return }
        toFeed.append(.follow(job, isBrief: request == .askFeedBriefly))
    }

    mutating func settle() {
        guard let (departures, abandoned) = hub.takeOutcome() else { return }
        for job in abandoned {
            toFeed.append(.unfollow(job))
            for id in Array(clients.keys) { clients[id]?.seats[job]?.isLetGo = true }
        }
        for each in departures {
            clients[each.follower]?.seats[each.job] = nil
            clients[each.follower]?.reading.remove(each.job)
        }
        self.departures += departures
    }

    mutating func drain() {
        var seen: [(FollowerID, JobID, Item)] = []
        var welcomes: [Welcome] = []
        hub.drain(at: 0) { delivery in
            for id in delivery.live {
                if let epoch = delivery.beginsEpoch {
                    seen.append((id, delivery.job, .live(epoch, 0)))
                }
                for entry in delivery.entries { seen.append((id, delivery.job, .entry(entry))) }
            }
            return []
        } welcome: {
            welcomes.append($0)
        }
        for (id, job, item) in seen { see(id, job, item) }
        settle()
        for welcome in welcomes { take(welcome) }
    }

    // MARK: clients

    /// Whatever comes from here on, it is to see.
    private mutating func promise(_ id: FollowerID) {
        for job in jobs {
            let last = last(job)
            clients[id]?.owed[job] = last
        }
    }

    mutating func view(_ index: Int32, _ views: [String: View], isHeld: Bool = false) {
        let id = FollowerID(index: index)
        let had = hub.hasViews
        // A job that comes into view is owed from here on.
        let unseen = jobs.filter { !wants(id, $0) }
        for job in unseen {
            let last = last(job)
            clients[id]?.owed[job] = last
            if clients[id]?.seats[job]?.isLetGo == true { clients[id]?.seats[job] = nil }
        }
        clients[id]?.views = views
        clients[id]?.isHeld = isHeld
        hub.setViews(views, of: id, isHeld: isHeld, reason: .rightLost)
        settle()
        if had != hub.hasViews { toFeed.append(.watch(hub.hasViews)) }
    }

    mutating func letIn(_ index: Int32) {
        clients[FollowerID(index: index)]?.isHeld = false
        hub.letIn(FollowerID(index: index))
    }

    /// As things stand with the workers.
    func wants(_ id: FollowerID, _ job: JobID) -> Bool {
        wants(id, job, in: belonging(of: job))
    }

    func wants(_ id: FollowerID, _ job: JobID, in belonging: Belonging) -> Bool {
        guard let views = clients[id]?.views else { return false }
        return belonging.queue.flatMap { views[$0] } != nil
            || views["*"]?.covers(job, belonging) == true
    }

    mutating func follow(_ index: Int32, _ job: JobID) {
        let id = FollowerID(index: index)
        unfollow(index, job)
        clients[id]?.own.insert(job)
        clients[id]?.seats[job] = nil
        clients[id]?.reading.remove(job)
        let (welcome, request) = hub.follow(job, by: id, wish: Wish())
        if let welcome { take(welcome) }
        carryOut(request, job)
        settle()
    }

    mutating func unfollow(_ index: Int32, _ job: JobID) {
        let id = FollowerID(index: index)
        guard clients[id]?.own.remove(job) != nil else { return }
        clients[id]?.seats[job] = nil
        clients[id]?.reading.remove(job)
        let last = last(job)
        clients[id]?.owed[job] = last
        if hub.unfollow(job, by: id) { toFeed.append(.unfollow(job)) }
        settle()
    }

    private mutating func take(_ welcome: Welcome) {
        let (id, job) = (welcome.follower, welcome.job)
        let isOwn = clients[id]?.own.contains(job) == true
        #expect(isOwn || clients[id]?.isHeld == false, "nothing comes before the view's answer")
        if isSteady, !isOwn, let seat = clients[id]?.seats[job] { close(seat, id, job) }
        clients[id]?.seats[job] = Seat(
            ledger: Ledger(epoch: welcome.epoch, from: isOwn ? 1 : nil), isOwn: isOwn)
        clients[id]?.reading.insert(job)
    }

    mutating func read(_ index: Int32, bytes: Int = .max) {
        let id = FollowerID(index: index)
        for job in clients[id]?.reading ?? [] {
            let (items, hasCaughtUp) = hub.read(job, for: id, bytes: bytes, at: 0)
            for item in items { see(id, job, item) }
            if hasCaughtUp { clients[id]?.reading.remove(job) }
        }
    }

    private mutating func see(_ id: FollowerID, _ job: JobID, _ item: Item) {
        guard let seat = clients[id]?.seats[job] else {
            Issue.record("\(id) is sent \(job), of which it was told nothing")
            return
        }
        if case .entry(let entry) = item, !seat.isOwn { check(entry, of: job, seenBy: id) }
        clients[id]?.seats[job]?.ledger.see(item)
    }

    /// By a view an event is seen only if the job was, before it, by it or later, where the view looks; what
    /// gives it to another owner, only by it or later.
    private func check(_ entry: Entry, of job: JobID, seenBy id: FollowerID) {
        let belongings = belongings[job] ?? []
        let (before, after) = (max(Int(entry.seq) - 2, 0), Int(entry.seq) - 1)
        let isHandedOver =
            belongings[before].owner.map { !belongings[after].isOwned(by: $0) } ?? false
        let since = belongings[(isHandedOver ? after : before)...]
        #expect(
            since.contains { wants(id, job, in: $0) },
            "\(id) sees \(entry.seq) of \(job), which is in no queue of its views")
    }

    /// A subscription by a view begins where the one before it, or what was promised, ends.
    mutating func close(_ seat: Seat, _ id: FollowerID, _ job: JobID) {
        guard !seat.isOwn, let owed = clients[id]?.owed[job] else { return }
        if let first = seat.ledger.first { #expect(first <= owed + 1, "\(job) begins too late") }
        let next = seat.mayEnd ? nil : seat.ledger.next
        clients[id]?.owed[job] = next.map { $0 - 1 } ?? Self.nothing
    }

    /// All mail is read, all is handed out.
    mutating func rest() {
        repeat {
            while !toFeed.isEmpty { feedReads() }
            while !toHub.isEmpty { hubReads() }
            drain()
            for index in clients.keys.map(\.index).sorted() { read(index) }
        } while !toFeed.isEmpty || !toHub.isEmpty
    }
}

extension EventReader {
    fileprivate func change(_ text: String) -> SnapshotChange {
        var reader = self
        return reader.read(Array(text.utf8).span, heardAt: WallTime(milliseconds: 1), of: .job)
            .change
    }
}
