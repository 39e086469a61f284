// What may go wrong in a schedule: each fault strikes at once, whatever is under way.

@testable import Feed

extension World {
    enum Fault: CaseIterable {
        case crash, start, pause, resume, cutSubscription, cutCommands, clientLeaves, durable
        case flush, deleteState, deleteIngest, restart, failover, failback

        static func of(_ loss: Schedule.Loss) -> [Fault] {
            switch loss {
            case .nothing: Array(allCases.prefix { $0 != .flush })
            case .keys: Array(allCases.prefix { $0 != .restart })
            case .history: allCases
            case .primary: [.cutSubscription, .cutCommands, .clientLeaves, .failover, .failback]
            }
        }
    }

    func strike() throws(Violation) {
        let bridge = bridges[random.throwDie(bridges.count)]
        let fault = temper.faults[random.throwDie(temper.faults.count)]
        tell("fault \(fault), of bridge \(bridge.index)")
        switch fault {
        case .crash: if bridge.isAlive { try crash(bridge) }
        case .start: bridge.isAlive = true
        case .pause: bridge.isPaused = true
        case .resume: bridge.isPaused = false
        case .cutSubscription: if bridge.subscription != nil { bridge.cutSubscription() }
        case .cutCommands: try cutCommands(of: bridge)
        case .clientLeaves: leave(clients[random.throwDie(clients.count)])
        case .durable: publishDurably()
        case .flush: loseData { $0.store = SimulatedRedis.Store() }
        case .deleteState: loseData { $0.store.jobs[random.throwDie(2)] = nil }
        case .deleteIngest: loseData { $0.store.ingest = nil }
        case .restart:
            replace(by: random.happens(0.5) ? redis.store : SimulatedRedis.Store(), false)
        case .failover:
            let isOnlyReplaced = schedule.loss == .primary
            guard !isOnlyReplaced || replaced.isEmpty else { return }
            let past = redis.past[random.throwDie(redis.past.count)]
            replace(by: past, isOnlyReplaced || random.happens(0.5))
        case .failback: if let old = replaced.randomElement(using: &random) { failBack(to: old) }
        }
    }

    private func loseData(_ lose: (SimulatedRedis) -> Void) {
        ledger.isLossy = true
        lose(redis)
        redis.save()
    }

    func replace(by store: SimulatedRedis.Store, _ oldLivesOn: Bool) {
        ledger.isLossy = true
        let old = redis
        current = SimulatedRedis(self, store)
        if oldLivesOn { replaced.append(old) } else { bury(old) }
    }

    /// The one that was replaced takes over again, with all that its successor has; those that are connected to
    /// it are told nothing.
    private func failBack(to old: SimulatedRedis) {
        ledger.isLossy = true
        let successor = redis
        replaced.removeAll { $0 === old }
        old.reignAgain(over: successor.store)
        current = old
        bury(successor)
    }

    func bury(_ redis: SimulatedRedis) {
        redis.isAlive = false
        replaced.removeAll { $0 === redis }
        for bridge in bridges {
            if bridge.subscription?.redis === redis { bridge.cutSubscription() }
            if bridge.commands?.redis === redis { bridge.cutCommands() }
        }
    }

    /// What was sent may still be run, now or much later; nobody hears the answers.
    private func cutCommands(of bridge: SimulatedBridge) throws(Violation) {
        guard let commands = bridge.commands else { return }
        bridge.cutCommands()
        guard commands.redis.isAlive, !commands.requests.isEmpty else { return }
        if random.happens(0.5) {
            for _ in 0..<random.throwDie(commands.requests.count + 1) { try run(commands) }
        } else if random.happens(0.5) {
            ghosts.append(commands)
        }
    }

    func crash(_ bridge: SimulatedBridge) throws(Violation) {
        ledger.forgive(bridge)
        try cutCommands(of: bridge)
        bridge.subscription?.cut()
        for client in clients where client.place?.0 === bridge { client.place = nil }
        bridge.isAlive = false
        bridge.restart()
    }

    private func leave(_ client: Client) { client.place?.0.leave(client) }
}
